package execute

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// askedCeph answers what is asked before OSDs are destroyed.
type askedCeph struct {
	ceph.Client
	safe, active []int
	pgs          string // as the mgr has it; the mons were told earlier that all are clean
	unfound      int64
	up           bool
	err          error
}

func (c *askedCeph) OSDSafeToDestroy(context.Context, ...int) (ceph.SafeToDestroy, error) {
	return ceph.SafeToDestroy{Safe: c.safe, Active: c.active, Explanation: "OSD(s) 4 have 3 pgs currently mapped to them."}, c.err
}

func (c *askedCeph) Snapshot(context.Context) (*ceph.Snapshot, error) {
	return &ceph.Snapshot{
		PGs:  ceph.PGSummary{ByState: []ceph.PGStateCount{{State: "active+clean", Count: 9}}, UnfoundObjects: c.unfound},
		OSDs: []ceph.OSD{{ID: 4, UUID: "u4", Up: c.up}},
	}, nil
}

func (c *askedCeph) PGStates(context.Context) ([]ceph.PGStateCount, error) {
	if c.pgs == "" {
		return nil, ceph.ErrAgain
	}
	return []ceph.PGStateCount{{State: c.pgs, Count: 9}}, nil
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
		"the mgr has just begun":  {askedCeph{safe: []int{4, 5}}, "ask for the states of PGs"},
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

// What the policy approved Ceph has to name safe, also of an OSD that is dead.
func TestDispensableByPolicy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		byPolicy bool
		safe     []int
		want     bool
	}{
		"a person's":           {false, nil, true},
		"the policy's":         {true, nil, false},
		"the policy's, safely": {true, []int{4}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &operationRun{&Operations{}, OperationTarget{
				Object: &v1alpha1.StorageOperation{Spec: v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace}},
				Record: &manifest.OperationRecord{ByPolicy: tt.byPolicy},
			}}
			asked := &askedCeph{pgs: "active+clean", safe: tt.safe}
			now, _ := asked.Snapshot(t.Context())
			if err := r.dispensable(t.Context(), asked, now, []manifest.RecordedOSD{{ID: 4, UUID: "u4", Dead: true}}); (err == nil) != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An OSD that is replaced is taken for dead only if it was so when that began: one that went down since may come back with the
// copies that have not moved yet.
func TestDispensable(t *testing.T) {
	t.Parallel()
	const degraded = "active+undersized+degraded"
	for name, tt := range map[string]struct {
		kind v1alpha1.OperationType
		dead bool
		ceph askedCeph
		want string
	}{
		"dead":                        {v1alpha1.OperationReplace, true, askedCeph{pgs: degraded}, ""},
		"dead, and PGs are on it":     {v1alpha1.OperationReplace, true, askedCeph{pgs: degraded, active: []int{4}}, "may be needed: OSD(s) 4 have 3 pgs"},
		"dead, and objects are lost":  {v1alpha1.OperationReplace, true, askedCeph{pgs: degraded, unfound: 1}, "does not say that osd.4 is safe"},
		"dead, and PGs are down":      {v1alpha1.OperationReplace, true, askedCeph{pgs: "down"}, "does not say that osd.4 is safe"},
		"it has come back":            {v1alpha1.OperationReplace, true, askedCeph{pgs: degraded, up: true}, "does not say that osd.4 is safe"},
		"it went down since":          {v1alpha1.OperationReplace, false, askedCeph{pgs: degraded}, "does not say that osd.4 is safe"},
		"it went down since, emptied": {v1alpha1.OperationReplace, false, askedCeph{pgs: "active+clean", safe: []int{4}}, ""},
		"dead, to be removed":         {v1alpha1.OperationRemove, true, askedCeph{pgs: degraded}, "does not say that osd.4 is safe"},
		"safe, while PGs recover":     {v1alpha1.OperationRemove, false, askedCeph{pgs: degraded, safe: []int{4}}, "9 " + degraded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &operationRun{&Operations{}, OperationTarget{Object: &v1alpha1.StorageOperation{Spec: v1alpha1.StorageOperationSpec{Type: tt.kind}}}}
			now, _ := tt.ceph.Snapshot(t.Context())
			now.PGs.ByState[0].State = tt.ceph.pgs
			err := r.dispensable(t.Context(), &tt.ceph, now, []manifest.RecordedOSD{{ID: 4, UUID: "u4", Dead: tt.dead}})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
