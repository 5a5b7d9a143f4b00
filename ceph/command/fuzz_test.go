package command

import (
	"cmp"
	"errors"
	"slices"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// fuzz feeds outside bytes to the decoders of these commands' answers: the
// result is a value that passes check, or a typed error, and never a panic.
func fuzz(f *testing.F, check func(t *testing.T, got any), ops ...string) {
	var targets []reading
	for _, r := range readings {
		if slices.Contains(ops, r.op) {
			targets = append(targets, r)
		}
	}
	for _, release := range releases {
		for i, r := range targets {
			f.Add(i, fixture(f, release, r.fixture()))
		}
	}
	f.Add(0, []byte(page))
	f.Fuzz(func(t *testing.T, target int, data []byte) {
		r := targets[uint(target)%uint(len(targets))]
		c := &recorded{t: t, release: "20.2.4", override: map[string][]byte{r.op: data}}
		got, err := r.call(t.Context(), newAdmin(c))
		if err == nil {
			check(t, got)
			return
		}
		var e *ceph.Error
		if !errors.As(err, &e) || !errors.Is(err, ceph.ErrMalformed) && !errors.Is(err, ceph.ErrAgain) {
			t.Errorf("got %v, want a malformed answer", err)
		}
		if r.keyed {
			wantNoKey(t, r.name, err.Error())
		}
	})
}

func anyValue(*testing.T, any) {}

func FuzzMons(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		if q, ok := got.(ceph.QuorumStatus); ok && !slices.IsSortedFunc(q.Mons, func(a, b ceph.Mon) int { return cmp.Compare(a.Rank, b.Rank) }) {
			t.Errorf("mons are not in rank order: %+v", q.Mons)
		}
	}, "quorum_status", "mon getmap", "versions", "health", "config dump")
}

func FuzzOSDs(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		osds, _ := got.([]ceph.OSD)
		for i, o := range osds {
			if o.ID < 0 || i > 0 && o.ID < osds[i-1].ID {
				t.Errorf("OSD %d has the id %d", i, o.ID)
			}
			if o.TotalBytes < 0 || o.UsedBytes < 0 || o.AvailableBytes < 0 {
				t.Errorf("osd.%d has a negative size: %+v", o.ID, o)
			}
		}
	}, "osd new", "osd dump", "osd df", "osd metadata")
}

func FuzzMgr(f *testing.F) { fuzz(f, anyValue, "mgr dump", "status", "device ls") }

func FuzzOKToStop(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		if v, ok := got.(ceph.OKToStop); ok && !v.OK && v.Inactive > v.PGs {
			t.Errorf("more PGs become inactive than there are: %+v", v)
		}
	}, "osd ok-to-stop", "osd safe-to-destroy", "pg ls-by-osd", "pg stat")
}

func FuzzBlocklist(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		for _, e := range got.([]ceph.BlocklistEntry) {
			if e.Addr == "" {
				t.Errorf("an entry without an address: %+v", e)
			}
		}
	}, "osd blocklist ls")
}

func FuzzCRUSH(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		m, _ := got.(ceph.CRUSHMap)
		for _, r := range m.Rules {
			if r.Type != ceph.Replicated && r.Type != ceph.Erasure {
				t.Errorf("rule %s has the type %q", r.Name, r.Type)
			}
		}
	}, "osd crush dump", "osd erasure-code-profile get")
}

func FuzzPools(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		pools, _ := got.([]ceph.Pool)
		for _, p := range pools {
			if p.Type != ceph.Replicated && p.Type != ceph.Erasure {
				t.Errorf("pool %s has the type %q", p.Name, p.Type)
			}
		}
	}, "osd pool ls", "df")
}

func FuzzAuth(f *testing.F) { fuzz(f, anyValue, "auth get", "auth get-or-create", "auth ls") }

func FuzzFilesystems(f *testing.F) { fuzz(f, anyValue, "fs dump") }

func FuzzSubvolumes(f *testing.F) {
	fuzz(f, func(t *testing.T, got any) {
		if c, ok := got.(ceph.CloneStatus); ok && (c.Percent < -1 || c.Percent > 100) {
			t.Errorf("a clone is done by %d percent", c.Percent)
		}
	}, "fs subvolumegroup ls", "fs subvolume ls", "fs subvolume info", "fs subvolume snapshot ls", "fs clone status")
}

// FuzzRefusal reads a daemon's words: never a panic, always a kind, and no key
// that was whole in them.
func FuzzRefusal(f *testing.F) {
	f.Add(22, "command not known")
	f.Add(22, staleWarning+"\nTraceback (most recent call last):\n  x\nKeyError: 1")
	f.Add(-1, "what is "+dummyKey)
	f.Fuzz(func(t *testing.T, errno int, status string) {
		e := Failure(getEntity("client.u"), errno, status)
		if e.Kind == nil || e.Errno < 0 && errno != -errno {
			t.Errorf("got %#v", e)
		}
		if cephxKey.MatchString(e.Text) {
			t.Errorf("a key is left in %q", e.Text)
		}
	})
}
