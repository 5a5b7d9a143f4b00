package scan

import (
	"context"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// entry is what is known of a device.
type entry struct {
	disk disk.Disk // as it was looked at last, without content and health
	seen time.Time // when it appeared

	name     string // what it is known by; empty while hardware could not be asked
	identity v1alpha1.DiskIdentity

	reading bool      // it is being read
	readAt  time.Time // when the last reading ended; zero when there was none
	read    disk.Disk // the disk as it was looked at when that reading began
	content disk.Content
	health  disk.Health
	failed  int // readings in a row that did not come to their end
}

// reading is what a reader found. Health comes after the content, for a disk can be judged without it.
type reading struct {
	entry   *entry
	of      disk.Disk
	content *disk.Content
	health  *disk.Health
}

// notDisks are devices that have no StorageDisk, because they can never be disks: what stands on disks, volumes that are
// mapped into the node, and memory.
var notDisks = []disk.Kind{
	disk.KindMapped, disk.KindMD, disk.KindBcache, disk.KindRBD, disk.KindNBD, disk.KindDRBD, disk.KindZRAM, disk.KindRAM,
	disk.KindOptical, disk.KindFloppy, disk.KindUBlk,
}

// IsDisk tells whether a device has a StorageDisk: it leaves out what is no disk, what is one path to another device, and
// drives without a medium.
func IsDisk(d disk.Disk) bool {
	return !slices.Contains(notDisks, d.Kind) && !d.Hidden && d.Hardware.Size > 0
}

// replacedBy tells whether another device has the name now.
func (e *entry) replacedBy(d disk.Disk) bool {
	old := e.disk
	return old.Number != d.Number || old.BootID != d.BootID || old.Sequence != d.Sequence || old.Kind != d.Kind
}

// identify keeps what a device was known by when it cannot be asked again: it is still the same.
func (e *entry) identify(name string, identity v1alpha1.DiskIdentity) {
	if name != "" {
		e.name, e.identity = name, identity
	}
}

// changed tells whether what is on the disk may be another than when it was read. What its holder writes to it changes
// the counters all the time, and says nothing until the holder lets go.
func (e *entry) changed() bool {
	a, b := e.read, e.disk
	return a.Hardware.Size != b.Hardware.Size || a.Hardware.PartitionTableID != b.Hardware.PartitionTableID ||
		a.ReadOnly != b.ReadOnly || a.BackingFile != b.BackingFile || !slices.Equal(a.Partitions, b.Partitions) ||
		!verdict.Held(b) && a.Counters != b.Counters
}

// filled tells whether a holder wrote to a disk on which nothing was found so far. An OSD that is made holds its disk from
// then on, and is told from a foreign holder by its label.
func (e *entry) filled() bool {
	return verdict.Held(e.disk) && e.read.Counters != e.disk.Counters && len(e.content.Labels)+len(e.content.Signatures) == 0
}

// due tells whether the disk is to be read now.
func (s *Scanner) due(e *entry) bool {
	switch age := time.Since(e.readAt); {
	case e.reading || verdict.Unreadable(e.disk, s.context):
		return false
	case e.readAt.IsZero() || e.changed():
		return true
	case e.failed > 0:
		return age >= s.retry(e)
	case e.filled():
		return age >= s.pace.Retry
	default:
		return age >= s.pace.Reread
	}
}

// retry is how long a disk that could not be read is left alone: each time twice as long.
func (s *Scanner) retry(e *entry) time.Duration {
	wait := s.pace.Retry
	for i := 1; i < e.failed && wait < s.pace.Reread; i++ {
		wait *= 2
	}
	return min(wait, s.pace.Reread)
}

func (s *Scanner) readIfDue(ctx context.Context, e *entry) {
	if verdict.Unreadable(e.disk, s.context) {
		e.content, e.readAt = disk.Content{}, time.Time{}
		return
	}
	if !s.due(e) {
		return
	}
	e.reading = true
	d := e.disk
	s.readers.Go(func() {
		content := s.sources.Content.Read(ctx, d)
		s.deliver(ctx, reading{entry: e, of: d, content: &content})
		health := s.sources.Health.Read(ctx, d)
		s.deliver(ctx, reading{entry: e, of: d, health: &health})
	})
}

func (s *Scanner) deliver(ctx context.Context, r reading) {
	select {
	case s.readings <- r:
	case <-ctx.Done():
	}
}

// takeAll takes in a reading, and those that wait behind it.
func (s *Scanner) takeAll(ctx context.Context, r reading) {
	for {
		s.take(ctx, r)
		select {
		case r = <-s.readings:
		default:
			return
		}
	}
}

// take takes in what a reader found, unless the device is gone meanwhile.
func (s *Scanner) take(ctx context.Context, r reading) {
	e := r.entry
	if r.content != nil {
		e.content, e.read, e.readAt = *r.content, r.of, time.Now()
		if e.failed++; e.content.Outcome == disk.OutcomeRead {
			e.failed = 0
		}
	}
	if r.health != nil {
		e.health, e.reading = *r.health, false
	}
	if s.entries[e.disk.Name] == e {
		s.readIfDue(ctx, e)
	}
}

// pending tells whether the first reading of the disk has not ended.
func (s *Scanner) pending(e *entry) bool {
	return e.readAt.IsZero() && !verdict.Unreadable(e.disk, s.context)
}

// grace is how long a new disk need not be reported yet.
func (s *Scanner) grace(e *entry) time.Duration {
	if !s.pending(e) {
		return 0
	}
	return s.pace.Grace - time.Since(e.seen)
}

// observed is the disk with all that is known of it.
func (e *entry) observed() disk.Disk {
	d := e.disk
	d.Content, d.Health = e.content, e.health
	return d
}
