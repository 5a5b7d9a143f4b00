package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// monPlace is a mon that is recorded or about to be.
type monPlace struct {
	handover.Mon
	planned bool
}

// mons decides which mons there are. Those that are placed stay where they are. Before the first quorum all are made at
// once; afterwards one joins or leaves at a time, and only while all others are in quorum.
func (c *computation) mons() {
	for _, mon := range c.in.Mons.Mons {
		c.monRecords = append(c.monRecords, monPlace{Mon: mon})
		if mon.Address == "" {
			c.add(EnsureMon{mon}, "the address of the mon is not recorded yet", EnsureIdentity{})
		}
	}
	switch want := int(c.in.Spec.Mon.Count); {
	case c.in.Seed == nil:
		c.addMons(c.reachable(want)-len(c.monRecords), handover.MonSeed)
	case !c.in.Mons.QuorumRecorded:
	case c.dismissedMon() != "":
		c.removeMon(c.dismissedMon(), "the monmap does not have it any more, so that it can never be in quorum again")
	case c.failOver(want):
	case len(c.monRecords) > want:
		if spare := c.spareMon(); spare != "" {
			c.removeMon(spare, fmt.Sprintf("spec.mon.count asks for %d of %d mons", want, len(c.monRecords)))
		}
	case len(c.monRecords) < c.reachable(want) && c.allInQuorum():
		c.addMons(1, handover.MonJoining)
	}
	if want := int(c.in.Spec.Mon.Count); len(c.monRecords) < want {
		c.plan.MonsShort = fmt.Sprintf("%s wanted, and %d fit: %s for mons; each mon needs a node of its own that is ready, "+
			"and an even number would survive no more failures", count(want, "mon"), len(c.monRecords), count(len(c.monNodes())+len(c.monRecords), "node"))
	}
}

// reachable returns how many mons there can be: an odd number, for with an even one more can fail and no more may.
func (c *computation) reachable(want int) int {
	n := min(want, len(c.monRecords)+len(c.monNodes()))
	if n > 0 && n%2 == 0 {
		n--
	}
	return n
}

// monNodes are the nodes that a new mon can be put on.
func (c *computation) monNodes() []Node {
	return slices.DeleteFunc(EligibleNodes(c.in.Nodes, c.in.Spec.Mon.Placement), func(n Node) bool {
		taken := slices.ContainsFunc(c.monRecords, func(m monPlace) bool { return m.Node == n.Name })
		return taken || !n.Ready || c.in.Spec.Network.Mode == v1alpha1.NetworkHost && hostAddress(n, c.in.Spec.Network) == ""
	})
}

func (c *computation) addMons(number int, state handover.MonState) {
	for range number {
		node := spread(c.monNodes(), c.monLocations())
		mon := handover.Mon{Name: c.freeMonName(), Node: node.Name, State: state}
		if c.in.Spec.Network.Mode == v1alpha1.NetworkHost {
			mon.Address = hostAddress(node, c.in.Spec.Network)
		}
		c.monRecords = append(c.monRecords, monPlace{mon, true})
		c.add(EnsureMon{mon}, fmt.Sprintf("%s wanted; node %s is the farthest from the others", count(c.in.Spec.Mon.Count, "mon"), node.Name),
			EnsureIdentity{})
	}
}

func (c *computation) monLocations() []ceph.Location {
	var locations []ceph.Location
	for _, mon := range c.monRecords {
		if node := c.nodes[mon.Node]; node != nil {
			locations = append(locations, Locate(*node))
		}
	}
	return locations
}

// spread returns the node that shares the least with locations: first zones, then racks, and so on. Of several that are
// alike it is the first by name, so that the choice is the same every time.
func spread(nodes []Node, locations []ceph.Location) Node {
	shared := func(n Node) []int {
		counts := make([]int, 0, len(levels())+1)
		own := Locate(n)
		for _, bucket := range append(bucketTypes(), hostType) {
			same := 0
			for _, other := range locations {
				if name := bucketAt(own, bucket); name != "" && name == bucketAt(other, bucket) {
					same++
				}
			}
			counts = append(counts, same)
		}
		return counts
	}
	return slices.MinFunc(nodes, func(a, b Node) int {
		return cmp.Or(slices.Compare(shared(a), shared(b)), cmp.Compare(a.Name, b.Name))
	})
}

func bucketTypes() []string {
	var types []string
	for _, l := range levels() {
		types = append(types, l.bucket)
	}
	return types
}

// freeMonName returns the first letter that no mon has or had, neither a recorded one nor one in the monmap.
func (c *computation) freeMonName() string {
	return freeName(func(name string) bool {
		return slices.ContainsFunc(c.monRecords, func(m monPlace) bool { return m.Name == name }) ||
			slices.Contains(c.in.Mons.Retired, name) || c.snapshot != nil && c.inMonmap(name)
	})
}

