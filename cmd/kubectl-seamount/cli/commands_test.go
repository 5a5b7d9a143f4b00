package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// failing makes every list of a kind fail.
func failing(err error, fails func(client.ObjectList) bool) interceptor.Funcs {
	return interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		if fails(list) {
			return err
		}
		return c.List(ctx, list, opts...)
	}}
}

func always(client.ObjectList) bool { return true }

func TestExitCodes(t *testing.T) {
	t.Parallel()
	degraded := healthy()
	set(degraded.cluster.Status.Conditions, yes("Ready", "ServingDegraded", "OSD_SLOW_PING_TIME_BACK: slow OSD heartbeats"))
	preparing := healthy()
	set(preparing.cluster.Status.Conditions, no("DisksSettled", "Preparing", "1 OSD of class hdd, host n1"))
	stale := healthy()
	set(stale.cluster.Status.Conditions, no("Reachable", "Stale", "the state of the cluster could not be read lately"))
	silent := healthy()
	silent.cluster.Status = v1alpha1.StorageClusterStatus{}
	drifted := healthy()
	set(drifted.cluster.Status.Conditions, no("UpToDate", "ConfigDrift", "1 setting changed in Ceph by hand"))
	unseen := healthy()
	set(unseen.cluster.Status.Conditions, no("UpToDate", "ConfigDrift", "1 setting changed in Ceph by hand"))
	set(unseen.cluster.Status.Conditions, cond("MonQuorum", metav1.ConditionUnknown, "NotObserved", "the mons could not be asked"))
	fresh := healthy()
	fresh.bulk.Status.Conditions = nil
	for name, tt := range map[string]struct {
		line    string
		objects []client.Object
		want    int
	}{
		"healthy":                        {"status --check", healthy().objects(), exitOK},
		"a disk is on its way in":        {"status --check", preparing.objects(), exitOK},
		"not healthy":                    {"status --check main", troubled().objects(), exitUnhealthy},
		"degraded":                       {"status --check", degraded.objects(), exitUnhealthy},
		"stale is not healthy":           {"status --check", stale.objects(), exitUnhealthy},
		"no status is not healthy":       {"status --check", silent.objects(), exitUnhealthy},
		"not healthy, and nobody checks": {"status", troubled().objects(), exitOK},
		"drift is no sickness":           {"status --check", drifted.objects(), exitOK},
		"drift hides nothing":            {"status --check", unseen.objects(), exitUnhealthy},
		"a pool without a status":        {"status --check", fresh.objects(), exitUnhealthy},
		"no cluster":                     {"status --check", nil, exitFailed},
		"no such cluster":                {"status other", healthy().objects(), exitFailed},
		"no such namespace":              {"plan -n other", healthy().objects(), exitFailed},
		"no such claim":                  {"volumes -n shop other", healthy().objects(), exitFailed},
		"no such object":                 {"why disk/other", healthy().objects(), exitFailed},
		"no command":                     {"levitate", nil, exitUsage},
		"two clusters":                   {"status a b", nil, exitUsage},
		"no such flag":                   {"disks --color", nil, exitUsage},
		"no such format":                 {"disks -o xml", nil, exitUsage},
		"a bad selector":                 {"disks -l =", nil, exitUsage},
		"no object":                      {"why web-0", nil, exitUsage},
		"no kind":                        {"why deployment/web", nil, exitUsage},
		"a claim with -A":                {"volumes -A data", nil, exitUsage},
		"check and watch":                {"status --check --watch", nil, exitUsage},
		"nothing to run":                 {"ceph", nil, exitUsage},
		"help":                           {"", nil, exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, interceptor.Funcs{}, tt.objects...)
			if code := w.run(t, tt.line); code != tt.want {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.want, &w.out, &w.err)
			}
			if failed := tt.want == exitFailed || tt.want == exitUsage; failed && (!strings.Contains(w.err.String(), "error: ") || !strings.Contains(w.err.String(), "hint: ")) {
				t.Errorf("stderr has no error with a hint: %q", &w.err)
			}
			if tt.want == exitFailed && w.out.Len() > 0 {
				t.Errorf("stdout: %s", &w.out)
			}
		})
	}
}

