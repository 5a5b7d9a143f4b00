package observe

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/operator/manifest"
)

// What the pods of a daemon say of it: the youngest counts, one that is deleted will not run for long, and one that has ended is no
// pod that is left.
func TestDeployed(t *testing.T) {
	t.Parallel()
	began := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	labels := map[string]string{manifest.LabelDaemon: "osd.3"}
	pod := func(phase corev1.PodPhase, age time.Duration) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: labels, CreationTimestamp: metav1.NewTime(began.Add(-age))}}
		p.Status.Phase = phase
		if phase == corev1.PodRunning {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}}}
		}
		return p
	}
	stopping := pod(corev1.PodRunning, time.Minute)
	stopping.DeletionTimestamp = &began
	for name, test := range map[string]struct {
		pods                       []corev1.Pod
		running, stopping, settled bool
	}{
		"it runs":                      {[]corev1.Pod{pod(corev1.PodRunning, 0)}, true, false, true},
		"it is about to stop":          {[]corev1.Pod{stopping}, true, true, true},
		"the next one waits for it":    {[]corev1.Pod{pod(corev1.PodPending, 0), stopping}, false, false, false},
		"kubelet has evicted one once": {[]corev1.Pod{pod(corev1.PodRunning, 0), pod(corev1.PodFailed, time.Hour)}, true, false, true},
		"none":                         {nil, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deployment := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
			deployment.Status = appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1}
			found := deployed([]appsv1.Deployment{deployment}, test.pods)
			if len(found) != 1 {
				t.Fatalf("%+v", found)
			}
			if d := found[0]; d.Running != test.running || d.Stopping != test.stopping || d.Settled != test.settled {
				t.Errorf("%+v", d)
			}
		})
	}
}
