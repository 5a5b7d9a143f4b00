package scan

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/report"
)

// patience is how long the API may take for everything that one turn of the loop has to say.
const patience = time.Minute

// publish has everything that is known judged and reported, and returns whether the API has it all.
func (s *Scanner) publish(ctx context.Context) bool {
	if s.looked.IsZero() || ctx.Err() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	settled := s.recall(ctx)
	sightings := s.sightings()
	c := s.api.Knowledge.Context(ctx, s.context, labels(sightings))
	count := map[string]int{stateFailed: s.nameless()}
	seen := map[string]bool{}
	for _, sighting := range sightings {
		seen[sighting.Name] = true
		if s.grace(s.entries[sighting.Disk.Name]) > 0 {
			continue
		}
		outcome, err := s.api.Reporter.Report(ctx, sighting, c)
		s.note(ctx, sighting, outcome, err)
		settled = settled && err == nil
		count[stateOf(outcome, err)]++
	}
	err := s.api.Reporter.Missing(ctx, func(name string) bool { return seen[name] })
	s.complain(ctx, "", "report missing disks", err)
	s.metrics.disks(count)
	if settled = settled && err == nil; settled && c.Unread == "" {
		s.complete()
	}
	return settled
}

// recall asks once after the start for what this node has to take back.
func (s *Scanner) recall(ctx context.Context) bool {
	if s.recalled {
		return true
	}
	err := s.api.Reporter.Recall(ctx)
	s.complain(ctx, "", "ask for the disks that this node has named itself on", err)
	s.recalled = err == nil
	return s.recalled
}

// complete makes the last look a full scan, if nothing is left to be read for it.
func (s *Scanner) complete() {
	for _, e := range s.entries {
		if s.due(e) || e.reading && (e.readAt.IsZero() || e.changed()) {
			return
		}
	}
	if last := s.completed.Load(); last == nil || last.Before(s.looked) {
		looked := s.looked
		s.completed.Store(&looked)
		s.metrics.completed(looked)
	}
}

// sightings are the devices by what they are known by. Two devices that are known by the same are each other's twins. A
// device that is known by nothing cannot be reported.
func (s *Scanner) sightings() []report.Sighting {
	byName := map[string]report.Sighting{}
	for _, e := range s.byName() {
		if e.name == "" {
			continue
		}
		sighting := report.Sighting{Name: e.name, Identity: e.identity, Disk: e.observed(), Pending: s.pending(e)}
		if twin, taken := byName[e.name]; taken {
			sighting = twin
			if !slices.Contains(twin.Disk.Twins, e.disk.Name) {
				sighting.Disk.Twins = append(slices.Clip(twin.Disk.Twins), e.disk.Name)
			}
		}
		byName[e.name] = sighting
	}
	found := make([]report.Sighting, 0, len(byName))
	for _, sighting := range byName {
		found = append(found, sighting)
	}
	slices.SortFunc(found, func(a, b report.Sighting) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// nameless counts the devices that are known by nothing.
func (s *Scanner) nameless() int {
	n := 0
	for _, e := range s.entries {
		if e.name == "" {
			n++
		}
	}
	return n
}

func (s *Scanner) byName() []*entry {
	entries := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.disk.Name, b.disk.Name) })
	return entries
}

func labels(sightings []report.Sighting) []disk.Label {
	var all []disk.Label
	for _, s := range sightings {
		all = append(all, s.Disk.Content.Labels...)
	}
	return all
}

// The states of seamount_disks that are no results of verdicts.
const (
	stateOtherNode = "OtherNode"
	stateFailed    = "NotReported"
)

func stateOf(outcome report.Outcome, err error) string {
	switch {
	case err != nil:
		return stateFailed
	case !outcome.Ours:
		return stateOtherNode
	}
	return string(outcome.Result)
}

// note tells the log of a verdict that changed, and of a report that failed.
func (s *Scanner) note(ctx context.Context, sighting report.Sighting, outcome report.Outcome, err error) {
	s.complain(ctx, sighting.Name, "report a disk", err)
	if err != nil || !outcome.Ours || outcome.Result == outcome.Before {
		return
	}
	values := []any{"disk", sighting.Name, "device", sighting.Disk.Name, "verdict", outcome.Result, "before", outcome.Before}
	if len(outcome.Reasons) > 0 {
		values = append(values, "reason", outcome.Reasons[0].Reason, "message", outcome.Reasons[0].Message)
	}
	s.log.Info("verdict", values...)
}

// complain logs an error once, until it is another one or over.
func (s *Scanner) complain(ctx context.Context, name, what string, err error) {
	key := what + " " + name
	switch {
	case err == nil:
		delete(s.said, key)
	case !errors.Is(ctx.Err(), context.Canceled):
		s.metrics.failed()
		if s.said[key] != err.Error() {
			s.log.Error(err, what, "disk", name)
		}
		s.said[key] = err.Error()
	}
}

// results are the states that seamount_disks always has.
func results() []string {
	return []string{
		string(v1alpha1.VerdictUsable), string(v1alpha1.VerdictInUse), string(v1alpha1.VerdictRejected), string(v1alpha1.VerdictUnknown),
		stateOtherNode, stateFailed,
	}
}
