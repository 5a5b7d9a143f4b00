package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// maxText is how long a text in the API may be, in characters.
const maxText = 1024

// finding is what was recognised at one place, by one reader or by both.
type finding struct {
	disk.Signature
	sources []disk.Source
}

// findings merges what the readers say of the same kind of content on the same device, in the order of the devices.
func findings(signatures []disk.Signature) []finding {
	var merged []finding
	for _, sig := range signatures {
		if !slices.Contains(kindsByWeight, sig.Kind) {
			sig.Kind = v1alpha1.ContentUnrecognized
		}
		i := slices.IndexFunc(merged, func(f finding) bool { return f.Device == sig.Device && f.Kind == sig.Kind })
		if i < 0 {
			merged = append(merged, finding{Signature: sig})
			i = len(merged) - 1
		}
		if !slices.Contains(merged[i].sources, sig.Source) {
			merged[i].sources = append(merged[i].sources, sig.Source)
		}
		if sig.Source == disk.SourceBlkid { // the words that people know from blkid and lsblk
			merged[i].Type = sig.Type
		}
	}
	return slices.SortedStableFunc(slices.Values(merged), func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(slices.Index(kindsByWeight, a.Kind), slices.Index(kindsByWeight, b.Kind)))
	})
}

// kindsByWeight are the kinds of content; where there are several, the first gives its name to the whole.
var kindsByWeight = []v1alpha1.ContentKind{
	v1alpha1.ContentBlueStore, v1alpha1.ContentPartitionTable, v1alpha1.ContentVolumeManager, v1alpha1.ContentRAIDMember,
	v1alpha1.ContentEncrypted, v1alpha1.ContentSwap, v1alpha1.ContentFilesystem, v1alpha1.ContentUnrecognized,
}

// found tells whether any reader recognised a kind of content.
func (s subject) found(kind v1alpha1.ContentKind) bool {
	return slices.ContainsFunc(s.findings, func(f finding) bool { return f.Kind == kind })
}

// oneSided tells whether one reader found something on the disk and the other nothing at all. A label of BlueStore that
// was read in full needs no second opinion.
func (s subject) oneSided() bool {
	var sources []disk.Source
	for _, f := range s.findings {
		if f.Kind != v1alpha1.ContentBlueStore || len(s.Content.Labels) == 0 {
			sources = append(sources, f.sources...)
		}
	}
	return len(sources) > 0 && (!slices.Contains(sources, disk.SourceBlkid) || !slices.Contains(sources, disk.SourceBlockdevice))
}

// content is nil when it is not known what the disk holds.
func (s subject) content() *v1alpha1.DiskContent {
	kind := s.contentKind()
	if kind == "" {
		return nil
	}
	c := &v1alpha1.DiskContent{Kind: kind, Detail: clip(s.detail(kind), maxText)}
	if len(s.labels) > 0 {
		c.BlueStore = label(s.labels[0])
	}
	return c
}

func (s subject) contentKind() v1alpha1.ContentKind {
	for _, kind := range kindsByWeight {
		if s.found(kind) || kind == v1alpha1.ContentBlueStore && len(s.labels) > 0 ||
			kind == v1alpha1.ContentPartitionTable && (len(s.Partitions) > 0 || s.Content.Table != nil) {
			return kind
		}
	}
	switch {
	case s.Content.Samples.NonZero > 0:
		return v1alpha1.ContentUnrecognized
	case s.blank():
		return v1alpha1.ContentEmpty
	}
	return ""
}

// blank tells whether everything was read, by both readers, and nothing found.
func (s subject) blank() bool {
	c := s.Content
	return c.Outcome == disk.OutcomeRead && s.bothRead() && len(s.findings) == 0 && len(c.Labels) == 0 &&
		len(s.Partitions) == 0 && c.Table == nil && c.Samples.Count > 0 && c.Samples.NonZero == 0
}

// detail says the content in words: labels of BlueStore, the partition table, what is on the disk and its partitions.
func (s subject) detail(kind v1alpha1.ContentKind) string {
	var parts []string
	for _, l := range s.labels {
		parts = append(parts, labelDetail(l))
	}
	tableNamed := false
	for _, f := range s.findings {
		switch {
		case f.Kind == v1alpha1.ContentBlueStore && len(s.labels) > 0:
		case f.Kind == v1alpha1.ContentPartitionTable:
			tableNamed = true
			parts = append(parts, s.tableDetail(f))
		default:
			parts = append(parts, s.findingDetail(f))
		}
	}
	if !tableNamed && len(s.Partitions) > 0 {
		parts = append(parts, count(len(s.Partitions), "partition"))
	}
	if len(parts) == 0 {
		return s.plainDetail(kind)
	}
	return strings.Join(parts, "; ")
}

func (s subject) plainDetail(kind v1alpha1.ContentKind) string {
	if kind == v1alpha1.ContentEmpty {
		return fmt.Sprintf("no signature, and %s all zeros", count(s.Content.Samples.Count, "sample"))
	}
	return "data that no reader recognises"
}

// tableDetail counts the partitions that the kernel knows. Where it knows none, as of a loop device, the table may have some.
func (s subject) tableDetail(f finding) string {
	switch {
	case s.sliced():
		return fmt.Sprintf("%s, %s: %s", tableName(f.Type), count(len(s.Content.Table.Partitions), "slice"), s.sliceNames())
	case len(s.Partitions) == 0:
		return tableName(f.Type)
	}
	return fmt.Sprintf("%s, %s", tableName(f.Type), count(len(s.Partitions), "partition"))
}

func (s subject) findingDetail(f finding) string {
	detail := fmt.Sprintf("%s on %s", cmp.Or(f.Type, string(f.Kind)), f.Device)
	at := ""
	for _, u := range s.Uses {
		if u.Kind == disk.UseMount && u.Device == f.Device && strings.HasPrefix(u.By, "/") && (at == "" || lighter(u, disk.Use{By: at})) {
			at = u.By
		}
	}
	if at != "" {
		detail += " mounted at " + at
	}
	return detail
}

// tableName is how people write a type of partition table.
func tableName(readersName string) string {
	switch strings.ToLower(readersName) {
	case "gpt":
		return "GPT"
	case "dos", "mbr":
		return "MBR"
	}
	return readersName
}

func labelDetail(l judgedLabel) string {
	switch {
	case !l.Valid:
		return "damaged BlueStore label on " + l.Device
	case l.OSDID >= 0:
		return fmt.Sprintf("BlueStore label of osd.%d", l.OSDID)
	case l.owner == ours:
		return fmt.Sprintf("BlueStore label of the DB of osd.%d on %s", l.osd.ID, l.Device)
	}
	return "BlueStore label of OSD " + l.OSDUUID
}

func label(l judgedLabel) *v1alpha1.BlueStoreLabel {
	b := &v1alpha1.BlueStoreLabel{FSID: cmp.Or(l.FSID, l.osd.FSID), OSDUUID: l.OSDUUID}
	switch {
	case l.OSDID >= 0:
		b.OSDID = ptr.To(int32(l.OSDID))
	case l.owner == ours:
		b.OSDID = ptr.To(l.osd.ID)
	}
	return b
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
