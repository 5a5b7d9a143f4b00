package execute

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

func deployment(labels map[string]string) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "d", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](1), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
		},
	}
}

func TestApplyWritesOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both, one := map[string]string{"a": "b", "c": "d"}, map[string]string{"a": "b"}
	byHand := func(change func(*appsv1.Deployment), update func(*appsv1.Deployment) error) func() {
		return func() {
			live := &appsv1.Deployment{}
			if !w.exists(t, live, "d") {
				t.Fatal("it is not there")
			}
			change(live)
			if err := update(live); err != nil {
				t.Fatal(err)
			}
		}
	}
	update := func(d *appsv1.Deployment) error { return w.Update(t.Context(), d) }
	status := func(d *appsv1.Deployment) error { return w.Status().Update(t.Context(), d) }
	for _, c := range []struct {
		name   string
		before func()
		labels map[string]string
		wrote  bool
	}{
		{"it is new", func() {}, both, true},
		{"it is there", func() {}, both, false},
		{"another operator looks", func() { w.executor.Applier = NewApplier(w) }, both, false},
		{"its status changed", byHand(func(d *appsv1.Deployment) { d.Status.Replicas = 1 }, status), both, false},
		{"somebody changed it", byHand(func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](0) }, update), both, true},
		{"somebody added to it", byHand(func(d *appsv1.Deployment) { d.Labels["x"] = "y" }, update), both, false},
		{"something is no longer wanted", func() {}, one, true},
		{"nor is it the next time", func() {}, one, false},
	} {
		c.before()
		object := deployment(c.labels)
		wrote, err := w.executor.Apply(t.Context(), object)
		if err != nil || wrote != c.wrote {
			t.Errorf("%s: wrote %t, %v; want %t", c.name, wrote, err, c.wrote)
		}
		if object.ResourceVersion == "" || *object.Spec.Replicas != 1 {
			t.Errorf("%s: answered %+v", c.name, object)
		}
	}
	live := &appsv1.Deployment{}
	w.exists(t, live, "d")
	if _, found := live.Labels["c"]; found || live.Labels["x"] != "y" {
		t.Errorf("labels %v: ours that is not wanted goes, and other people's stay", live.Labels)
	}
}

func TestApplyOnAVersionThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	object := deployment(nil)
	if _, err := w.executor.Apply(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	old := object.ResourceVersion
	if _, err := w.executor.Apply(t.Context(), deployment(map[string]string{"a": "b"})); err != nil {
		t.Fatal(err)
	}
	late := deployment(map[string]string{"late": "yes"})
	late.ResourceVersion = old
	if _, err := w.executor.Apply(t.Context(), late); !apierrors.IsConflict(err) {
		t.Errorf("it was written over: %v", err)
	}
}

// A disk that somebody changed after it was read is not claimed (D3).
func TestClaimIsRefusedWhenTheDiskChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, usableDisk(nil))
	read := &v1alpha1.StorageDisk{}
	if err := w.Get(t.Context(), client.ObjectKey{Name: "wwn-1"}, read); err != nil {
		t.Fatal(err)
	}
	changed := read.DeepCopy()
	changed.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictRejected}
	if err := w.Status().Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	wanted := plan.DiskStatus{Status: v1alpha1.StorageDiskStatus{Claim: &v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}}}
	if _, err := DiskStatus(t.Context(), w, read, wanted); !apierrors.IsConflict(err) {
		t.Errorf("claimed, or failed otherwise: %v", err)
	}
	if wrote, err := DiskStatus(t.Context(), w, changed, wanted); err != nil || !wrote {
		t.Errorf("as it is now it can be claimed: %t, %v", wrote, err)
	}
}
