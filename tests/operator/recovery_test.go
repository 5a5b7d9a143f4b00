//go:build e2e

package operator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// TestIdentityLost takes the keys of a cluster away, in one way after the other. Each time they are read from the store of
// a mon, and it is the same cluster, with the same data, and no daemon was touched.
func TestIdentityLost(t *testing.T) {
	s := newSuite(t, "lost", 1)
	s.awaitWhole(t)
	s.ask(t, "ceph osd pool create kept 8 && ceph osd pool application enable kept rados && echo content | rados -p kept put object -")
	s.awaitWhole(t)
	for _, part := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"Deleted", (*suite).identityDeleted},
		{"Damaged", (*suite).identityDamaged},
		{"AllKeys", (*suite).allKeysLost},
		{"Retained", (*suite).retainedAndLost},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(s, t) })
	}
}

// kept are the objects that hold what a cluster is known by.
type kept struct {
	secrets map[string]map[string][]byte
	mons    map[string]string
}

func (s *suite) kept(t *testing.T) kept {
	t.Helper()
	var secrets corev1.SecretList
	s.list(t, &secrets, "")
	k := kept{secrets: map[string]map[string][]byte{}}
	for _, secret := range secrets.Items {
		if secret.Labels[manifest.LabelComponent] != manifest.ComponentSeed { // what it holds was needed once
			k.secrets[secret.Name] = secret.Data
		}
		if r, err := manifest.ReservationOf(&secret); err == nil { // the seal of a blank disk is gone with the blank disk
			k.secrets[secret.Name] = map[string][]byte{
				"key": []byte(r.Key.Reveal()), "osd": fmt.Append(nil, r.ID, r.UUID, r.FSID, r.Data.Disk, r.Data.Identity),
			}
		}
	}
	var config corev1.ConfigMap
	if err := s.Client.Get(t.Context(), s.key(manifest.MonsName(s.name)), &config); err == nil {
		k.mons = config.Data
	}
	return k
}

// take takes objects away whose finalizers keep them.
func (s *suite) take(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		s.Kubectl(t, "-n", s.namespace, "patch", name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
		s.Kubectl(t, "-n", s.namespace, "delete", name, "--timeout=150s")
	}
}

func (s *suite) identityObject() string { return "secret/" + manifest.IdentityName(s.name) }

// awaitKept waits until everything is what it was.
func (s *suite) awaitKept(t *testing.T, before kept) {
	t.Helper()
	s.Eventually(t, "all that was lost is back", func() error {
		now := s.kept(t)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(before.secrets)), slices.Sorted(maps.Keys(now.secrets))); diff != "" {
			return fmt.Errorf("secrets (-before +now):\n%s\nReady: %+v", diff, s.condition(t, "Ready"))
		}
		for name, data := range before.secrets {
			if !maps.EqualFunc(data, now.secrets[name], slices.Equal) {
				return fmt.Errorf("%s holds something else", name)
			}
		}
		if diff := cmp.Diff(before.mons, now.mons); diff != "" {
			return fmt.Errorf("the record of the mons (-before +now):\n%s", diff)
		}
		return nil
	})
}

// untouchedPods are the pods of all daemons, which stay the same through what lose does.
func (s *suite) untouchedPods(t *testing.T, lose func(before kept)) {
	t.Helper()
	pods := func() []string {
		var names []string
		for _, pod := range s.pods(t, "") {
			if pod.Labels[manifest.LabelDaemon] != "" {
				names = append(names, string(pod.UID)+" "+pod.Name)
			}
		}
		slices.Sort(names)
		return names
	}
	before, running, fsid := s.kept(t), pods(), s.mustIdentity(t).FSID
	start := time.Now()
	lose(before)
	s.awaitKept(t, before)
	t.Logf("lost to rebuilt: %.1f s", time.Since(start).Seconds())
	s.awaitCondition(t, "Ready", "True", "")
	s.awaitWhole(t)
	if diff := cmp.Diff(running, pods()); diff != "" {
		t.Errorf("pods were made anew (-before +after):\n%s", diff)
	}
	if found := s.restarts(t); len(found) > 0 {
		t.Errorf("containers were started again: %v", found)
	}
	s.sameCluster(t, fsid)
	s.toldNoKey(t, before)
}

