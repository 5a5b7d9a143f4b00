package observe

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// DiscoverBound is how old the Lease of discover may be on a node whose disks are believed, when the Lease itself does
// not say.
const DiscoverBound = 40 * time.Second

// LabelComponent is the label by which Leases of discover are found, with the value v1alpha1.ComponentDiscover.
const LabelComponent = "app.kubernetes.io/component"

// Nodes reads all nodes, with the Leases of discover in the namespace of Seamount. It also returns how long the oldest
// of them that is alive stays so if it is not renewed; 0 when none is.
func Nodes(ctx context.Context, reader client.Reader, namespace string, now time.Time) ([]plan.Node, time.Duration, error) {
	var nodes corev1.NodeList
	if err := reader.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, 0, fmt.Errorf("list nodes: %w", err)
	}
	var leases coordinationv1.LeaseList
	discover := client.MatchingLabels{LabelComponent: v1alpha1.ComponentDiscover}
	if err := reader.List(ctx, &leases, client.InNamespace(namespace), discover, client.UnsafeDisableDeepCopy); err != nil {
		return nil, 0, fmt.Errorf("list leases of discover: %w", err)
	}
	expires := make(map[string]time.Time, len(leases.Items))
	for i := range leases.Items {
		node, until := holder(&leases.Items[i])
		expires[node] = until
	}
	found := make([]plan.Node, 0, len(nodes.Items))
	var soonest time.Duration
	for i := range nodes.Items {
		node := NodeOf(&nodes.Items[i])
		until, seen := expires[node.Name]
		switch left := until.Sub(now); {
		case seen && left > 0:
			node.Discover = plan.DiscoverReporting
			if soonest == 0 || left < soonest {
				soonest = left
			}
		case seen:
			node.Discover = plan.DiscoverSilent
		}
		found = append(found, node)
	}
	slices.SortFunc(found, func(a, b plan.Node) int { return strings.Compare(a.Name, b.Name) })
	return found, soonest, nil
}

// holder returns the node that a Lease of discover speaks of, and until when.
func holder(lease *coordinationv1.Lease) (node string, until time.Time) {
	bound := DiscoverBound
	if lease.Spec.HolderIdentity != nil {
		node = *lease.Spec.HolderIdentity
	}
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil {
		bound = time.Duration(*seconds) * time.Second
	}
	if lease.Spec.RenewTime != nil {
		until = lease.Spec.RenewTime.Add(bound)
	}
	return node, until
}

// NodeOf is a node as it is decided on, without what its discover says.
func NodeOf(node *corev1.Node) plan.Node {
	n := plan.Node{
		Name: node.Name, Hostname: node.Labels[corev1.LabelHostname], Labels: node.Labels, Taints: node.Spec.Taints,
		Unschedulable: node.Spec.Unschedulable, Deleting: !node.DeletionTimestamp.IsZero(),
		Memory: node.Status.Allocatable.Memory().Value(),
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			n.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			n.Addresses = append(n.Addresses, address.Address)
		}
	}
	return n
}

// NodeDiffers says whether two states of a node differ in what is decided on: not when kubelet only says that it lives.
func NodeDiffers(a, b *corev1.Node) bool { return !reflect.DeepEqual(NodeOf(a), NodeOf(b)) }

// LeaseRevives says whether a renewed Lease ends a silence. One that is renewed in time changes nothing.
func LeaseRevives(before, after *coordinationv1.Lease) bool {
	nodeBefore, until := holder(before)
	nodeAfter, _ := holder(after)
	renewed := after.Spec.RenewTime
	return nodeBefore != nodeAfter || renewed == nil || renewed.After(until)
}
