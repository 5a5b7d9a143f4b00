// Package scan is discover's loop on a node: it looks at the block devices when the
// kernel or the API says that something changed, and every few seconds anyway, has
// disks read when what is on them may have changed, and has them judged and
// reported. A disk that does not answer holds up nobody but itself. It opens no
// device and writes nothing itself.
package scan

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/report"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// Sources are where the facts come from.
type Sources struct {
	// Inventory lists the block devices of the node, without what is on them.
	Inventory interface {
		Read(ctx context.Context) ([]disk.Disk, error)
	}
	// Content and Health read one disk. They come to an end, whatever the disk does.
	Content interface {
		Read(ctx context.Context, d disk.Disk) disk.Content
	}
	Health interface {
		Read(ctx context.Context, d disk.Disk) disk.Health
	}
	// Identify says what a disk in a node is known by. The name is empty where that cannot be told.
	Identify func(d disk.Disk, node string) (string, v1alpha1.DiskIdentity)
}

// API is where disks are reported, and what it knows of their OSDs.
type API struct {
	Reporter interface {
		Report(ctx context.Context, s report.Sighting, c verdict.Context) (report.Outcome, error)
		Missing(ctx context.Context, seen func(name string) bool) error
		Recall(ctx context.Context) error
		Shared() bool
	}
	Knowledge interface {
		Context(ctx context.Context, c verdict.Context, labels []disk.Label) verdict.Context
	}
}

// Pace says how often what is done.
type Pace struct {
	// Poll is the time between two looks at the block devices when nothing calls for one.
	Poll time.Duration
	// Reread is how old what was read of a disk may be when nothing says that it changed. Retry is how soon a disk is read
	// again when that failed; each further time it is twice as long, up to Reread.
	Reread, Retry time.Duration
	// Grace is how long a new disk is not reported while it is being read for the first time.
	Grace time.Duration
	// Again is how soon a report that failed is tried again, and a disk of another node looked at again.
	Again time.Duration
	// Bound is how old the last full scan may be before it counts for nothing.
	Bound time.Duration
}

// DefaultPace finds what the kernel does not announce, such as a mount, within seconds, and what nobody announces, such as
// a sector that became unreadable, within minutes.
func DefaultPace() Pace {
	return Pace{
		Poll: 15 * time.Second, Reread: 10 * time.Minute, Retry: 10 * time.Second,
		Grace: 2 * time.Second, Again: 3 * time.Second, Bound: 2 * time.Minute,
	}
}

// Scanner scans one node.
type Scanner struct {
	sources Sources
	api     API
	context verdict.Context // Node and Kubelet
	pace    Pace
	metrics *Metrics
	log     logr.Logger

	looks, judgements chan struct{}
	readings          chan reading
	readers           sync.WaitGroup

	// The rest but for the last two belongs to Run.
	entries  map[string]*entry // by kernel name
	looked   time.Time         // when the entries were looked at
	recalled bool
	said     map[string]string // the last error that was logged of each disk

	completed atomic.Pointer[time.Time] // the look that the last full scan began with
	turned    atomic.Pointer[time.Time] // the last turn of the loop
}

// New returns a Scanner for the node that c names.
func New(sources Sources, api API, c verdict.Context, pace Pace, metrics *Metrics, log logr.Logger) *Scanner {
	return &Scanner{
		sources: sources, api: api, context: c, pace: pace, metrics: metrics, log: log,
		looks: make(chan struct{}, 1), judgements: make(chan struct{}, 1), readings: make(chan reading),
		entries: map[string]*entry{}, said: map[string]string{},
	}
}

// Look asks for a look at the block devices. It does not wait for it.
func (s *Scanner) Look() { ask(s.looks) }

// Judge asks for another judgement of what is known, because the API has changed.
func (s *Scanner) Judge() { ask(s.judgements) }

func ask(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // somebody else has asked already
	}
}

// Run scans until ctx ends.
func (s *Scanner) Run(ctx context.Context) {
	poll := time.NewTicker(s.pace.Poll)
	defer poll.Stop()
	again := time.NewTimer(s.pace.Again)
	defer again.Stop()
	defer s.readers.Wait()
	s.look(ctx)
	for ctx.Err() == nil {
		settled := s.publish(ctx)
		s.turn()
		again.Reset(s.pause(settled))
		select {
		case <-ctx.Done():
		case <-poll.C:
			s.look(ctx)
		case <-s.looks:
			s.look(ctx)
		case <-s.judgements:
		case r := <-s.readings:
			s.takeAll(ctx, r)
		case <-again.C:
		}
	}
}

// pause is how long nothing need be done if nothing happens.
func (s *Scanner) pause(settled bool) time.Duration {
	pause := s.pace.Poll
	if !settled || s.api.Reporter.Shared() {
		pause = s.pace.Again
	}
	for _, e := range s.entries {
		if left := s.grace(e); left > 0 {
			pause = min(pause, left)
		}
	}
	return pause
}

func (s *Scanner) turn() {
	now := time.Now()
	s.turned.Store(&now)
}

// look takes the inventory, and has read what may have changed since it was read last.
func (s *Scanner) look(ctx context.Context) {
	started := time.Now()
	disks, err := s.sources.Inventory.Read(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error(err, "take the inventory")
		}
		return // the full scan grows old, and with it the trust in what was reported
	}
	s.looked = started
	entries := make(map[string]*entry, len(disks))
	for _, d := range disks {
		if !IsDisk(d) || verdict.Volume(d, s.context) {
			continue
		}
		e := s.entries[d.Name]
		if e == nil || e.replacedBy(d) {
			e = &entry{seen: started}
		}
		e.disk = d
		e.identify(s.sources.Identify(d, s.context.Node))
		entries[d.Name] = e
	}
	s.entries = entries
	for _, e := range entries {
		s.readIfDue(ctx, e)
	}
	s.metrics.looked(time.Since(started))
}

// Ready says whether a full scan, with everything that is to be read, judged and reported, was begun within the bound.
func (s *Scanner) Ready() error {
	completed := s.completed.Load()
	if completed == nil {
		return fmt.Errorf("no full scan yet")
	}
	if age := time.Since(*completed); age > s.pace.Bound {
		return fmt.Errorf("the last full scan began %s ago, more than %s", age.Round(time.Second), s.pace.Bound)
	}
	return nil
}

// stalled is how long one turn of the loop may take before the program counts as hung: longer than the API may keep it
// waiting.
const stalled = 5 * time.Minute

// Alive says whether the loop turns. It does while disks hang or the API is away.
func (s *Scanner) Alive() error {
	turned := s.turned.Load()
	if turned != nil && time.Since(*turned) > stalled {
		return fmt.Errorf("no turn of the loop for %s", time.Since(*turned).Round(time.Second))
	}
	return nil
}
