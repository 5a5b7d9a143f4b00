package uninstall

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 7 {
		many = append(many, fmt.Sprintf("pvc-%d", 6-i))
	}
	tests := map[string]struct {
		found Found
		want  []string // nil: no refusal
		never string
	}{
		"nothing":      {},
		"a cluster":    {Found{Clusters: []string{"seamount/main"}}, []string{" - 1 StorageCluster: seamount/main\n", "deletionPolicy Retain", "--no-hooks"}, "volumes:"},
		"two clusters": {Found{Clusters: []string{"b/b", "a/a"}}, []string{" - 2 StorageClusters: a/a, b/b\n"}, "more"},
		"volumes left": {Found{Volumes: many}, []string{" - 7 volumes: pvc-0, pvc-1, pvc-2, pvc-3, pvc-4 and 2 more\n"}, "pvc-5"},
		"a snapshot":   {Found{Snapshots: []string{"c (snapshot n/s)"}}, []string{" - 1 snapshot: c (snapshot n/s)\n"}, "StorageCluster:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.found.Check()
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("refusal: %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if tt.never != "" && strings.Contains(err.Error(), tt.never) {
				t.Errorf("%v\nsays %q", err, tt.never)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	volume := func(name, driver string, claim *corev1.ObjectReference) *corev1.PersistentVolume {
		v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{ClaimRef: claim}}
		if driver != "" {
			v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: driver}
		}
		return v
	}
	var found Found
	found.AddVolume(volume("a", "rbd.csi.seamount.dev", &corev1.ObjectReference{Namespace: "default", Name: "data"}))
	found.AddVolume(volume("b", "rbd.csi.seamount.dev", nil))
	found.AddVolume(volume("c", "rbd.csi.ceph.com", nil))
	found.AddVolume(volume("d", "", nil))
	found.AddSnapshot("e", "rbd.csi.seamount.dev", "default", "s")
	found.AddSnapshot("f", "ebs.csi.aws.com", "default", "s")
	if got, want := fmt.Sprint(found), "{[] [a (claim default/data) b (without a claim)] [e (snapshot default/s)]}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
