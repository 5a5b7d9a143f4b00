package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// crushTree finds the buckets above OSDs and the OSDs by their ids.
type crushTree struct {
	parents map[int]*ceph.Bucket
	osds    map[int32]*ceph.OSD
}

func newCRUSHTree(s *ceph.Snapshot) crushTree {
	t := crushTree{parents: map[int]*ceph.Bucket{}, osds: map[int32]*ceph.OSD{}}
	for i := range s.CRUSH.Buckets {
		for _, item := range s.CRUSH.Buckets[i].Items {
			t.parents[item.ID] = &s.CRUSH.Buckets[i]
		}
	}
	for i := range s.OSDs {
		t.osds[int32(s.OSDs[i].ID)] = &s.OSDs[i]
	}
	return t
}

// domain returns the bucket of a type that an OSD is in; empty: none.
func (t crushTree) domain(id int, bucketType string) string {
	if bucketType == "osd" {
		return "osd." + strconv.Itoa(id)
	}
	for b := t.parents[id]; b != nil; b = t.parents[b.ID] {
		if b.Type == bucketType {
			return b.Name
		}
	}
	return ""
}

// How fast data is assumed to move: so many copies at once for an OSD that is emptied, each so fast. They make the estimate
// of the time, and nothing rests on them.
const (
	assumedStreams        = 8
	assumedBytesPerSecond = 100e6
)

// What PGs are assumed to take beside their bytes, in seconds. An OSD backfills one PG at a time (Ceph's osd_max_backfills), as its
// primary and as the one that takes it in alike; each next one asks both for their slot, scans, and peers once more at its end.
//
// Where they come from: a drain of one of six OSDs in three hosts moved 449 MB in 27 s (docs/benchmarks.md). By its bytes that is
// 1 s. All of its 17 or so PGs have to stay in its host, and so go to the one other OSD there, one after the other: 17 s, and some
// seconds until Ceph has peered for the first time and has reported that all is done. That makes 23 s. A disk of some TB takes hours
// for its bytes, beside which this is nothing.
const (
	assumedSettleSeconds = 5
	assumedSecondsPerPG  = 1
)

// moveSeconds estimates how long data takes to move: so many PGs in so many streams, in so many rounds one after the other.
func moveSeconds(bytes int64, pgs, streams, rounds int) int32 {
	seconds := float64(bytes) / assumedBytesPerSecond / float64(max(streams, 1))
	if pgs > 0 {
		seconds += assumedSettleSeconds + assumedSecondsPerPG*float64(rounds)
	}
	return int32(min(math.Ceil(seconds), math.MaxInt32))
}

// rounds returns how many PGs the OSD has to wait for, one after the other, that has the most to do: one that is emptied, as the primary
// of its PGs, or one that takes them in.
func (c *operationComputation) rounds() (rounds int) {
	into, takers := map[string]int{}, map[string]int{}
	for id := range c.osds {
		primary, byPool := 0, map[string]int{}
		for _, pg := range c.in.PGs[id] {
			byPool[poolOf(pg)]++
			if len(pg.Acting) > 0 && pg.Acting[0] == int(id) {
				primary++
			}
		}
		rounds = max(rounds, primary)
		for i := range c.snapshot.Pools {
			pool := &c.snapshot.Pools[i]
			if pgs := byPool[strconv.FormatInt(pool.ID, 10)]; pgs > 0 {
				name, number := c.takers(id, pool)
				into[name], takers[name] = into[name]+pgs, number
			}
		}
	}
	for name, pgs := range into {
		number := max(takers[name], 1)
		rounds = max(rounds, (pgs+number-1)/number)
	}
	return rounds
}

// takers returns a name for those OSDs that take in what leaves an OSD of the targets, and how many they are. Where a pool has a copy in
// every failure domain, that is what is left of the OSD's own.
func (c *operationComputation) takers(id int32, pool *ceph.Pool) (name string, number int) {
	rule := ruleByID(c.snapshot.CRUSH.Rules, pool.RuleID)
	domains := map[string]int{}
	receivers := c.receivers(rule.DeviceClass)
	for _, osd := range receivers {
		domains[c.tree.domain(osd.ID, rule.FailureDomain)]++
	}
	own := c.tree.domain(int(id), rule.FailureDomain)
	if domains[own] > 0 && len(domains) <= pool.Size {
		return rule.DeviceClass + "/" + own, domains[own]
	}
	return rule.DeviceClass, len(receivers)
}

// forecast says how much moves and where to. How much comes from the PGs as they are. Where to is an estimate: data is
// spread over the OSDs that a pool's rule allows by their weights in CRUSH, which leaves out that a copy keeps away from
// the failure domains of the others.
func (c *operationComputation) forecast() {
	if !takesOSDs(c.in.Spec.Type) || !c.pgsKnown() {
		return
	}
	outcome := &v1alpha1.OperationOutcome{RedundancyDuring: "as much as before: every copy stays until it has moved"}
	if c.lacking() {
		outcome.RedundancyDuring = "less than the pools declare, until the copies of an OSD that is down are made anew"
	}
	total, pgs := int64(0), 0
	for _, bytes := range c.moving() {
		total += bytes
	}
	for id := range c.osds {
		pgs += len(c.in.PGs[id])
	}
	_, fullest := c.fullest(false)
	outcome.BytesToMove, outcome.FullestPercentAfter = threeDigits(total), new(int32(math.Ceil(fullest*100)))
	if streams := min(pgs, len(c.receivers("")), assumedStreams*len(c.osds)); streams > 0 || total == 0 {
		outcome.ETASeconds = new(moveSeconds(total, pgs, streams, c.rounds()))
	}
	c.out.Plan.Outcome = outcome
}