func freeName(taken func(string) bool) string {
	name := "a"
	for taken(name) {
		if name[len(name)-1] == 'z' {
			name += "a"
			continue
		}
		name = name[:len(name)-1] + string(name[len(name)-1]+1)
	}
	return name
}

// hostAddress returns the address of a node that a mon on the host network has; empty: it has none that fits.
func hostAddress(node Node, network Network) string {
	for _, text := range node.Addresses {
		address, err := netip.ParseAddr(text)
		if err != nil || !fitsFamily(address, network.IPFamily) {
			continue
		}
		if len(network.Public.CIDRs) == 0 || slices.ContainsFunc(network.Public.CIDRs, func(cidr string) bool {
			prefix, err := netip.ParsePrefix(cidr)
			return err == nil && prefix.Contains(address)
		}) {
			return text
		}
	}
	return ""
}

func fitsFamily(address netip.Addr, family v1alpha1.IPFamily) bool {
	switch family {
	case v1alpha1.IPFamilyIPv6:
		return address.Is6()
	case v1alpha1.IPFamilyDualStack:
		return true
	}
	return address.Is4()
}

// inQuorum says whether a mon is seen in quorum now.
func (c *computation) inQuorum(name string) bool {
	return c.snapshot != nil && slices.Contains(c.snapshot.Quorum.InQuorum, name)
}

// allInQuorum says that every recorded mon is seen in quorum now.
func (c *computation) allInQuorum() bool {
	return !slices.ContainsFunc(c.monRecords, func(m monPlace) bool { return !c.inQuorum(m.Name) })
}

// dismissedMon returns a mon that was in quorum and is not in the monmap any more: it was taken out, and what comes after
// that was not done. Empty: there is none.
func (c *computation) dismissedMon() string {
	for _, mon := range c.monRecords {
		if mon.State == handover.MonMember && c.snapshot != nil && !c.inMonmap(mon.Name) {
			return mon.Name
		}
	}
	return ""
}

func (c *computation) inMonmap(name string) bool {
	return slices.ContainsFunc(c.snapshot.Quorum.Mons, func(m ceph.Mon) bool { return m.Name == name })
}

// spareMon returns the mon that goes when fewer are asked for: one that has not joined yet, or the only one that is out,
// or, while all are in quorum, the one that is the least apart from the others. Empty: none may go now.
func (c *computation) spareMon() string {
	if c.snapshot == nil {
		return ""
	}
	var out []string
	for _, mon := range c.monRecords {
		switch {
		case !c.inMonmap(mon.Name):
			return mon.Name
		case !c.inQuorum(mon.Name):
			out = append(out, mon.Name)
		}
	}
	switch len(out) {
	case 0:
		return c.closestMon()
	case 1:
		return out[0]
	}
	return ""
}

// closestMon returns the mon that shares the most with the others.
func (c *computation) closestMon() string {
	var closest string
	most := []int{-1}
	for i, mon := range c.monRecords {
		if shared := c.sharedBy(i); slices.Compare(shared, most) >= 0 {
			closest, most = mon.Name, shared
		}
	}
	return closest
}

func (c *computation) removeMon(name, reason string) { c.replaceMon(name, "", reason) }

func (c *computation) replaceMon(name, successor, reason string) {
	c.add(RemoveMon{name, successor}, reason)
	c.monRecords = slices.DeleteFunc(c.monRecords, func(m monPlace) bool { return m.Name == name })
}

// sharedBy counts, level by level, how many other mons are in the same bucket as one of them.
func (c *computation) sharedBy(index int) []int {
	counts := make([]int, len(levels()))
	own := c.nodes[c.monRecords[index].Node]
	if own == nil {
		return []int{len(c.monRecords)} // its node is gone
	}
	for level, bucket := range bucketTypes() {
		for i, other := range c.monRecords {
			node := c.nodes[other.Node]
			if i == index || node == nil {
				continue
			}
			if name := bucketAt(Locate(*own), bucket); name != "" && name == bucketAt(Locate(*node), bucket) {
				counts[level]++
			}
		}
	}
	return counts
}

// quorum records that there was a quorum, and which mons were seen in it. A mon of the first monmap that was not yet
// there joins the living quorum from then on: it may not begin with the seed any more.
func (c *computation) quorum() {
	if c.snapshot == nil || c.in.Seed == nil {
		return
	}
	if !c.in.Mons.QuorumRecorded {
		var mons []handover.Mon
		for _, mon := range c.in.Mons.Mons {
			mon.State = handover.MonJoining
			if c.inQuorum(mon.Name) {
				mon.State = handover.MonMember
			}
			mons = append(mons, mon)
		}
		c.add(RecordQuorum{mons}, fmt.Sprintf("the mons have formed a quorum of %d", len(c.snapshot.Quorum.InQuorum)))
		return
	}
	for _, mon := range c.in.Mons.Mons {
		if mon.State != handover.MonMember && c.inQuorum(mon.Name) {
			c.add(RecordMember{mon.Name}, "the mon is in the quorum")
		}
	}
}
