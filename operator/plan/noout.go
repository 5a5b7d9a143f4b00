package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// nooutBound is how long Ceph waits at most for the OSDs of a cordoned node before it restores their data elsewhere. A
// node that is only restarted is back by then; of one that is not, data must not lack a copy for longer.
const nooutBound = 30 * time.Minute

// nooutSkew is how far the clock may be behind that of the operator that set a noout. A time farther ahead is no time, and
// must not put off the end.
const nooutSkew = time.Minute

// FlagNoout keeps OSDs that are down in: their data stays where it is.
const FlagNoout = "noout"

// cordoned says that nothing new is to come to the node: it is being drained, or was.
func (n Node) cordoned() bool {
	return n.Unschedulable || slices.ContainsFunc(n.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeUnschedulable })
}

// drains lets Ceph wait for the OSDs of nodes that are cordoned, and ends that when they are back, or have been away for
// too long.
func (c *computation) drains() {
	if c.snapshot == nil {
		return
	}
	for _, host := range c.hosts() {
		c.drain(host)
	}
}

// endDrains ends what has to end also where nothing else is done, as long as it is this cluster that answers.
func (c *computation) endDrains() {
	if c.snapshot == nil || c.in.Identity == nil || c.snapshot.FSID != c.in.Identity.FSID {
		return
	}
	for _, noout := range c.in.Noouts {
		if !noout.Ended && nooutLeft(noout, c.in.Now) <= 0 {
			c.endNoout(noout.Host)
		}
	}
}

// hosts with OSDs, and those that a noout is recorded for, sorted.
func (c *computation) hosts() []string {
	names := map[string]bool{}
	for _, r := range c.osds {
		names[r.Node] = true
	}
	for _, noout := range c.in.Noouts {
		names[noout.Host] = true
	}
	return sortedStrings(names)
}

func (c *computation) drain(host string) {
	node, recorded := c.nodes[host], nooutOf(c.in.Noouts, host)
	cordoned := node != nil && node.cordoned()
	switch {
	case recorded == nil:
		if cordoned && c.holdsOSDs(host) && !c.nooutSeen(host) { // what somebody else has set is theirs
			c.setNoout(host, c.in.Now)
		}
	case recorded.Ended:
		if !cordoned {
			c.add(EndNoout{Host: host, Forget: true}, fmt.Sprintf("node %s is not cordoned any more", host))
		}
	case nooutLeft(*recorded, c.in.Now) <= 0:
		c.endNoout(host)
	case node != nil && !cordoned && c.osdsUp(host):
		c.add(EndNoout{Host: host, Forget: true}, fmt.Sprintf("node %s can be used again, and its OSDs are up", host))
	default:
		c.wake(nooutLeft(*recorded, c.in.Now))
		if cordoned && !c.nooutSeen(host) {
			c.setNoout(host, recorded.Since)
		}
	}
}

func (c *computation) setNoout(host string, since time.Time) {
	c.add(SetNoout{host, since}, fmt.Sprintf("node %s is cordoned: Ceph waits for its OSDs for %s at most", host, minutes(nooutBound)))
}

// endNoout ends one whose time is over. It is remembered while the node stays cordoned: a second one would put off the
// recovery of the data again.
func (c *computation) endNoout(host string) {
	node := c.nodes[host]
	c.add(EndNoout{Host: host, Forget: node == nil || !node.cordoned()},
		fmt.Sprintf("Ceph has waited for the OSDs of node %s for %s", host, minutes(nooutBound)))
}

func minutes(d time.Duration) string { return count(int(d/time.Minute), "minute") }

// nooutLeft returns how long a noout may still last.
func nooutLeft(noout manifest.Noout, now time.Time) time.Duration {
	left := noout.Since.Add(nooutBound).Sub(now)
	if left > nooutBound+nooutSkew {
		return 0
	}
	return left
}

func nooutOf(noouts []manifest.Noout, host string) *manifest.Noout {
	at := slices.IndexFunc(noouts, func(n manifest.Noout) bool { return n.Host == host })
	if at < 0 {
		return nil
	}
	return &noouts[at]
}

