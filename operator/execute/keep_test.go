package execute

import (
	"testing"

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