// pgsKnown says that the PGs of every OSD of the targets are known. One that Ceph does not have, or that is down, serves none.
func (c *operationComputation) pgsKnown() bool {
	for id := range c.osds {
		if _, known := c.in.PGs[id]; !known && c.tree.osds[id] != nil && c.tree.osds[id].Up {
			return false
		}
	}
	return true
}

// lacking says that an OSD of the targets is down and what it held is not whole elsewhere.
func (c *operationComputation) lacking() bool {
	for id := range c.osds {
		if osd := c.tree.osds[id]; osd != nil && !osd.Up && (len(c.in.PGs[id]) > 0 || c.unclean() != "") {
			return true
		}
	}
	return false
}

// unclean returns the state that most PGs have of those that are not clean; empty: all are.
func (c *operationComputation) unclean() string {
	for _, state := range c.snapshot.PGs.ByState {
		if !strings.HasPrefix(state.State, "active+clean") && state.Count > 0 {
			return state.State
		}
	}
	return ""
}

// moving returns the bytes that leave the targets, by the class of OSDs that take them in; empty: any class.
func (c *operationComputation) moving() map[string]int64 {
	pools := map[string]*ceph.Pool{}
	for i := range c.snapshot.Pools {
		pools[strconv.FormatInt(c.snapshot.Pools[i].ID, 10)] = &c.snapshot.Pools[i]
	}
	moving := map[string]int64{}
	for id := range c.osds {
		for _, pg := range c.in.PGs[id] {
			if pool := pools[poolOf(pg)]; pool != nil && (slices.Contains(pg.Up, int(id)) || slices.Contains(pg.Acting, int(id))) {
				moving[ruleByID(c.snapshot.CRUSH.Rules, pool.RuleID).DeviceClass] += pg.Bytes / dataChunks(pool)
			}
		}
	}
	return moving
}

// poolOf returns the id of the pool that a PG is of: 4 of 4.1f.
func poolOf(pg ceph.PG) string {
	pool, _, _ := strings.Cut(pg.ID, ".")
	return pool
}

// dataChunks returns over how many OSDs a copy of an object is cut. Ceph's min_size of an erasure-coded pool is one more
// than its data chunks; where somebody made it less, the forecast is too high rather than too low.
func dataChunks(pool *ceph.Pool) int64 {
	if pool.Type != ceph.Erasure {
		return 1
	}
	return int64(max(pool.MinSize-1, 1))
}

// receivers lists the OSDs of a class that take data in; empty: of any class.
func (c *operationComputation) receivers(class string) (found []*ceph.OSD) {
	for i := range c.snapshot.OSDs {
		osd := &c.snapshot.OSDs[i]
		if osd.Up && osd.In && osd.TotalBytes > 0 && !c.osds[int32(osd.ID)] && (class == "" || osd.DeviceClass == class) {
			found = append(found, osd)
		}
	}
	return found
}

// fullest returns the OSD that will be the fullest, and how full: of all, or of those that take data in; -1: there is none.
func (c *operationComputation) fullest(receiving bool) (id int, ratio float64) {
	added, moving := map[int]float64{}, c.moving()
	for _, class := range sortedStrings(moving) {
		receivers, weight := c.receivers(class), 0.0
		for _, osd := range receivers {
			weight += osd.CRUSHWeight * osd.Weight
		}
		for _, osd := range receivers {
			if weight > 0 {
				added[osd.ID] += float64(moving[class]) * osd.CRUSHWeight * osd.Weight / weight
			}
		}
	}
	id = -1
	for _, osd := range c.receivers("") {
		after := (float64(osd.UsedBytes) + added[osd.ID]) / float64(osd.TotalBytes)
		if (!receiving || added[osd.ID] > 0) && (id < 0 || after > ratio) {
			id, ratio = osd.ID, after
		}
	}
	return id, ratio
}

// healRatio returns how full the rest would be if the host with the most space were lost after the operation.
func (c *operationComputation) healRatio() float64 {
	used, total, hosts := int64(0), int64(0), map[string]int64{}
	for i := range c.snapshot.OSDs {
		used += c.snapshot.OSDs[i].UsedBytes
	}
	for _, osd := range c.receivers("") {
		name := c.tree.domain(osd.ID, hostType)
		total, hosts[name] = total+osd.TotalBytes, hosts[name]+osd.TotalBytes
	}
	largest := int64(0)
	for _, bytes := range hosts {
		largest = max(largest, bytes)
	}
	return float64(used) / math.Max(float64(total-largest), 1)
}

func percentText(ratio float64) string { return fmt.Sprintf("%.0f%%", ratio*100) }
