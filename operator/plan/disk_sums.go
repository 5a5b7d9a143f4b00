package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// sums adds up what a cluster does with its disks. disks counts all disks that there are.
func (c *diskCluster) sums(mine []*draft, entries map[string]*DiskEntry, disks int) ClusterDisks {
	result := ClusterDisks{Key: c.Key, FSID: c.FSID, Claimed: c.FSID != ""}
	s := &result.Summary
	for _, d := range mine {
		switch d.plan.Action {
		case v1alpha1.PlanAdd:
			s.Add++
		case v1alpha1.PlanProvide:
			s.Provide++
		case v1alpha1.PlanKeep:
			s.Keep++
		case v1alpha1.PlanWait:
			s.Wait++
		default:
			continue
		}
		entry := entries[d.disk.Name]
		result.Entries = append(result.Entries, *entry)
		taken := d.plan.Reason == v1alpha1.PlanReasonMatched && d.plan.Action != v1alpha1.PlanKeep
		result.Claimed = result.Claimed && (!taken || entry.Claimed)
	}
	s.Skip = int32(disks) - s.Add - s.Provide - s.Keep - s.Wait
	s.ID = planID(mine)
	if added := rawAdded(result.Entries); added > 0 {
		s.RawAdded = resource.NewQuantity(added, resource.BinarySI)
	}
	s.Message = cut(sumsMessage(result.Entries))
	result.Problems = c.problems(mine, entries)
	return result
}

// planID is a hash of what is to be made, of what, and of the disks as they were observed. Whether it is held is no
// part of it: an approval must find the plan that it approved.
func planID(mine []*draft) string {
	type line struct {
		Disk, Seal string
		Action     v1alpha1.PlanAction
		OSDs       []PlannedOSD
	}
	var lines []line
	for _, d := range mine {
		if len(d.osds) > 0 || d.plan.Action == v1alpha1.PlanProvide && !d.owned {
			lines = append(lines, line{d.disk.Name, deref(d.disk.Status.Verdict).Seal, d.plan.Action, d.osds})
		}
	}
	encoded, err := json.Marshal(lines)
	if err != nil {
		panic(err) // plain data: cannot fail
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:6])
}

func rawAdded(entries []DiskEntry) int64 {
	var bytes int64
	for _, e := range entries {
		for _, osd := range e.OSDs {
			bytes += osd.Data.Bytes
		}
	}
	return bytes
}

// sumsMessage says the plan in words, such as "6 OSDs on 3 nodes; 2 disks wait for DB space".
func sumsMessage(entries []DiskEntry) string {
	var parts []string
	osds, nodes, held, preparing, dbDisks := 0, map[string]bool{}, 0, 0, 0
	waits := map[string]int{}
	for _, e := range entries {
		switch e.Plan.Action {
		case v1alpha1.PlanAdd, v1alpha1.PlanProvide:
			osds += len(e.OSDs)
			if len(e.OSDs) > 0 {
				nodes[e.Node] = true
			}
			if len(e.Serving) > 0 {
				preparing++
			} else if e.Plan.Action == v1alpha1.PlanProvide {
				dbDisks++
			}
			if e.Plan.Reason != v1alpha1.PlanReasonMatched {
				held++
			}
		case v1alpha1.PlanWait:
			waits[e.Plan.Reason]++
		}
	}
	say := func(n int, format string, args ...any) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	say(osds, "%s on %s", count(osds, "OSD"), count(len(nodes), "node"))
	say(dbDisks, "%s", count(dbDisks, "DB disk"))
	say(preparing, "%s in preparation", count(preparing, "disk"))
	for _, w := range waitTexts() {
		n := waits[w.reason]
		say(n, "%s %s %s", count(n, "disk"), verb(n, "waits", "wait"), w.text)
	}
	say(held, "%s held", count(held, "disk"))
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, "; ")
}

type waitText struct{ reason, text string }

