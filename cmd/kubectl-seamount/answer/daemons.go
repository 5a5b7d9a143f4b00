package answer

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Mon is a mon of a cluster.
type Mon struct {
	Name    string `json:"name"`
	Node    string `json:"node,omitempty"`
	Address string `json:"address,omitempty"`
	// State is InQuorum or Out.
	State string `json:"state"`
	// Why it is out, as far as its pod and its node say.
	Why string `json:"why,omitempty"`
}

// Host is a node with OSDs of a cluster.
type Host struct {
	Node string `json:"node"`
	OSDs int    `json:"osds"`
	Up   int    `json:"up"`
	// Disks that hold the OSDs' data.
	Disks     int   `json:"disks"`
	SizeBytes int64 `json:"sizeBytes"`
	// Trouble names each disk that is not as it should be.
	Trouble []string `json:"trouble,omitempty"`
}

func mons(s *Snapshot, c *v1alpha1.StorageCluster) []Mon {
	var all []Mon
	for _, m := range c.Status.Mons {
		mon := Mon{Name: m.Name, Node: m.Node, Address: m.Address, State: string(m.State)}
		if m.State == v1alpha1.MonOut {
			mon.Why = daemonTrouble(s, c, manifest.MonDaemon(m.Name), m.Node)
		}
		all = append(all, mon)
	}
	return all
}

// daemonTrouble says why a daemon does not run, as far as its node and its pod tell; empty: nothing is known.
func daemonTrouble(s *Snapshot, c *v1alpha1.StorageCluster, daemon, node string) string {
	if n := s.node(node); n != nil && !nodeReady(n) {
		return fmt.Sprintf("node %s is not ready", node)
	}
	pod := s.daemon(c.Namespace, c.Name, daemon)
	switch {
	case pod == nil && s.unread(ResourceDaemons):
		return ""
	case pod == nil:
		return "it has no pod"
	}
	if well, reason, message := podState(pod); !well {
		return joinWords(": ", reason, message)
	}
	return "its pod runs, and it has not joined"
}

// hosts sums up the disks with data of OSDs by node. A disk with several OSDs counts as a whole: its state does not say
// which of them is down.
func hosts(s *Snapshot, c *v1alpha1.StorageCluster) []Host {
	byNode := map[string]*Host{}
	for _, d := range s.disksOf(c) {
		held := dataOSDs(d)
		if held == 0 {
			continue
		}
		h := byNode[d.Status.Node]
		if h == nil {
			h = &Host{Node: d.Status.Node}
			byNode[d.Status.Node] = h
		}
		h.add(d, held)
	}
	var all []Host
	for _, h := range byNode {
		all = append(all, *h)
	}
	slices.SortFunc(all, func(a, b Host) int { return cmp.Compare(a.Node, b.Node) })
	return all
}

func (h *Host) add(d *v1alpha1.StorageDisk, held int) {
	h.OSDs, h.Disks, h.SizeBytes = h.OSDs+held, h.Disks+1, h.SizeBytes+bytesOf(deref(d.Status.Hardware).Size)
	if d.Status.State == v1alpha1.DiskInService {
		h.Up += held
	}
	if d.Status.State != v1alpha1.DiskInService || find(d.Status.Conditions, failing) != nil {
		reason := diskReason(d)
		h.Trouble = append(h.Trouble, fmt.Sprintf("%s on %s: %s", needs(d), d.Name, orElse(reason.Reason, string(d.Status.State))))
	}
}

func dataOSDs(d *v1alpha1.StorageDisk) int {
	held := 0
	for _, osd := range d.Status.OSDs {
		if osd.Role == v1alpha1.OSDRoleData {
			held++
		}
	}
	return held
}

func nodeReady(n *corev1.Node) bool {
	ready := find(n.Status.Conditions, func(c *corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
	return ready != nil && ready.Status == corev1.ConditionTrue
}

// podState says whether a pod is ready or has done its work, and if not, why: its containers know best, then the
// scheduler.
func podState(p *corev1.Pod) (well bool, reason, message string) {
	ready := deref(podCondition(p, corev1.PodReady))
	if ready.Status == corev1.ConditionTrue || p.Status.Phase == corev1.PodSucceeded {
		return true, string(p.Status.Phase), ""
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "ContainerCreating" && c.State.Waiting.Reason != "PodInitializing":
			return false, c.State.Waiting.Reason, joinWords(": ", "container "+c.Name, c.State.Waiting.Message)
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			return false, orElse(c.State.Terminated.Reason, "Terminated"), fmt.Sprintf("container %s ended with exit code %d", c.Name, c.State.Terminated.ExitCode)
		}
	}
	if scheduled := podCondition(p, corev1.PodScheduled); scheduled != nil && scheduled.Status == corev1.ConditionFalse {
		return false, scheduled.Reason, scheduled.Message
	}
	if p.DeletionTimestamp != nil {
		return false, "Terminating", "it is being deleted"
	}
	return false, string(p.Status.Phase), joinWords(": ", ready.Reason, ready.Message)
}

func podCondition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	return find(p.Status.Conditions, func(c *corev1.PodCondition) bool { return c.Type == kind })
}
