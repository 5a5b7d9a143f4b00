package render

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var workloads = []string{"Deployment", "DaemonSet", "Job"}

func podOf(t *testing.T, workload *unstructured.Unstructured) corev1.PodTemplateSpec {
	t.Helper()
	return as[corev1.PodTemplateSpec](t, workload, "spec", "template")
}

func part(object *unstructured.Unstructured) string {
	return object.GetLabels()["app.kubernetes.io/component"]
}

// TestNoRightToEverything: no wildcard, and Secrets in the namespace of Seamount alone.
func TestNoRightToEverything(t *testing.T) {
	t.Parallel()
	roles := ofKind(objects(t, rendered(t, Options{})), "ClusterRole", "Role")
	if len(roles) < 8 {
		t.Fatalf("%d roles", len(roles))
	}
	for _, object := range roles {
		rules, _, _ := unstructured.NestedSlice(object.Object, "rules")
		for i := range rules {
			rule := as[rbacv1.PolicyRule](t, &unstructured.Unstructured{Object: map[string]any{"rule": rules[i]}}, "rule")
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				if slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, "*") }) {
					t.Errorf("%s grants everything: %+v", title(object), rule)
				}
			}
			if object.GetKind() == "ClusterRole" && slices.Contains(rule.Resources, "secrets") {
				t.Errorf("%s grants Secrets of all namespaces: %+v", title(object), rule)
			}
		}
	}
}

// TestRestricted: what Pod Security "restricted" asks for, of the parts that need no privileges.
func TestRestricted(t *testing.T) {
	t.Parallel()
	restricted := []string{"csi-controller", "operator", "uninstall-check"}
	for _, object := range ofKind(objects(t, rendered(t, Options{})), workloads...) {
		pod := podOf(t, object).Spec
		if slices.Contains(restricted, part(object)) != isRestricted(pod) {
			t.Errorf("%s: restricted: %t", title(object), isRestricted(pod))
		}
	}
}

func isRestricted(pod corev1.PodSpec) bool {
	s := pod.SecurityContext
	if pod.HostPID || pod.HostNetwork || pod.HostIPC || s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot ||
		s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		return false
	}
	hostPath := slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.HostPath != nil })
	return !hostPath && !slices.ContainsFunc(pod.Containers, func(c corev1.Container) bool {
		s := c.SecurityContext
		return s == nil || s.Privileged != nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
			s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0
	})
}

// TestNetworkPolicies: each part that runs has one, which opens exactly the ports that its pods have.
func TestNetworkPolicies(t *testing.T) {
	t.Parallel()
	all := objects(t, rendered(t, Options{}))
	open := map[string][]int32{}
	for _, object := range ofKind(all, "NetworkPolicy") {
		policy := as[networkingv1.NetworkPolicySpec](t, object, "spec")
		ports := []int32{}
		for _, rule := range policy.Ingress {
			for _, port := range rule.Ports {
				ports = append(ports, port.Port.IntVal)
			}
		}
		slices.Sort(ports)
		open[policy.PodSelector.MatchLabels["app.kubernetes.io/component"]] = ports
	}
	for _, object := range ofKind(all, "Deployment", "DaemonSet") {
		ports := []int32{}
		for _, port := range podOf(t, object).Spec.Containers[0].Ports {
			ports = append(ports, port.ContainerPort)
		}
		if got := open[part(object)]; got == nil || !slices.Equal(got, ports) {
			t.Errorf("%s has ports %v, its policy opens %v", title(object), ports, got)
		}
	}
}

// TestImagesCanBeChanged: none is named but by values, wherever it stands.
func TestImagesCanBeChanged(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0", 64)
	values := valuesOf(t, `images: {seamount: {repository: r.example/a, tag: "1"}, node: {repository: r.example/b, digest: "`+digest+`"}, pullSecrets: [{name: s}]}`)
	files := rendered(t, Options{Values: values})
	for _, name := range Names(files) {
		if strings.HasPrefix(name, "cluster/") {
			continue // schemas speak of images
		}
		if strings.Contains(files[name], "ghcr.io") {
			t.Errorf("%s names an image of its own", name)
		}
	}
	for _, object := range ofKind(objects(t, files), workloads...) {
		pod := podOf(t, object).Spec
		want := "r.example/b@" + digest
		if slices.Contains([]string{"csi-controller", "operator", "uninstall-check"}, part(object)) {
			want = "r.example/a:1"
		}
		if got := pod.Containers[0].Image; got != want || len(pod.ImagePullSecrets) != 1 {
			t.Errorf("%s: image %s, want %s; pull secrets %v", title(object), got, want, pod.ImagePullSecrets)
		}
	}
}