// holdsOSDs says that OSDs of the cluster are in the bucket of a node.
func (c *computation) holdsOSDs(host string) bool {
	return slices.ContainsFunc(c.osds, func(r *Reservation) bool {
		return r.Node == host && bucketAt(r.Location, hostType) == host && c.osdmap[r.ID] != nil &&
			bucketAt(locationIn(c.snapshot.CRUSH, int(r.ID)), hostType) == host
	})
}

// osdsUp says that all OSDs of a node are up that data is to be on.
func (c *computation) osdsUp(host string) bool {
	return !slices.ContainsFunc(c.osds, func(r *Reservation) bool {
		osd := c.osdmap[r.ID]
		return r.Node == host && osd != nil && osd.In && !osd.Up
	})
}

func (c *computation) nooutSeen(host string) bool {
	return slices.Contains(c.snapshot.OSDMap.BucketFlags[host], FlagNoout)
}

// nodeDrain says which nodes with OSDs are cordoned, until when Ceph waits for them, and what may be evicted. It names times and not how much
// is left: a figure that moves would be written all the time.
func (v *view) nodeDrain() Condition {
	texts := map[string][]string{}
	for _, host := range v.drainHosts() {
		if reason, text := v.drainOf(host); reason != "" {
			texts[reason] = append(texts[reason], text)
		}
	}
	for _, reason := range []string{v1alpha1.ReasonNooutEnded, v1alpha1.ReasonNooutSet, v1alpha1.ReasonNodeCordoned} {
		if len(texts[reason]) > 0 {
			all := slices.Concat(texts[v1alpha1.ReasonNooutEnded], texts[v1alpha1.ReasonNooutSet], texts[v1alpha1.ReasonNodeCordoned])
			return isTrue(reason, "%s", strings.Join(append(all, v.plan.Evictions...), "; "))
		}
	}
	return isFalse(v1alpha1.ReasonNotDraining, "no node with OSDs is cordoned")
}

// drainHosts are the nodes with OSDs that are cordoned, and those that a noout is recorded for, sorted.
func (v *view) drainHosts() []string {
	hosts := map[string]bool{}
	for _, noout := range v.in.Noouts {
		hosts[noout.Host] = true
	}
	for _, node := range v.in.Nodes {
		holds := slices.ContainsFunc(v.in.Reservations, func(r Reservation) bool { return r.Node == node.Name })
		if node.cordoned() && holds {
			hosts[node.Name] = true
		}
	}
	return sortedStrings(hosts)
}

// drainOf returns the reason and the words for one node; empty when there is nothing to say.
func (v *view) drainOf(host string) (reason, text string) {
	at := slices.IndexFunc(v.in.Nodes, func(n Node) bool { return n.Name == host })
	cordoned := at >= 0 && v.in.Nodes[at].cordoned()
	noout := nooutOf(v.in.Noouts, host)
	switch {
	case noout == nil && v.snapshot != nil && slices.Contains(v.snapshot.OSDMap.BucketFlags[host], FlagNoout):
		return v1alpha1.ReasonNodeCordoned, fmt.Sprintf("node %s is cordoned; somebody else has set noout on host %s, and takes it off again", host, host)
	case noout == nil:
		return v1alpha1.ReasonNodeCordoned, fmt.Sprintf("node %s is cordoned; noout is not set on host %s", host, host)
	case noout.Ended && cordoned:
		return v1alpha1.ReasonNooutEnded, fmt.Sprintf("node %s is cordoned, and Ceph has waited for its OSDs for %s: noout was taken off host %s, "+
			"and what lacks a copy is restored elsewhere; uncordon the node when it is to serve again", host, minutes(nooutBound), host)
	case noout.Ended:
		return "", ""
	}
	until := noout.Since.Add(nooutBound).UTC().Format("15:04:05")
	if cordoned {
		return v1alpha1.ReasonNooutSet, fmt.Sprintf("node %s is cordoned: Ceph waits for its OSDs until %s UTC at the latest (noout on host %s)", host, until, host)
	}
	return v1alpha1.ReasonNooutSet, fmt.Sprintf("node %s was cordoned: Ceph waits until its OSDs are up, until %s UTC at the latest (noout on host %s)", host, until, host)
}
