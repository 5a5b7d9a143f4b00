package execute

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// askedCeph answers what is asked before OSDs are destroyed.
type askedCeph struct {
	ceph.Client
	safe []int
	pgs  string
	err  error
}

func (c *askedCeph) OSDSafeToDestroy(context.Context, ...int) (ceph.SafeToDestroy, error) {
	return ceph.SafeToDestroy{Safe: c.safe, Explanation: "OSD(s) 4 have 3 pgs currently mapped to them."}, c.err
}

func (c *askedCeph) Snapshot(context.Context) (*ceph.Snapshot, error) {
	return &ceph.Snapshot{PGs: ceph.PGSummary{ByState: []ceph.PGStateCount{{State: c.pgs, Count: 9}}}}, nil
}

// Ceph calls an OSD safe to destroy that no PG is mapped to, also while those that have left it lack objects.
func TestSafeToDestroy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ceph askedCeph
		want string
	}{
		"nothing needs them":      {askedCeph{safe: []int{4, 5}, pgs: "active+clean"}, ""},
		"scrubbing is no harm":    {askedCeph{safe: []int{4, 5}, pgs: "active+clean+scrubbing+deep"}, ""},
		"PGs are mapped to one":   {askedCeph{safe: []int{5}, pgs: "active+clean"}, "osd.4 is safe to destroy: OSD(s) 4 have 3 pgs"},
		"PGs recover":             {askedCeph{safe: []int{4, 5}, pgs: "active+recovery_wait+degraded"}, "9 active+recovery_wait+degraded"},
		"PGs are moved":           {askedCeph{safe: []int{4, 5}, pgs: "active+remapped+backfilling"}, "9 active+remapped+backfilling"},
		"objects are nowhere":     {askedCeph{safe: []int{4, 5}, pgs: "active+recovery_unfound+degraded"}, "recovery_unfound"},
		"a copy is broken":        {askedCeph{safe: []int{4, 5}, pgs: "active+clean+inconsistent"}, "inconsistent"},
		"Ceph gives no answer":    {askedCeph{err: ceph.ErrTimeout}, "ask whether OSDs are safe to destroy"},
		"nobody knows of the PGs": {askedCeph{safe: []int{4, 5}, pgs: "unknown"}, "9 unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := safeToDestroy(t.Context(), &tt.ceph, []int{4, 5})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			var refused *Unsafe
			if errors.As(err, &refused) && refused.Refusal.Reason != v1alpha1.ReasonWouldLoseData {
				t.Errorf("the reason is %s", refused.Refusal.Reason)
			}
		})
	}
	if err := safeToDestroy(t.Context(), &askedCeph{err: ceph.ErrTimeout}, nil); err != nil {
		t.Errorf("without OSDs there is nothing to ask: %v", err)
	}
}
