package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// stored returns the operation as the API server has it.
func stored(t *testing.T, w *world) *v1alpha1.StorageOperation {
	t.Helper()
	var o v1alpha1.StorageOperation
	if err := w.kube.Get(t.Context(), client.ObjectKey{Namespace: "seamount", Name: "replace-osd-2-x7k2p"}, &o); err != nil {
		t.Fatal(err)
	}
	return &o
}

const operationName = "replace-osd-2-x7k2p"

func TestApprove(t *testing.T) {
	t.Parallel()
	given := &v1alpha1.OperationApproval{PlanID: "7f3a9c", Approver: "alice@example.com", AcceptedRisks: []v1alpha1.Risk{"RedundancyLoss"}}
	commented := given.DeepCopy()
	commented.Comment = "ticket"
	for name, tt := range map[string]struct {
		flags    string
		terminal bool
		reply    string
		want     int
		says     string
		approval *v1alpha1.OperationApproval
	}{
		"asked, and yes":             {"", true, "yes\n", exitOK, "is approved by alice@example.com", given},
		"asked, and yes without end": {"", true, "yes", exitOK, "is approved", given},
		"asked, and y":               {"", true, "y\n", exitFailed, "not approved", nil},
		"asked, and no reply":        {"", true, "", exitFailed, "not approved", nil},
		"nobody to ask":              {"", false, "yes\n", exitUsage, "there is nobody to ask", nil},
		"yes":                        {"--yes --accept-risk RedundancyLoss --comment ticket", false, "", exitOK, "is approved", commented},
		"yes, of that plan":          {"--yes --accept-risk RedundancyLoss --plan 7f3a9c", false, "", exitOK, "is approved", given},
		"yes, of another plan":       {"--yes --accept-risk RedundancyLoss --plan 000000", false, "", exitFailed, "is 7f3a9c, not 000000", nil},
		"yes, and no risk":           {"--yes", false, "", exitUsage, "--accept-risk RedundancyLoss", nil},
		"yes, and another risk":      {"--yes --accept-risk DataLoss", false, "", exitUsage, "risks RedundancyLoss", nil},
		"dry run of the client":      {"--dry-run=client", false, "", exitOK, "nothing was changed", nil},
		"another dry run":            {"--dry-run=maybe", false, "", exitUsage, "--dry-run=maybe is unknown", nil},
		"data, and asked":            {"-o json", true, "yes\n", exitUsage, "asks nothing", nil},
		"data":                       {"-o json --yes --accept-risk RedundancyLoss", true, "", exitOK, `"approver": "alice@example.com"`, given},
		"in another namespace":       {"-n other --dry-run=client", false, "", exitFailed, "there is no StorageOperation", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
			w.app.In, w.app.InTerminal = strings.NewReader(tt.reply), tt.terminal
			if code := w.run(t, "approve "+operationName+" "+tt.flags); code != tt.want {
				t.Errorf("exit code %d, want %d", code, tt.want)
			}
			if said := w.out.String() + w.err.String(); !strings.Contains(said, tt.says) {
				t.Errorf("it says %q, want %q", said, tt.says)
			}
			o := stored(t, w)
			if diff := cmp.Diff(tt.approval, o.Spec.Approval); diff != "" {
				t.Errorf("approval (-want +got):\n%s", diff)
			}
			if o.Spec.Type != v1alpha1.OperationReplace || len(o.Spec.Disks) != 1 {
				t.Errorf("the rest of the spec changed: %+v", o.Spec)
			}
		})
	}
}

func TestApprovalIsOwned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
	if code := w.run(t, "approve "+operationName+" --yes --accept-risk RedundancyLoss"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &w.err)
	}
	for _, f := range stored(t, w).ManagedFields {
		if f.Manager == FieldOwner && strings.Contains(string(f.FieldsV1.GetRawBytes()), "f:approval") {
			return
		}
	}
	t.Errorf("%s does not own the approval: %+v", FieldOwner, stored(t, w).ManagedFields)
}