func waitTexts() []waitText {
	return []waitText{
		{v1alpha1.PlanReasonVerdictUnknown, "for a verdict"},
		{v1alpha1.PlanReasonStale, "for discover on their node"},
		{v1alpha1.PlanReasonNodeNotReady, "for their node"},
		{v1alpha1.PlanReasonNoDBSpace, "for DB space"},
	}
}

// problems sums up why the disks are not settled: the heaviest first, each with the first disk that it concerns.
func (c *diskCluster) problems(mine []*draft, entries map[string]*DiskEntry) []DiskProblem {
	order := []string{
		v1alpha1.ReasonDeviceChanged, v1alpha1.ReasonPrepareFailed, v1alpha1.ReasonDiskMissing, v1alpha1.ReasonDiskFailing,
		v1alpha1.ReasonPreparing, v1alpha1.ReasonAwaitingApproval, v1alpha1.ReasonNoDBSpace, v1alpha1.ReasonNoUsableDisks,
	}
	first, counts, inPlan := map[string]string{}, map[string]int32{}, false
	for _, d := range mine {
		inPlan = inPlan || d.plan.Action != v1alpha1.PlanSkip && d.plan.Action != v1alpha1.PlanWait
		reason, message := d.problem(entries[d.disk.Name])
		if reason == "" {
			continue
		}
		if counts[reason]++; counts[reason] == 1 {
			first[reason] = fmt.Sprintf("%s on node %s: %s", d.disk.Name, d.disk.Status.Node, message)
		}
	}
	if !inPlan && !c.Closed {
		counts[v1alpha1.ReasonNoUsableDisks]++
		first[v1alpha1.ReasonNoUsableDisks] = "no disk is in service or can be taken; kubectl get disks -o wide says why of each"
	}
	var found []DiskProblem
	for _, reason := range order {
		if n := counts[reason]; n > 0 {
			message := first[reason]
			if n > 1 {
				message = fmt.Sprintf("%s, the first: %s", count(n, "disk"), message)
			}
			found = append(found, DiskProblem{reason, n, cut(message)})
		}
	}
	return slices.Clip(found)
}

// problem returns why one disk is not settled; empty: it is.
func (d *draft) problem(entry *DiskEntry) (reason, message string) {
	in := entry.InService
	switch {
	case d.operation != nil:
		return "", "" // the operation tells
	case in.Reason == v1alpha1.ReasonDeviceChanged || in.Reason == v1alpha1.ReasonPrepareFailed:
		return in.Reason, in.Message
	case d.owned && d.missing():
		return v1alpha1.ReasonDiskMissing, in.Message
	case d.owned && d.failing() != nil:
		return v1alpha1.ReasonDiskFailing, fmt.Sprintf("%s, which %s needs", d.failing().Message, d.names())
	}
	switch d.plan.Action {
	case v1alpha1.PlanAdd, v1alpha1.PlanProvide:
		if d.plan.Reason == v1alpha1.PlanReasonMatched {
			// A DB disk without DBs is ready for them.
			if d.plan.Action == v1alpha1.PlanProvide && entry.Claimed {
				return "", ""
			}
			return v1alpha1.ReasonPreparing, d.plan.Message
		}
		return v1alpha1.ReasonAwaitingApproval, d.plan.Message
	case v1alpha1.PlanWait:
		switch {
		case d.missing(): // it is not the cluster's, and may never come back
			return "", ""
		case d.plan.Reason == v1alpha1.PlanReasonNoDBSpace:
			return v1alpha1.ReasonNoDBSpace, d.plan.Message
		}
		return v1alpha1.ReasonPreparing, d.plan.Message
	}
	return "", ""
}

// failing returns the disk's own report of errors; nil: it has none.
func (d *draft) failing() *metav1.Condition {
	for i, condition := range d.disk.Status.Conditions {
		if condition.Type == v1alpha1.ConditionHealthy && condition.Status == metav1.ConditionFalse {
			return &d.disk.Status.Conditions[i]
		}
	}
	return nil
}
