package daemon

import (
	"slices"

	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// deviceState is what there is on a device of an OSD.
type deviceState string

const (
	// stateBlank: no label, of nobody.
	stateBlank deviceState = "blank"
	// stateSuperseded: the DB of the OSD that was destroyed, and in whose place this one comes. mkfs overwrites it.
	stateSuperseded deviceState = "superseded"
	// stateUnfinished: our own label, from an mkfs that did not come to its end.
	stateUnfinished deviceState = "unfinished"
	// stateReady: our own label, from an mkfs that did.
	stateReady deviceState = "ready"
)

// role of a device, in the words of BlueStore's label.
type role string

const (
	roleData role = "main"
	roleDB   role = "bluefs db"
)

// judgeLabels says what the labels on a device make of it, or refuses it.
// Where the label at the beginning is lost, the copies must all be ours, and Ceph mends it.
func judgeLabels(r handover.Reservation, reserved handover.Device, labels []disk.Label, as role) (deviceState, error) {
	if len(labels) == 0 {
		return stateBlank, nil
	}
	deciding := bluestore.Deciding(labels)
	if len(deciding) == 0 {
		return "", refuse(handover.ReasonLabelBroken, "have somebody who knows BlueStore look at it; nothing was written to it",
			"disk %s has a label of BlueStore with a wrong checksum", reserved.Disk)
	}
	if as == roleDB && supersedes(r, reserved, labels) {
		return stateSuperseded, nil
	}
	for _, label := range deciding {
		if !isOurs(r, label, as) {
			return "", foreign(r, reserved, label)
		}
	}
	return finished(r, reserved, deciding[0], as)
}

// supersedes says that a DB is that of an OSD which had the slice before and was destroyed, by every label.
func supersedes(r handover.Reservation, reserved handover.Device, labels []disk.Label) bool {
	before := append([]string{reserved.Supersedes}, reserved.Before...)
	return reserved.Supersedes != "" && reserved.Slice != "" && !slices.ContainsFunc(labels, func(label disk.Label) bool {
		return !slices.Contains(before, label.OSDUUID) || label.Description != string(roleDB) || label.FSID != "" && label.FSID != r.FSID
	})
}

// isOurs compares what every label of ours says from its first moment.
func isOurs(r handover.Reservation, label disk.Label, as role) bool {
	return label.OSDUUID == r.UUID && label.Description == string(as) &&
		(label.FSID == "" || label.FSID == r.FSID) && (label.OSDID == -1 || label.OSDID == int(r.ID))
}

// finished tells a label of a complete mkfs from one that was begun. The DB's label never says so: the data's does.
func finished(r handover.Reservation, reserved handover.Device, label disk.Label, as role) (deviceState, error) {
	switch {
	case as == roleDB:
		return stateReady, nil
	case !label.Ready:
		return stateUnfinished, nil
	case label.FSID != r.FSID || label.OSDID != int(r.ID):
		return "", foreign(r, reserved, label)
	}
	return stateReady, nil
}

func foreign(r handover.Reservation, reserved handover.Device, label disk.Label) error {
	return refuse(handover.ReasonForeignOSD, "find out whose disk it is; nothing was written to it",
		"disk %s is labelled for osd.%d of cluster %s (uuid %s, %s), and not for osd.%d of cluster %s (uuid %s)",
		reserved.Disk, label.OSDID, label.FSID, label.OSDUUID, label.Description, r.ID, r.FSID, r.UUID)
}
