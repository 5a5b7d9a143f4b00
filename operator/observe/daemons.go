package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// DaemonOf returns the daemon that an object's label names; false when it names none.
func DaemonOf(labels map[string]string) (plan.DaemonID, bool) {
	kind, name, found := strings.Cut(labels[manifest.LabelDaemon], ".")
	return plan.DaemonID{Kind: plan.DaemonKind(kind), Name: name}, found && kind != "" && name != ""
}

// Daemons reads the daemons of a cluster that have a Deployment, and nothing else.
func Daemons(ctx context.Context, reader client.Reader, key plan.ClusterKey) ([]plan.Deployed, error) {
	var deployments appsv1.DeploymentList
	var pods corev1.PodList
	label := client.MatchingLabels{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(key.Namespace, key.Name)}
	for _, list := range []client.ObjectList{&deployments, &pods} {
		if err := reader.List(ctx, list, client.InNamespace(key.Namespace), label); err != nil {
			return nil, fmt.Errorf("list daemons of %s: %w", key, err)
		}
	}
	return deployed(deployments.Items, pods.Items), nil
}

// deployed joins the Deployments of a cluster with their pods, in the order of the daemons' names.
func deployed(deployments []appsv1.Deployment, pods []corev1.Pod) []plan.Deployed {
	byDaemon := map[plan.DaemonID][]*corev1.Pod{}
	for i := range pods {
		if daemon, ok := DaemonOf(pods[i].Labels); ok {
			byDaemon[daemon] = append(byDaemon[daemon], &pods[i])
		}
	}
	var found []plan.Deployed
	for i := range deployments {
		if daemon, ok := DaemonOf(deployments[i].Labels); ok {
			found = append(found, deployedDaemon(daemon, &deployments[i], byDaemon[daemon]))
		}
	}
	slices.SortFunc(found, func(a, b plan.Deployed) int {
		return cmp.Or(cmp.Compare(a.Daemon.Kind, b.Daemon.Kind), cmp.Compare(len(a.Daemon.Name), len(b.Daemon.Name)),
			cmp.Compare(a.Daemon.Name, b.Daemon.Name))
	})
	return found
}

// leaving lists the pods of daemons that have no Deployment, as long as they have not ended.
func leaving(deployed []plan.Deployed, pods []corev1.Pod) []plan.Leaving {
	has := map[plan.DaemonID]bool{}
	for _, d := range deployed {
		has[d.Daemon] = true
	}
	var left []plan.Leaving
	for i := range pods {
		daemon, ok := DaemonOf(pods[i].Labels)
		if ok && !has[daemon] && !ended(&pods[i]) {
			left = append(left, plan.Leaving{Daemon: daemon, Node: pods[i].Spec.NodeName})
		}
	}
	return left
}

// ended says that nothing of a pod runs any more, nor will. Those that kubelet evicted stay like that until somebody deletes them.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func deployedDaemon(daemon plan.DaemonID, deployment *appsv1.Deployment, pods []*corev1.Pod) plan.Deployed {
	d := plan.Deployed{
		Daemon:     daemon,
		Filesystem: manifest.FilesystemOf(deployment.Annotations),
		Node:       deployment.Annotations[manifest.AnnotationNode],
		Version:    deployment.ResourceVersion,
		Template:   plan.DecodeTemplate(deployment.Annotations[plan.AnnotationTemplate]),
		Settled:    settled(deployment, pods),
		Deleting:   !deployment.DeletionTimestamp.IsZero(),
	}
	if len(pods) == 0 {
		return d
	}
	// A replacement may start while the pod before it still ends: what the younger one says counts.
	youngest := slices.MaxFunc(pods, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	d.Stopping = !youngest.DeletionTimestamp.IsZero()
	for i := range youngest.Status.ContainerStatuses {
		if running := youngest.Status.ContainerStatuses[i].State.Running; running != nil {
			d.Running, d.Started = true, running.StartedAt.Time
			return d
		}
	}
	d.Refusal, d.Trouble = whyNotRunning(youngest)
	return d
}

// settled says that the Deployment controller has seen the present template, and runs it and nothing else.
func settled(deployment *appsv1.Deployment, pods []*corev1.Pod) bool {
	left := 0
	for _, pod := range pods {
		if !ended(pod) {
			left++
		}
	}
	status := deployment.Status
	return status.ObservedGeneration >= deployment.Generation && status.UpdatedReplicas == 1 && status.Replicas == 1 && left == 1
}

// whyNotRunning returns what the daemon's program said when it refused to start, or what else is in the way.
func whyNotRunning(pod *corev1.Pod) (*v1alpha1.Refusal, string) {
	var trouble string
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		for _, ended := range []*corev1.ContainerStateTerminated{status.State.Terminated, status.LastTerminationState.Terminated} {
			if ended == nil || ended.ExitCode == 0 {
				continue
			}
			if refusal, ok := handover.DecodeTermination(ended.Message); ok && ended.ExitCode == handover.ExitRefused {
				return &refusal, ""
			}
			trouble = cmp.Or(trouble, fmt.Sprintf("container %s ended with exit code %d", status.Name, ended.ExitCode))
		}
		if waiting := status.State.Waiting; waiting != nil && !ordinary(waiting.Reason) {
			trouble = cmp.Or(trouble, strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": "))
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			trouble = cmp.Or(trouble, condition.Reason+": "+condition.Message)
		}
	}
	return nil, trouble
}

// ordinary reasons for waiting belong to the start of every pod.
func ordinary(reason string) bool {
	return reason == "" || reason == "ContainerCreating" || reason == "PodInitializing"
}