func TestFailuresAreExplained(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: v1alpha1.Group, Resource: "storageclusters"}
	for name, tt := range map[string]struct {
		err   error
		wants []string
	}{
		"not installed": {apierrors.NewGenericServerResponse(404, "get", resource, "", "", 0, true), []string{"the kinds of seamount.dev are not installed", "hint: install them"}},
		"denied":        {apierrors.NewForbidden(resource, "", errors.New("no")), []string{"list storageclusters.seamount.dev", "forbidden", "hint: ask for that right"}},
		"unknown":       {apierrors.NewUnauthorized("who"), []string{"hint: log in again"}},
		"broken":        {errors.New("it broke"), []string{"list storageclusters.seamount.dev: it broke"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, failing(tt.err, always), healthy().objects()...)
			if code := w.run(t, "status"); code != exitFailed {
				t.Errorf("exit code %d", code)
			}
			for _, want := range tt.wants {
				if !strings.Contains(w.err.String(), want) {
					t.Errorf("stderr %q lacks %q", &w.err, want)
				}
			}
		})
	}
}

// TestUnreadIsNotAbsent: what may not be read is said, and nothing is concluded from it.
func TestUnreadIsNotAbsent(t *testing.T) {
	t.Parallel()
	silent := healthy()
	silent.cluster.Status = v1alpha1.StorageClusterStatus{}
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))
	isPods := func(l client.ObjectList) bool { return strings.Contains(typeName(l), "PodList") }
	w := newWorld(t, failing(denied, isPods), silent.objects()...)
	if code := w.run(t, "why scl/main"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &w.err)
	}
	if !strings.Contains(w.err.String(), "note: the answer lacks pods of Ceph and Seamount") {
		t.Errorf("stderr: %s", &w.err)
	}
	if strings.Contains(w.out.String(), "no pod of the operator exists") {
		t.Errorf("the operator is said to be absent:\n%s", &w.out)
	}
	seen := newWorld(t, interceptor.Funcs{}, silent.cluster)
	if seen.run(t, "why scl/main"); !strings.Contains(seen.out.String(), "no pod of the operator exists") {
		t.Errorf("an operator that is absent is not missed:\n%s", &seen.out)
	}
}

func typeName(l client.ObjectList) string {
	kinds, _, err := mustScheme().ObjectKinds(l)
	if err != nil || len(kinds) == 0 {
		return ""
	}
	return kinds[0].Kind
}

// TestDataIsPure: with -o json and -o yaml stdout is one document and nothing else.
func TestDataIsPure(t *testing.T) {
	t.Parallel()
	for name, objects := range worlds() {
		for _, line := range []string{"status", "disks", "plan", "operations", "volumes -A", "why node/n2", "version", "approve replace-osd-2-x7k2p --dry-run=client"} {
			t.Run(name+" "+line, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, interceptor.Funcs{}, copies(objects)...)
				code := w.run(t, line+" -o json")
				var document map[string]any
				if err := json.Unmarshal(w.out.Bytes(), &document); (err == nil) != (code == exitOK) {
					t.Errorf("exit code %d, stdout is no JSON: %v\n%s", code, err, &w.out)
				}
				w = newWorld(t, interceptor.Funcs{}, copies(objects)...)
				code = w.run(t, line+" -o yaml")
				if err := yaml.Unmarshal(w.out.Bytes(), &document); err != nil || code == exitOK && w.out.Len() == 0 {
					t.Errorf("exit code %d, stdout is no YAML: %v\n%s", code, err, &w.out)
				}
			})
		}
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"status|":                "main",
		"approve|":               "replace-osd-2-x7k2p",
		"volumes|-n|shop|":       "data-web-0",
		"why|":                   "storagecluster/",
		"why|disk/":              "disk/wwn-5000c50093280000",
		"why|sop/":               "sop/replace-osd-2-x7k2p",
		"disks|--node|":          "n2",
		"disks|-o|":              "yaml",
		"approve|x|--dry-run|":   "server",
		"ceph|--storagecluster|": "main",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
			if code := w.app.Run(t.Context(), append([]string{"__complete"}, strings.Split(line, "|")...)); code != exitOK {
				t.Fatalf("exit code %d: %s", code, &w.err)
			}
			found := strings.Split(w.out.String(), "\n")
			for _, f := range found {
				if f == want {
					return
				}
			}
			t.Errorf("%q is not completed: %q", want, found)
		})
	}
	w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
	if w.app.Run(t.Context(), []string{"__complete", "approve", ""}); strings.Contains(w.out.String(), "drain-n1") {
		t.Errorf("an operation that has ended is completed: %s", &w.out)
	}
}
