package plan

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestGone(t *testing.T) {
	t.Parallel()
	gone := Gone([]Node{
		{Name: "runs", Ready: true},
		{Name: "silent", Discover: DiscoverSilent, Taints: []corev1.Taint{{Key: corev1.TaintNodeUnreachable}}},
		{Name: "deleting", Deleting: true},
		{Name: "fenced", Ready: true, Taints: []corev1.Taint{{Key: "other"}, {Key: corev1.TaintNodeOutOfService}}},
	})
	for name, want := range map[string]bool{"runs": false, "silent": false, "deleting": false, "fenced": true, "deleted": true} {
		if gone(name) != want {
			t.Errorf("%s: gone %v", name, !want)
		}
	}
}
