//go:build e2e

package api

import (
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// TestAccess holds that the operator may not do what it has no business with.
func TestAccess(t *testing.T) {
	s := theServer(t)
	api, err := client.New(operatorConfig(s.config), client.Options{Scheme: scheme(t)})
	must(t, err)
	must(t, api.List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace)))
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "x"}
	for what, err := range map[string]error{
		"read Secrets elsewhere":      api.List(t.Context(), &corev1.SecretList{}, client.InNamespace("kube-system")),
		"delete a StorageDisk":        api.Delete(t.Context(), &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "x"}}),
		"delete a StorageCluster":     api.Delete(t.Context(), &v1alpha1.StorageCluster{ObjectMeta: meta}),
		"make a pod elsewhere":        api.Create(t.Context(), pod("kube-system")),
		"delete a node":               api.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "x"}}),
		"delete ConfigMaps elsewhere": api.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "x"}}),
		"give itself another right":   api.Create(t.Context(), &rbacv1.Role{ObjectMeta: meta}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v, want that it is forbidden", what, err)
		}
	}
}

func pod(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "x"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}},
	}
}

// TestMissingVerb shows that these tests notice a right that the operator lacks.
func TestMissingVerb(t *testing.T) {
	w := newWorld(t, 3, 1)
	role := &rbacv1.Role{}
	must(t, w.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: v1alpha1.FieldOwnerOperator}, role))
	before := role.DeepCopy()
	for i := range role.Rules {
		if slices.Contains(role.Rules[i].Resources, "services") {
			role.Rules[i].Verbs = []string{"get", "list", "watch"}
		}
	}
	must(t, w.api.Update(t.Context(), role))
	wire := newWire()
	wire.expectRefusals = true
	w.operate(wire, false)
	w.apply()
	eventually(t, "a write is refused", func() error {
		if len(wire.Forbidden()) == 0 {
			return errors.New("nothing is refused")
		}
		return nil
	})
	before.ResourceVersion = ""
	must(t, w.api.Update(t.Context(), before))
	eventually(t, "with the right back the cluster comes up", w.healthy(3, 2, 3))
}