// TestDryRunOfTheServer sends the approval for the API server to check, and not to store.
func TestDryRunOfTheServer(t *testing.T) {
	t.Parallel()
	var sent client.ApplyOptions
	w := newWorld(t, interceptor.Funcs{Apply: func(_ context.Context, _ client.WithWatch, _ runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
		sent.ApplyOptions(opts)
		return nil
	}}, troubled().objects()...)
	if code := w.run(t, "approve "+operationName+" --dry-run=server"); code != exitOK || !strings.Contains(w.out.String(), "nothing was changed") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &w.out, &w.err)
	}
	if len(sent.DryRun) != 1 || sent.DryRun[0] != "All" || sent.FieldManager != FieldOwner {
		t.Errorf("it was sent with %+v", sent)
	}
}

func TestApproveRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*v1alpha1.StorageOperation)
		want   string
	}{
		"no plan": {func(o *v1alpha1.StorageOperation) { o.Status.Plan = nil }, "has no plan yet"},
		"approved": {func(o *v1alpha1.StorageOperation) {
			o.Spec.Approval = &v1alpha1.OperationApproval{PlanID: "7f3a9c", Approver: "bob"}
		}, "is approved already, by bob"},
		"blocked": {func(o *v1alpha1.StorageOperation) {
			o.Status.Plan.Blockers = []v1alpha1.Refusal{{Reason: "NoRoom", Message: "osd.31 would reach 92%", Remedy: "add disks of class hdd first"}}
		}, "osd.31 would reach 92%\nhint: add disks of class hdd first"},
		"running": {func(o *v1alpha1.StorageOperation) { o.Status.State = v1alpha1.OperationRunning }, "does not wait for approval: it is Running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := troubled()
			tt.change(f.operations[0])
			w := newWorld(t, interceptor.Funcs{}, f.objects()...)
			if code := w.run(t, "approve "+operationName+" --yes --accept-risk RedundancyLoss"); code != exitFailed || !strings.Contains(w.err.String(), tt.want) {
				t.Errorf("exit code %d, stderr %q, want %q", code, &w.err, tt.want)
			}
		})
	}
}

// TestApproveSendsWhatWasShown: a plan that changes while the person reads is not approved under its new ID.
func TestApproveSendsWhatWasShown(t *testing.T) {
	t.Parallel()
	var sent string
	w := newWorld(t, interceptor.Funcs{Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return err
		}
		sent = nestedString(content, "spec", "approval", "planID")
		return c.Apply(ctx, o, opts...)
	}}, troubled().objects()...)
	w.app.InTerminal = true
	w.app.In = readerFunc(func(p []byte) (int, error) {
		o := stored(t, w)
		o.Status.Plan.ID = "changed"
		if err := w.kube.Update(t.Context(), o); err != nil {
			return 0, err
		}
		return copy(p, "yes\n"), nil
	})
	if code := w.run(t, "approve "+operationName); code != exitOK || sent != "7f3a9c" {
		t.Errorf("exit code %d, plan %q was sent: %s", code, sent, &w.err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func nestedString(content map[string]any, fields ...string) string {
	for _, f := range fields[:len(fields)-1] {
		content, _ = content[f].(map[string]any)
	}
	s, _ := content[fields[len(fields)-1]].(string)
	return s
}

func TestApproveIsRefusedByTheServer(t *testing.T) {
	t.Parallel()
	kind := v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.KindStorageOperation).GroupKind()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"not allowed": {apierrors.NewForbidden(schema.GroupResource{Group: v1alpha1.Group, Resource: "storageoperations"}, operationName,
			errors.New(`you need the verb "approve" on storageoperations in namespace seamount`)), "hint: ask for the verb approve"},
		"changed":  {apierrors.NewInvalid(kind, operationName, nil), "hint: read the plan again"},
		"replaced": {apierrors.NewConflict(schema.GroupResource{Resource: "storageoperations"}, operationName, errors.New("uid")), "changed since its plan was shown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, interceptor.Funcs{Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
				return tt.err
			}}, troubled().objects()...)
			if code := w.run(t, "approve "+operationName+" --yes --accept-risk RedundancyLoss"); code != exitFailed || !strings.Contains(w.err.String(), tt.want) {
				t.Errorf("exit code %d, stderr %q, want %q", code, &w.err, tt.want)
			}
		})
	}
}
