package execute

import (
	"context"
	"errors"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// bornCeph has one OSD, in some state.
type bornCeph struct {
	ceph.Client
	osd ceph.OSD
}

func (c *bornCeph) Snapshot(context.Context) (*ceph.Snapshot, error) {
	return &ceph.Snapshot{OSDs: []ceph.OSD{c.osd}}, nil
}

// An OSD that came up since the operation was planned may hold data, and is not let go.
func TestLetGoNeverTouchesWhatRan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		osd   ceph.OSD
		fails bool
	}{
		"it never ran":   {ceph.OSD{ID: 4, UUID: "u4", States: []string{"exists", "new"}}, false},
		"it came up":     {ceph.OSD{ID: 4, UUID: "u4", Up: true, States: []string{"exists", "up"}}, true},
		"it ran once":    {ceph.OSD{ID: 4, UUID: "u4", States: []string{"exists"}}, true},
		"it is another":  {ceph.OSD{ID: 4, UUID: "other", States: []string{"exists", "new"}}, true},
		"it is gone":     {ceph.OSD{ID: 9, UUID: "u9"}, false},
		"it is an id":    {ceph.OSD{ID: 4, UUID: "00000000-0000-0000-0000-000000000000", States: []string{"exists", "destroyed"}}, false},
		"marked up, new": {ceph.OSD{ID: 4, UUID: "u4", Up: true, States: []string{"exists", "up", "new"}}, true},
	} {
		r := &operationRun{&Operations{}, OperationTarget{
			Object: &v1alpha1.StorageOperation{}, Ceph: func() (ceph.Client, error) { return &bornCeph{osd: tt.osd}, nil },
		}}
		_, _, err := r.neverRan(t.Context(), []manifest.RecordedOSD{{ID: 4, UUID: "u4"}})
		var refused *Unsafe
		if errors.As(err, &refused) != tt.fails || (err != nil) != tt.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}
