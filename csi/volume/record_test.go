package volume

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

func TestRecordComesBack(t *testing.T) {
	t.Parallel()
	want := Record{
		Kind: Snapshot, Image: "snapshot-1", Request: "snapshot-1", Source: "ns/main/fast/pvc-1",
		Taken: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Depth: 2, Claim: "shop/nightly",
	}
	raw, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Of("snapshot-1", map[string]string{ceph.ImageKeyVolume: raw, "other": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRecordThatIsNone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		metadata map[string]string
		none     bool
		want     string
	}{
		"no metadata":      {nil, true, "no record"},
		"its parent's":     {map[string]string{ceph.ImageKeyVolume: `{"kind":"Volume","image":"pvc-1"}`}, true, "no record"},
		"no document":      {map[string]string{ceph.ImageKeyVolume: `{`}, false, ceph.ImageKeyVolume},
		"a kind of others": {map[string]string{ceph.ImageKeyVolume: `{"kind":"Group","image":"pvc-2"}`}, false, `"Group"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Of("pvc-2", tt.metadata)
			if err == nil || errors.Is(err, ErrNone) != tt.none || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q, none: %t", err, tt.want, tt.none)
			}
		})
	}
}

func FuzzOf(f *testing.F) {
	f.Add(`{"kind":"Volume","image":"i","request":"r"}`)
	f.Add(`{"kind":1}`)
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := Of("i", map[string]string{ceph.ImageKeyVolume: raw})
		if err == nil && (r.Image != "i" || r.Kind != Volume && r.Kind != Snapshot) {
			t.Errorf("%q was taken for %+v", raw, r)
		}
	})
}