func (s *suite) sameCluster(t *testing.T, fsid string) {
	t.Helper()
	if got := s.ask(t, "ceph fsid"); got != fsid || s.object(t).Status.FSID != fsid {
		t.Errorf("fsid %s, and %s in status; before %s", got, s.object(t).Status.FSID, fsid)
	}
	if got := s.ask(t, "rados -p kept get object -"); got != "content" {
		t.Errorf("the object holds %q", got)
	}
}

// toldNoKey looks for the keys in everything that people read.
func (s *suite) toldNoKey(t *testing.T, before kept) {
	t.Helper()
	told := s.Kubectl(t, "-n", s.namespace, "get", "events,pods,storageclusters,configmaps,deployments", "-o", "yaml") +
		s.Kubectl(t, "-n", s.namespace, "logs", "-l", "app.kubernetes.io/component="+v1alpha1.ComponentOperator, "--tail=-1")
	for key, value := range before.secrets[manifest.IdentityName(s.name)] {
		if strings.HasSuffix(key, "-key") && strings.Contains(told, string(value)) {
			t.Errorf("%s is told", key)
		}
	}
}

// identityDeleted deletes the Secret with the identity while the operator runs.
func (s *suite) identityDeleted(t *testing.T) {
	s.untouchedPods(t, func(kept) { s.take(t, s.identityObject()) })
}

// identityDamaged puts another in its place whose key Ceph does not accept.
func (s *suite) identityDamaged(t *testing.T) {
	s.untouchedPods(t, func(before kept) {
		var secret corev1.Secret
		if err := s.Client.Get(t.Context(), s.key(manifest.IdentityName(s.name)), &secret); err != nil {
			t.Fatal(err)
		}
		s.take(t, s.identityObject())
		secret.ResourceVersion, secret.UID = "", ""
		secret.Data = maps.Clone(secret.Data)
		secret.Data["admin-key"] = secret.Data["mon-key"]
		if err := s.Client.Create(t.Context(), &secret); err != nil && !strings.Contains(err.Error(), "already exists") {
			t.Fatal(err) // the operator may have been faster: then there is nothing to damage
		}
	})
}

// allKeysLost takes everything away that the cluster is known by, while no operator runs.
func (s *suite) allKeysLost(t *testing.T) {
	operator := product.Operator.Workload
	s.untouchedPods(t, func(before kept) {
		s.Kubectl(t, "-n", product.Namespace, "scale", operator, "--replicas=0")
		t.Cleanup(func() { s.Kubectl(t, "-n", product.Namespace, "scale", operator, "--replicas=2") })
		s.Kubectl(t, "-n", product.Namespace, "wait", "--for=delete", "pods", "-l", "app.kubernetes.io/component="+v1alpha1.ComponentOperator, "--timeout=150s")
		s.take(t, "secret/"+manifest.SeedName(s.name), "configmap/"+manifest.MonsName(s.name))
		for name := range before.secrets {
			s.take(t, "secret/"+name)
		}
		s.Kubectl(t, "-n", product.Namespace, "scale", operator, "--replicas=2")
		s.AwaitRollout(t, product.Operator)
	})
}

// retainedAndLost deletes the StorageCluster, whose policy is Retain, and then the identity: applied again it is the same
// cluster still, for its mons are started to ask them.
func (s *suite) retainedAndLost(t *testing.T) {
	before, fsid := s.kept(t), s.mustIdentity(t).FSID
	s.Kubectl(t, "-n", s.namespace, "delete", "storagecluster", s.name, "--timeout=150s")
	s.take(t, s.identityObject())
	start := time.Now()
	apply(t, s.Product, s.name)
	s.awaitKept(t, before)
	s.watch.awaitHealthy(t, s.ceph, start, 3, 2, len(s.disks))
	s.awaitWhole(t)
	s.sameCluster(t, fsid)
}
