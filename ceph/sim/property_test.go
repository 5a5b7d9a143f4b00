package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// story is a cluster with things that happen to it by chance.
type story struct {
	*testing.T
	*Cluster
	admin  *Client
	random *rand.Rand
}

func newStory(t *testing.T, seed uint64, hosts, osds int) *story {
	t.Helper()
	c := newCluster(t, Options{Seed: seed}, hosts, osds)
	s := &story{T: t, Cluster: c, admin: c.Admin(), random: rand.New(rand.NewPCG(seed, 1))}
	mustPool(t, c, ceph.PoolSpec{Name: "triple", PGs: 64})
	profile := ceph.ErasureProfile{Name: "ec", DataChunks: 2, CodingChunks: 2, Plugin: "jerasure", FailureDomain: "host"}
	if err := s.admin.SetErasureProfile(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	mustPool(t, c, ceph.PoolSpec{Name: "coded", Type: ceph.Erasure, ErasureProfile: "ec", PGs: 32})
	s.fillAll(200 * 1 << 30)
	return s
}

func (s *story) fillAll(bytes int64) {
	s.Helper()
	for _, pool := range []string{"triple", "coded"} {
		if err := s.FillBytes(pool, bytes); err != nil {
			s.Fatalf("fill %s: %v", pool, err)
		}
	}
}

// step lets one thing happen.
func (s *story) step() {
	id := s.random.IntN(len(s.osds))
	ctx := s.Context()
	switch s.random.IntN(9) {
	case 0:
		s.CrashOSD(id)
	case 1, 2:
		_ = s.StartOSD(id, OSDDaemon{}) // a destroyed one does not start
	case 3:
		_ = s.admin.OSDOut(ctx, id)
	case 4, 5:
		_ = s.admin.OSDIn(ctx, id)
	case 6:
		_ = s.FillBytes("triple", s.random.Int64N(1<<32)) // an inactive pool refuses
	case 7:
		_ = s.FillBytes("coded", -s.random.Int64N(1<<31))
	case 8:
		s.Advance(time.Duration(s.random.IntN(1200)) * time.Second)
	}
}

// conserved checks that every sum that is kept agrees with what it sums.
func (s *story) conserved() {
	s.Helper()
	data, incoming := map[int32]int64{}, map[int32]int64{}
	for _, pool := range s.pools.sorted {
		var bytes, raw int64
		for _, p := range pool.pgs {
			bytes += p.bytes
			for _, y := range p.copies {
				raw += p.stored(y)
				data[y.osd] += p.stored(y)
			}
			if p.job != nil {
				for _, t := range p.job.targets {
					incoming[t.osd] += t.reserved
				}
			}
		}
		if bytes != pool.bytes || raw != pool.raw || bytes != blobBytes(pool) {
			s.Errorf("pool %s: PGs hold %d (%d raw), the sums say %d (%d raw), users wrote %d", pool.name, bytes, raw, pool.bytes, pool.raw, blobBytes(pool))
		}
	}
	for _, o := range s.allOSDs() {
		id := int32(o.id)
		if o.data != data[id] || o.incoming != incoming[id] || o.data < 0 {
			s.Errorf("%s: holds %d and expects %d, the sums say %d and %d", o.name(), data[id], incoming[id], o.data, o.incoming)
		}
	}
}

func blobBytes(p *pool) int64 {
	var sum int64
	for _, size := range p.blobs {
		sum += size
	}
	return sum
}

// summed checks the cluster's sums against its PGs.
func (s *story) summed() {
	s.Helper()
	s.settle()
	states := map[pgState]int{}
	var objects, degraded, misplaced int64
	for _, p := range s.allPGs() {
		states[p.state]++
		objects += p.objects
		degraded += p.degraded
		misplaced += p.misplaced
	}
	sums := s.data.sums
	if fmt.Sprint(states) != fmt.Sprint(sums.states) || objects != sums.objects || degraded != sums.degraded || misplaced != sums.misplaced {
		s.Errorf("PGs: %v, %d objects, %d degraded, %d misplaced; sums: %+v", states, objects, degraded, misplaced, sums)
	}
}

func TestBytesAreConserved(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		s := newStory(t, seed, 6, 3)
		for range 150 {
			s.step()
			s.conserved()
			s.summed()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// TestDataOutlivesFailures: crashes and restarts alone never lose data, and
// when all OSDs are back everything becomes clean.
func TestDataOutlivesFailures(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		s := newStory(t, seed, 6, 3)
		for range 150 {
			s.step()
			for _, p := range s.allPGs() {
				if s.wholeShards(p, func(int32) bool { return true }) < int(p.pool.chunks) {
					t.Fatalf("seed %d: pg %s is lost: %s, copies %+v", seed, p.id(), p.state, p.copies)
				}
			}
		}
		s.heal()
		if got := s.data.sums.states[pgActive|pgClean]; got != s.data.sums.total {
			t.Fatalf("seed %d: %d of %d PGs are clean: %v", seed, got, s.data.sums.total, s.data.sums.states)
		}
		s.conserved()
	}
}

// heal brings every OSD back and lets recovery end.
func (s *story) heal() {
	s.Helper()
	for _, o := range s.allOSDs() {
		if err := s.StartOSD(o.id, OSDDaemon{}); err != nil {
			s.Fatal(err)
		}
		if err := s.admin.OSDIn(s.Context(), o.id); err != nil {
			s.Fatal(err)
		}
	}
	s.Advance(100 * time.Hour)
}

// TestRedundancyHolds: destroying fewer OSDs than a pool has redundancy, with
// time to recover in between, loses nothing.
func TestRedundancyHolds(t *testing.T) {
	t.Parallel()
	s := newStory(t, 5, 8, 2)
	for id := range 6 {
		s.CrashOSD(2 * id)
		s.Advance(time.Hour)
		if err := s.admin.PurgeOSD(t.Context(), 2*id); err != nil {
			t.Fatal(err)
		}
		s.Advance(24 * time.Hour)
		for _, p := range s.allPGs() {
			if p.state != pgActive|pgClean {
				t.Fatalf("after losing %d OSDs pg %s is %s", id+1, p.id(), p.state)
			}
		}
	}
	s.conserved()
}

// TestOKToStopNeverLies stops what it was allowed to stop.
func TestOKToStopNeverLies(t *testing.T) {
	t.Parallel()
	yes, no := 0, 0
	for seed := range uint64(40) {
		s := newStory(t, seed, 6, 3)
		for range s.random.IntN(30) {
			s.step()
		}
		s.settle()
		ids := []int{s.random.IntN(18), s.random.IntN(18)}
		answer, err := s.admin.OSDOKToStop(t.Context(), ids...)
		if err != nil {
			t.Fatal(err)
		}
		inactive := s.inactive()
		s.StopOSD(ids[0])
		s.StopOSD(ids[1])
		s.settle()
		if answer.OK {
			yes++
			if now := s.inactive(); now > inactive {
				t.Errorf("seed %d: %v was ok to stop, and %d PGs more are inactive", seed, ids, now-inactive)
			}
		} else {
			no++
		}
	}
	if yes == 0 || no == 0 {
		t.Errorf("%d times yes and %d times no prove nothing", yes, no)
	}
}

func (s *story) inactive() int {
	n := 0
	for _, p := range s.allPGs() {
		if !p.serving() {
			n++
		}
	}
	return n
}

// TestSafeToDestroyAndClean destroys what is safe while all PGs are clean, and loses nothing.
func TestSafeToDestroyAndClean(t *testing.T) {
	t.Parallel()
	destroyed, wrong := 0, 0
	for seed := range uint64(40) {
		s := newStory(t, seed, 6, 3)
		for range s.random.IntN(40) {
			s.step()
		}
		for id := range 18 {
			answer, err := s.admin.OSDSafeToDestroy(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			states, err := s.admin.PGStates(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Safe) == 0 {
				continue
			}
			if len(states) != 1 || states[0].State != "active+clean" {
				wrong++
				continue
			}
			destroyed++
			s.StopOSD(id)
			if err := s.admin.PurgeOSD(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range s.allPGs() {
			if s.wholeShards(p, func(int32) bool { return true }) < int(p.pool.chunks) {
				t.Fatalf("seed %d: pg %s is lost: %s", seed, p.id(), p.state)
			}
		}
	}
	if destroyed == 0 || wrong == 0 {
		t.Errorf("safe to destroy were %d OSDs while all PGs were clean, and %d while some were not", destroyed, wrong)
	}
}

// snapshotBytes is all that a snapshot says.
func (s *story) snapshotBytes() string {
	s.Helper()
	b, err := json.Marshal(mustSnapshot(s.T, s.Cluster))
	if err != nil {
		s.Fatal(err)
	}
	return string(b)
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	tell := func() (told []string) {
		s := newStory(t, 42, 5, 3)
		for range 60 {
			s.step()
			told = append(told, s.snapshotBytes())
		}
		return told
	}
	first, second := tell(), tell()
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("step %d differs:\n%s\n%s", i, first[i], second[i])
		}
	}
}

// TestStepsOfTimeDoNotMatter: an hour at once is sixty minutes.
func TestStepsOfTimeDoNotMatter(t *testing.T) {
	t.Parallel()
	tell := func(steps int) string {
		s := newStory(t, 7, 5, 3)
		s.CrashOSD(3)
		s.CrashOSD(9)
		for range steps {
			s.Advance(time.Hour / time.Duration(steps))
		}
		return s.snapshotBytes()
	}
	if one, sixty := tell(1), tell(60); one != sixty {
		t.Errorf("at once:\n%s\nin steps:\n%s", one, sixty)
	}
}
