package execute

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// What daemons have in common comes back also while the change of every one of them waits; not where none is to run.
func TestWhatIsSharedIsKeptWhileAllIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := manifest.MonName("main", "a")
	if outcome := w.executor.Run(t.Context(), w.target, plan.Plan{}); outcome.Err != nil || w.exists(t, &corev1.Service{}, service) {
		t.Errorf("made without a daemon: %+v", outcome)
	}
	held := plan.Plan{Held: []plan.Held{{Daemon: plan.Daemon{ID: plan.DaemonID{Kind: plan.DaemonMon, Name: "a"}}}}}
	if outcome := w.executor.Run(t.Context(), w.target, held); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	if !w.exists(t, &corev1.Service{}, service) || !w.exists(t, &corev1.ConfigMap{}, manifest.ConfigName("main")) {
		t.Error("the mon's Service or ceph.conf did not come back")
	}
}

// A Deployment is looked at again when it has changed, when something else is wanted, and not otherwise.
func TestDaemonIsLookedAtWhenSomethingChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	daemon := plan.Daemon{ID: plan.DaemonID{Kind: plan.DaemonMgr, Name: "x"}, Node: "n1", Hostname: "n1"}
	deployment := &appsv1.Deployment{}
	reads := func() int {
		t.Helper()
		w.target.Stored.Deployed = []plan.Deployed{{Daemon: daemon.ID, Version: deployment.ResourceVersion}}
		before := w.read.Load()
		if outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Keep: []plan.Daemon{daemon}}); outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
		after := w.read.Load()
		if !w.exists(t, deployment, manifest.MgrName("main", "x")) {
			t.Fatal("the Deployment is not there")
		}
		return int(after - before)
	}
	reads()
	first, again := reads(), reads()
	if again >= first {
		t.Errorf("%d reads the second time, %d before: it was looked at again", again, first)
	}
	deployment.Spec.Replicas = new(int32)
	if err := w.Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	if got := reads(); got != first || *deployment.Spec.Replicas != 1 {
		t.Errorf("changed by hand: %d reads, want %d; %d replicas", got, first, *deployment.Spec.Replicas)
	}
	reads()
	daemon.Hostname = "n2"
	if got := reads(); got != first || deployment.Spec.Template.Spec.NodeSelector[corev1.LabelHostname] != "n2" {
		t.Errorf("wanted in another way: %d reads, want %d; on %v", got, first, deployment.Spec.Template.Spec.NodeSelector)
	}
	w.target.Spec.ResourceProfile = "Lean"
	if got := reads(); got != first {
		t.Errorf("what all have in common changed: %d reads, want %d", got, first)
	}
}
