package app

import (
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/observe"
)

// newScheme has the kinds that the operator reads or writes, and no others of Kubernetes.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, coordinationv1.AddToScheme, storagev1.AddToScheme, policyv1.AddToScheme,
		v1alpha1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// cacheOptions keep the caches small: of other people's objects nothing is held, and of pods only what is read.
func cacheOptions(options Options) cache.Options {
	ours := cache.ByObject{Label: labelled()}
	pods, deployments := ours, ours
	pods.Transform, deployments.Transform = stripPod, execute.PackDeployment
	caches := cache.Options{
		ReaderFailOnMissingInformer: true,
		DefaultTransform:            cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: ours, &corev1.ConfigMap{}: ours, &corev1.Service{}: ours, &appsv1.Deployment{}: deployments,
			&corev1.Pod{}: pods, &policyv1.PodDisruptionBudget{}: ours,
			&corev1.Node{}: {Transform: stripNode},
			// A name that somebody else has is known without asking.
			&storagev1.StorageClass{}: {},
			&coordinationv1.Lease{}: {Namespaces: map[string]cache.Config{options.Home: {
				LabelSelector: labels.SelectorFromSet(labels.Set{observe.LabelComponent: v1alpha1.ComponentDiscover}),
			}}},
		},
	}
	if options.Namespace != "" {
		caches.DefaultNamespaces = map[string]cache.Config{options.Namespace: {}}
	}
	return caches
}

// labelled selects the objects of all StorageClusters.
func labelled() labels.Selector {
	requirement, err := labels.NewRequirement(v1alpha1.LabelCluster, selection.Exists, nil)
	utilruntime.Must(err) // the key is a constant
	return labels.NewSelector().Add(*requirement)
}

// stripPod leaves what observe reads: 1 KB of 10.
func stripPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	pod.ManagedFields, pod.Annotations = nil, nil
	pod.Spec = corev1.PodSpec{NodeName: pod.Spec.NodeName}
	pod.Status = corev1.PodStatus{
		Phase: pod.Status.Phase, Conditions: scheduled(pod.Status.Conditions),
		InitContainerStatuses: states(pod.Status.InitContainerStatuses), ContainerStatuses: states(pod.Status.ContainerStatuses),
	}
	return pod, nil
}

// scheduled leaves the condition that says why a pod has no node.
func scheduled(conditions []corev1.PodCondition) (left []corev1.PodCondition) {
	for _, condition := range conditions {
		if condition.Type == corev1.PodScheduled {
			left = append(left, condition)
		}
	}
	return left
}

// states leaves what became of containers.
func states(statuses []corev1.ContainerStatus) (left []corev1.ContainerStatus) {
	for i := range statuses {
		s := &statuses[i]
		left = append(left, corev1.ContainerStatus{Name: s.Name, State: s.State, LastTerminationState: s.LastTerminationState})
	}
	return left
}

// stripNode leaves out what a node says of its images, which is most of it.
func stripNode(object any) (any, error) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	node.ManagedFields, node.Annotations, node.Status.Images = nil, nil, nil
	return node, nil
}
