//go:build e2e

package operator

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// longestRemoval bounds the random moments: later there is nothing left to interrupt.
const longestRemoval = 20 * time.Second

// removedOnce removes the OSD of a disk, does something meanwhile, and waits until another OSD has the disk.
func (s *suite) removedOnce(t *testing.T, name string, d cluster.Disk, meanwhile func()) {
	t.Helper()
	before := s.awaitInService(t, d)
	start := time.Now()
	s.operate(t, name, v1alpha1.OperationRemove, before.Name)
	meanwhile()
	done := s.awaitOperation(t, name, v1alpha1.OperationSucceeded)
	removed := time.Since(start)
	s.verified(t, done)
	s.Eventually(t, "another OSD has the disk", func() error {
		after := s.StorageDisk(t, d)
		if after == nil || after.Status.State != v1alpha1.DiskInService || len(after.Status.OSDs) != 1 ||
			after.Status.OSDs[0].UUID == before.Status.OSDs[0].UUID {
			return fmt.Errorf("it is %+v", after)
		}
		return nil
	})
	s.awaitWhole(t)
	t.Logf("%s of %s: removed after %.1f s, HEALTH_OK with another OSD after %.1f s", d.Device, d.Node, removed.Seconds(), time.Since(start).Seconds())
}

// removedUnderKills removes OSDs while somebody writes, and kills the operator, the agent of the disk's node, or both at a
// random moment of it. Each removal ends. The environment says how often.
func (s *suite) removedUnderKills(t *testing.T) {
	random, start := seeded(t), time.Now()
	l := s.startLoad(t, "kills")
	for i := range rounds.Of(t, rounds.Kills, 1) {
		after := time.Duration(random.Int64N(int64(longestRemoval)))
		t.Run(fmt.Sprintf("%d after %v", i, after.Round(time.Millisecond)), func(t *testing.T) {
			s.removedAndKilled(t, i, after, random)
		})
	}
	l.end(t)
	s.keptRedundancy(t, start)
}

func (s *suite) removedAndKilled(t *testing.T, round int, after time.Duration, random *rand.Rand) {
	d := s.disks[random.IntN(len(s.disks))]
	s.removedOnce(t, fmt.Sprintf("remove-killed-%d", round), d, func() {
		moment := time.NewTimer(after)
		defer moment.Stop()
		<-moment.C
		if round%3 != 1 {
			killPart(t, s.Product, v1alpha1.ComponentOperator, "")
		}
		if round%3 != 0 {
			killPart(t, s.Product, v1alpha1.ComponentAgent, d.Node)
		}
	})
}

// everyDiskRemoved removes each OSD once, one after the other, while somebody writes: each disk is an OSD again before the
// next goes. It is a long test.
func (s *suite) everyDiskRemoved(t *testing.T) {
	skipUnlessLong(t)
	start := time.Now()
	l := s.startLoad(t, "every")
	for i, d := range s.disks {
		s.removedOnce(t, fmt.Sprintf("remove-every-%d", i), d, func() {})
	}
	l.end(t)
	s.keptRedundancy(t, start)
}

// removedWithoutDiscard removes an OSD whose disk cannot discard: it is found Usable by itself all the same. It is a long
// test.
func (s *suite) removedWithoutDiscard(t *testing.T) {
	skipUnlessLong(t)
	d := s.disks[1]
	l := s.startLoad(t, "nodiscard")
	limit := "/sys/block/" + d.Device + "/queue/discard_max_bytes"
	if s.onMachine(t, "cat "+limit) == "0" {
		t.Fatalf("%s discards nothing to begin with", d.Device)
	}
	// It stays so until the device is attached anew: the kernel forgets the granularity too, and takes no limit back without it.
	s.onMachine(t, "echo 0 >"+limit)
	s.removedOnce(t, "remove-nodiscard", d, func() {})
	if now := s.onMachine(t, "cat "+limit); now != "0" {
		t.Errorf("the disk could discard meanwhile: %s", now)
	}
	l.end(t)
}

// onMachine runs a script on the machine that the nodes share, where their disks are block devices too.
func (s *suite) onMachine(t *testing.T, script string) string {
	t.Helper()
	out, err := s.OnMachine("sh", "-ec", script)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
}
