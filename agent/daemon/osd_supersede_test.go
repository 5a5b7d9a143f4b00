package daemon

import (
	"errors"
	"testing"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const (
	replacedUUID = "5f0e8c9a-0000-4000-8000-0000000000ff"
	earlierUUID  = "5f0e8c9a-0000-4000-8000-0000000000fe"
)

// superseding has a slice for the DB in which the DB of an OSD is that was destroyed.
func superseding() handover.Reservation {
	r := testReservation(true)
	r.DB.Slice, r.DB.Offset, r.DB.Bytes = testSlice, handover.SliceAlign, handover.SliceAlign
	r.DB.Supersedes, r.DB.Before = replacedUUID, []string{earlierUUID}
	return r
}

// oldDB is the label of that DB, changed.
func oldDB(change func(l *disk.Label)) []disk.Label {
	label := disk.Label{OSDUUID: replacedUUID, OSDID: -1, Description: string(roleDB), Valid: true}
	change(&label)
	return []disk.Label{label}
}

// The DB of the OSD before is overwritten once, whenever the program is killed.
func TestOSDSupersedesADB(t *testing.T) {
	t.Parallel()
	supersedesOf(t, replacedUUID)
}

// So is that of one earlier still, after which none ran.
func TestOSDSupersedesAnEarlierDB(t *testing.T) {
	t.Parallel()
	supersedesOf(t, earlierUUID)
}

func supersedesOf(t *testing.T, uuid string) {
	t.Helper()
	for killAt, done := 1, false; !done; killAt++ {
		w, o := newOSD(t, superseding())
		w.db.labels = oldDB(func(l *disk.Label) { l.OSDUUID = uuid })
		done = w.startAgain(o.Start, killAt)
		if w.data.formats != 1 || w.data.finishes != 1 || w.db.formats != 1 || w.db.labels[0].OSDUUID != testUUID {
			t.Errorf("killed before step %d: data %+v, db %+v", killAt, w.data, w.db)
		}
	}
}

// Nothing else is ever overwritten: not the DB of another OSD or cluster, and no data. An OSD that is made already does not begin
// anew without its DB.
func TestOSDSupersedesNothingElse(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world, r *handover.Reservation){
		"another OSD's": func(w *world, _ *handover.Reservation) {
			w.db.labels = oldDB(func(l *disk.Label) { l.OSDUUID = "other" })
		},
		"another cluster's": func(w *world, _ *handover.Reservation) { w.db.labels = oldDB(func(l *disk.Label) { l.FSID = "other" }) },
		"data": func(w *world, _ *handover.Reservation) {
			w.db.labels = oldDB(func(l *disk.Label) { l.Description = string(roleData) })
		},
		"a broken label": func(w *world, _ *handover.Reservation) { w.db.labels = oldDB(func(l *disk.Label) { l.Valid = false }) },
		"a second label": func(w *world, _ *handover.Reservation) {
			w.db.labels = append(oldDB(func(*disk.Label) {}), oldDB(func(l *disk.Label) { l.OSDUUID = "other" })...)
		},
		"nothing superseded": func(_ *world, r *handover.Reservation) { r.DB.Supersedes, r.DB.Before = "", nil },
		"an earlier one's, of which nothing is known": func(w *world, r *handover.Reservation) {
			w.db.labels, r.DB.Before = oldDB(func(l *disk.Label) { l.OSDUUID = earlierUUID }), nil
		},
		"data on its disk":   func(w *world, _ *handover.Reservation) { w.data.labels = oldDB(func(*disk.Label) {}) },
		"data that is ready": func(w *world, _ *handover.Reservation) { w.data.labels = ourLabel(func(*disk.Label) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := superseding()
			spoil(&world{}, &r)
			w, o := newOSD(t, r)
			w.db.labels = oldDB(func(*disk.Label) {})
			spoil(w, &r)
			err := w.start(o.Start)
			var refused *RefusedError
			if !errors.As(err, &refused) || len(w.commands) > 0 || w.became != nil {
				t.Errorf("%v, ran %q, became %q", err, w.commands, w.became)
			}
		})
	}
}
