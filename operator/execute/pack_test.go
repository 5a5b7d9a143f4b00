package execute

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// What was packed is small, and comes out as it was.
func TestPackedDeploymentIsTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	osd := osdOn("wwn-1")
	deployment := Deployment(
		Builder(w.target.Object, w.target.Spec, fsid, "node:1", ""), plan.Daemon{ID: plan.DaemonID{Kind: plan.DaemonOSD, Name: "0"}, Node: "n1", OSD: &osd})
	want := deployment.DeepCopy()
	for range 2 { // a cache may give an object to a transform again
		if _, err := PackDeployment(deployment); err != nil {
			t.Fatal(err)
		}
	}
	if len(deployment.Spec.Template.Spec.Containers) > 0 || deployment.Annotations[manifest.AnnotationNode] != "n1" {
		t.Error("not packed, or more than the spec was")
	}
	if size := len(deployment.Annotations[annotationPacked]); size > 2500 {
		t.Errorf("packed into %d bytes", size)
	}
	if err := unpackDeployment(deployment); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, deployment); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What cannot be unpacked is an error, not an empty spec that would be taken for a change by hand.
func TestUnpackRefusesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	for _, packed := range []string{"*", "AAAA"} {
		deployment := &appsv1.Deployment{}
		metaSet(deployment, annotationPacked, packed)
		if err := unpackDeployment(deployment); err == nil {
			t.Errorf("%q was unpacked into %+v", packed, deployment.Spec)
		}
	}
}
