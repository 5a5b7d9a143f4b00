package plan

import (
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// wanted is a daemon that is to run, and what must be done before.
type wanted struct {
	daemon Daemon
	after  []Action
}

// daemons applies what is to run: what is not there yet at once, whatever else waits, and what is there through the gate
// of the rollout when its pod would restart.
func (c *computation) daemons() {
	c.stopLeaving()
	var changes []change
	for _, w := range c.wantedDaemons() {
		c.plan.Daemons++
		deployed := c.deployed[w.daemon.ID]
		if deployed == nil {
			c.add(ApplyDaemon{Daemon: w.daemon}, "it has no Deployment", w.after...)
			continue
		}
		if deployed.Deleting {
			continue
		}
		reason := RestartReason(deployed.Template, c.in.Render(w.daemon))
		if reason == "" {
			c.plan.Keep = append(c.plan.Keep, w.daemon)
			continue
		}
		c.plan.Outdated++
		changes = append(changes, change{w.daemon, deployed, reason})
	}
	c.rollout(changes)
}

// wantedDaemons lists mons before mgrs before OSDs before MDSs. Nothing starts before the seed is written.
func (c *computation) wantedDaemons() []wanted {
	seed := c.seedStep()
	if c.in.Seed == nil && seed == nil {
		return nil
	}
	var all []wanted
	for _, mon := range c.monRecords {
		d := c.daemon(DaemonID{DaemonMon, mon.Name}, mon.Node, c.in.Spec.Mon.Placement.Tolerations, c.in.Spec.Mon.Resources)
		d.Address = mon.Address
		all = append(all, wanted{d, slices.Concat(seed, []Action{EnsureMon{mon.Mon}})})
	}
	for _, mgr := range c.mgrPlaces {
		d := c.daemon(mgr.id, mgr.node, c.in.Spec.Mgr.Placement.Tolerations, c.in.Spec.Mgr.Resources)
		d.Modules = c.in.Spec.Mgr.Modules
		all = append(all, wanted{d, slices.Concat(seed, []Action{EnsureKey{Daemon: mgr.id}, RegisterKey{mgr.id}})})
	}
	return slices.Concat(all, c.wantedOSDs(seed), c.wantedMDSs())
}

// stopLeaving takes the Deployments of OSDs away that an operation removes: one that was made from an older view goes too.
func (c *computation) stopLeaving() {
	for _, r := range c.osds {
		id := DaemonID{DaemonOSD, strconv.Itoa(int(r.ID))}
		if d := c.deployed[id]; r.Leaving != "" && d != nil && !d.Deleting {
			c.add(StopDaemon{id}, fmt.Sprintf("operation %s removes this OSD", r.Leaving))
		}
	}
}

// seedStep returns the step that writes the seed, if the plan has it.
func (c *computation) seedStep() []Action {
	for _, step := range c.plan.Steps {
		if seed, ok := step.Do.(WriteSeed); ok {
			return []Action{seed}
		}
	}
	return nil
}

// wantedOSDs lists the OSDs that are reserved, or are in this very plan. One that Ceph may not know yet waits until it was
// asked, unless it runs already.
func (c *computation) wantedOSDs(seed []Action) []wanted {
	rules := map[string]*corev1.ResourceRequirements{}
	for _, rule := range c.in.Spec.Storage.Rules {
		rules[rule.Name] = rule.Resources
	}
	var all []wanted
	neighbours := c.osdsOfNodes()
	want := func(r Reservation, after ...Action) {
		resources, known := rules[r.Rule]
		if !known {
			resources = c.in.Spec.OSD.Resources
		}
		d := c.daemon(DaemonID{DaemonOSD, strconv.Itoa(int(r.ID))}, r.Node, c.in.Spec.OSD.Tolerations, resources)
		d.OSD = &r
		if node := c.nodes[r.Node]; node != nil {
			d.NodeMemory, d.NodeOSDs = node.Memory, neighbours[r.Node]
		}
		all = append(all, wanted{d, slices.Concat(seed, after)})
	}
	for _, r := range c.osds {
		if r.Leaving == "" && c.osdMayStart(r) {
			want(*r, RegisterOSD{r.ID})
		}
	}
	for _, step := range c.plan.Steps {
		if reserve, ok := step.Do.(ReserveOSD); ok && c.osdMayStart(&reserve.OSD) {
			want(reserve.OSD, reserve, RegisterOSD{reserve.OSD.ID})
		}
	}
	return all
}

// osdsOfNodes counts the OSDs of each node: those that are reserved, and those that nothing stands in the way of, so that
// the first one of many starts as it is to go on.
func (c *computation) osdsOfNodes() map[string]int {
	type place struct {
		disk  string
		index int32
	}
	counts, counted := map[string]int{}, map[place]bool{}
	add := func(node string, data Part) {
		if at := (place{data.Disk, data.Index}); !counted[at] {
			counted[at] = true
			counts[node]++
		}
	}
	for _, r := range c.osds {
		add(r.Node, r.Data)
	}
	if c.in.Disks == nil {
		return counts
	}
	for _, entry := range c.in.Disks.Entries {
		for _, osd := range entry.OSDs {
			if deref(entry.Plan).Reason == v1alpha1.PlanReasonMatched {
				add(osd.Node, osd.Data)
			}
		}
	}
	return counts
}

// osdMayStart says that Ceph knows the key of a reserved OSD, or will once the plan is done.
func (c *computation) osdMayStart(r *Reservation) bool {
	id := DaemonID{DaemonOSD, strconv.Itoa(int(r.ID))}
	return c.seeded[r.ID] || c.deployed[id] != nil || c.osdKnown(r) || c.planned[stepID(RegisterOSD{r.ID})]
}

func (c *computation) daemon(id DaemonID, node string, tolerations []corev1.Toleration, resources *corev1.ResourceRequirements) Daemon {
	hostname := node
	if known := c.nodes[node]; known != nil && known.Hostname != "" {
		hostname = known.Hostname
	}
	return Daemon{
		ID: id, Node: node, Hostname: hostname, Image: c.image.of(c.deployed[id]), Profile: c.in.Spec.ResourceProfile,
		Network: c.in.Spec.Network, Tolerations: tolerations, Resources: resources,
	}
}
