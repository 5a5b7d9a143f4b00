package verdict

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/discover/disk"
)

// ownership says whose OSD a label of BlueStore names.
type ownership int

const (
	ours         ownership = iota // an OSD that a cluster here knows
	orphan                        // a cluster here, which does not know such an OSD
	foreign                       // another cluster, or a label that does not say whose it is
	undetermined                  // what the clusters here know could not be read
)

// judgedLabel is a label, once for all its copies on a device, with whose it is.
type judgedLabel struct {
	disk.Label
	owner   ownership
	osd     OSD     // of ours
	cluster Cluster // of ours and orphan
}

// judgeLabels judges each OSD that has a label once.
func judgeLabels(labels []disk.Label, c Context) []judgedLabel {
	type key struct {
		device, uuid, fsid string
		valid              bool
	}
	seen := map[key]bool{}
	var judged []judgedLabel
	for _, l := range sortedLabels(labels) {
		k := key{l.Device, l.OSDUUID, l.FSID, l.Valid}
		if !seen[k] {
			judged = append(judged, judgeLabel(l, c))
		}
		seen[k] = true
	}
	return judged
}

func sortedLabels(labels []disk.Label) []disk.Label {
	return slices.SortedStableFunc(slices.Values(labels), func(a, b disk.Label) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Offset, b.Offset))
	})
}

// judgeLabel trusts the OSD's uuid, which the operator reserved. A DB device's label names no cluster; one that names
// another cluster is not ours, whatever its uuid.
func judgeLabel(l disk.Label, c Context) judgedLabel {
	j := judgedLabel{Label: l, owner: foreign}
	osd, known := c.OSDs[l.OSDUUID]
	cluster, here := c.Clusters[cmp.Or(l.FSID, osd.FSID)]
	switch {
	case !l.Valid:
	case known && cmp.Or(l.FSID, osd.FSID) == osd.FSID:
		j.owner, j.osd, j.cluster = ours, osd, cluster
	case c.Unread != "":
		j.owner = undetermined
	case here && l.FSID != "":
		j.owner, j.cluster = orphan, cluster
	}
	return j
}

func (s subject) labelTexts(owner ownership, say func(subject, judgedLabel) text) []text {
	var t []text
	for _, l := range s.labels {
		if l.owner == owner {
			t = append(t, say(s, l))
		}
	}
	return t
}
