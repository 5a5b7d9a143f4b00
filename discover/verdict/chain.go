package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// maxReasons is how many reasons a verdict in the API holds.
const maxReasons = 16

// check is one link of the chain: it looks for one reason against using a disk.
type check struct {
	reason string
	find   func(subject) text
}

// chain is all checks. The reason that stands first weighs most: the order is that of the API.
func chain() []check {
	return []check{
		{v1alpha1.ReasonInUse, subject.inUse},
		{v1alpha1.ReasonMounted, subject.mounted},
		{v1alpha1.ReasonSwap, subject.swap},
		{v1alpha1.ReasonHolder, subject.holder},
		{v1alpha1.ReasonPartitionTable, subject.partitionTable},
		{v1alpha1.ReasonFilesystem, signature(v1alpha1.ContentFilesystem)},
		{v1alpha1.ReasonVolumeManager, signature(v1alpha1.ContentVolumeManager)},
		{v1alpha1.ReasonRAIDMember, signature(v1alpha1.ContentRAIDMember)},
		{v1alpha1.ReasonEncrypted, signature(v1alpha1.ContentEncrypted)},
		{v1alpha1.ReasonForeignOSD, subject.foreignOSD},
		{v1alpha1.ReasonOrphanOSD, subject.orphanOSD},
		{v1alpha1.ReasonReadOnly, subject.readOnly},
		{v1alpha1.ReasonTooSmall, subject.tooSmall},
		{v1alpha1.ReasonRemovable, subject.removable},
		{v1alpha1.ReasonSeveralNodes, subject.severalNodes},
		{v1alpha1.ReasonZoned, subject.zoned},
		{v1alpha1.ReasonUnreadableSectors, subject.unreadable},
		{v1alpha1.ReasonNotEmpty, subject.notEmpty},
		{v1alpha1.ReasonReadTimeout, subject.readTimeout},
		{v1alpha1.ReasonSourcesDisagree, subject.sourcesDisagree},
		{v1alpha1.ReasonNotScanned, subject.notScanned},
	}
}

// whatAnOSDExplains are reasons that say nothing new of a disk with OSDs of a cluster here.
var whatAnOSDExplains = []string{
	v1alpha1.ReasonHolder, v1alpha1.ReasonPartitionTable, v1alpha1.ReasonNotEmpty, v1alpha1.ReasonTooSmall,
	v1alpha1.ReasonRemovable, v1alpha1.ReasonZoned, v1alpha1.ReasonSourcesDisagree,
}

// reasons asks every check of the chain, so that a person sees at once all that stands in the way.
func (s subject) reasons() []v1alpha1.Refusal {
	var found []v1alpha1.Refusal
	for _, c := range chain() {
		inUse := len(found) > 0 && found[0].Reason == v1alpha1.ReasonInUse
		if inUse && slices.Contains(whatAnOSDExplains, c.reason) && !(c.reason == v1alpha1.ReasonPartitionTable && s.tableBesideOSD()) {
			continue
		}
		if t := c.find(s); t.message != "" {
			found = append(found, t.refusal(c.reason))
		}
	}
	return found[:min(len(found), maxReasons)]
}

// tableBesideOSD says that the disk is an OSD of a cluster here as a whole, and has a whole GPT that is no OSD's: somebody made it since.
// Partitions alone say nothing of the kind: there are kernels that take the data of an OSD for a table of an Atari.
func (s subject) tableBesideOSD() bool {
	return s.Content.Table != nil && !s.sliced() &&
		slices.ContainsFunc(s.labels, func(l judgedLabel) bool { return l.owner == ours && l.Device == s.Name })
}

func (s subject) inUse() text {
	if cluster, known := s.slicedBy(); known {
		return slicedText(s, cluster)
	}
	return join(s.labelTexts(ours, inUseText))
}

func (s subject) mounted() text {
	return join(s.useTexts(mountedText, disk.UseMount))
}

func (s subject) swap() text {
	if t := s.useTexts(swapText, disk.UseSwap); len(t) > 0 {
		return join(t)
	}
	return signature(v1alpha1.ContentSwap)(s)
}

// holder finds who has the disk in hand, and whether it is a disk at all.
func (s subject) holder() text {
	if t := s.volume(); t.message != "" {
		return t
	}
	lasting := s.useTexts(holderText, disk.UseHolder, disk.UseLoop, disk.UseVolume)
	if len(lasting) > 0 || s.has(disk.UseMount, disk.UseSwap) {
		return join(lasting) // which processes have it open then changes often, and says nothing new
	}
	return join(s.useTexts(holderText, disk.UseProcess, disk.UseContainer, disk.UseForeign))
}

func (s subject) partitionTable() text {
	if s.sliced() { // which is somebody's, and never nobody's
		return text{}
	}
	if s.tableBesideOSD() {
		return text{fmt.Sprintf("%s has a partition table that is no OSD's: GPT, %s", s.Name, count(len(s.Content.Table.Partitions), "partition")),
			"find out who made it, and see whether the OSD is whole; the disk is not erased while the table is there"}
	}
	if t := signature(v1alpha1.ContentPartitionTable)(s); t.message != "" {
		return t
	}
	switch {
	case len(s.Partitions) > 0:
		return partitionsText(s)
	case s.Content.Table != nil: // also if no reader says so
		return text{fmt.Sprintf("%s has a partition table: GPT, %s", s.Name, count(len(s.Content.Table.Partitions), "partition")), s.erase()}
	}
	return text{}
}

// signature looks for a kind of content that both readers see something of.
func signature(kind v1alpha1.ContentKind) func(subject) text {
	return func(s subject) text {
		if s.oneSided() {
			return text{}
		}
		var t []text
		for _, f := range s.findings {
			if f.Kind == kind {
				t = append(t, signatureText(s, f))
			}
		}
		return join(t)
	}
}

func (s subject) foreignOSD() text {
	t := s.labelTexts(foreign, foreignText)
	if len(s.Content.Labels) == 0 && !s.oneSided() && s.found(v1alpha1.ContentBlueStore) {
		t = append(t, strangeLabelText(s))
	}
	if s.strangeSlices() && s.Unread == "" {
		t = append(t, strangeSlicesText(s))
	}
	return join(t)
}

func (s subject) orphanOSD() text {
	return join(s.labelTexts(orphan, orphanText))
}

func (s subject) readOnly() text {
	return textIf(s.ReadOnly, readOnlyText, s)
}

func (s subject) tooSmall() text {
	return textIf(s.Hardware.Size < MinimumSize, tooSmallText, s)
}

func (s subject) removable() text {
	return textIf(s.Removable, removableText, s)
}

func (s subject) severalNodes() text {
	return textIf(len(s.OtherNodes) > 0, severalNodesText, s)
}

func (s subject) zoned() text {
	return textIf(s.Zoned != "" && s.Zoned != "none", zonedText, s)
}

func (s subject) unreadable() text {
	return textIf(s.Content.Outcome == disk.OutcomeUnreadable, unreadableText, s)
}

// notEmpty finds content that no reader has a name for, or only one of them.
func (s subject) notEmpty() text {
	unnamed := s.found(v1alpha1.ContentUnrecognized) && !s.oneSided()
	unexplained := len(s.labels) == 0 && (len(s.findings) == 0 || s.oneSided()) && s.Content.Samples.NonZero > 0
	return textIf(unnamed || unexplained, notEmptyText, s)
}

func (s subject) readTimeout() text {
	return textIf(s.Content.Outcome == disk.OutcomeTimeout, readTimeoutText, s)
}

// sourcesDisagree finds a content that is not settled: one reader alone has read it, or has found something on it.
func (s subject) sourcesDisagree() text {
	switch {
	case s.oneSided():
		return oneSidedText(s)
	case s.Content.Outcome == disk.OutcomeRead && !s.bothRead():
		return oneReaderText(s)
	}
	return text{}
}

// notScanned collects what is not known.
func (s subject) notScanned() text {
	t := append(s.unknownIdentity(), s.labelTexts(undetermined, undeterminedText)...)
	if s.strangeSlices() && s.Unread != "" {
		t = append(t, undeterminedSlicesText(s))
	}
	for _, p := range s.Problems {
		t = append(t, problemText(p))
	}
	return join(append(t, s.notRead()...))
}

func (s subject) unknownIdentity() []text {
	var t []text
	if len(s.Twins) > 0 {
		t = append(t, twinsText(s))
	}
	if s.Kind == disk.KindOther || s.Kind == "" {
		t = append(t, unknownDriverText(s))
	}
	if s.Kind == disk.KindLoop && s.BackingDevice == "" && (s.BackingFile == "" || s.BackingFilesystem == "") {
		t = append(t, unknownFileText(s))
	}
	return t
}

func (s subject) notRead() []text {
	switch s.Content.Outcome {
	case disk.OutcomeRead:
		if s.Content.Samples.Count > 0 {
			return nil
		}
		return []text{noSamplesText(s)}
	case disk.OutcomeTimeout, disk.OutcomeUnreadable: // these have reasons of their own
		return nil
	case disk.OutcomeNotRead:
		if Unreadable(s.Disk, s.Context) {
			return nil
		}
		return []text{notReadText(s)}
	}
	return []text{failedText(s)}
}

// useTexts makes a text of one use of each device, for the ways of use that are asked for. Of several it is the one with
// the shortest name, which is the one that stays while others come and go.
func (s subject) useTexts(say func(subject, disk.Use) text, kinds ...disk.UseKind) []text {
	chosen := map[string]disk.Use{}
	for _, u := range s.Uses {
		if old, seen := chosen[u.Device]; slices.Contains(kinds, u.Kind) && (!seen || lighter(u, old)) {
			chosen[u.Device] = u
		}
	}
	var t []text
	for _, device := range sortedKeys(chosen) {
		t = append(t, say(s, chosen[device]))
	}
	return t
}

func lighter(a, b disk.Use) bool {
	if len(a.By) != len(b.By) {
		return len(a.By) < len(b.By)
	}
	return a.By < b.By
}

func (s subject) has(kinds ...disk.UseKind) bool {
	return slices.ContainsFunc(s.Uses, func(u disk.Use) bool { return slices.Contains(kinds, u.Kind) })
}

func (s subject) bothRead() bool {
	return slices.Contains(s.Content.Sources, disk.SourceBlockdevice) && slices.Contains(s.Content.Sources, disk.SourceBlkid)
}

// networkFilesystems, and whatever begins with fuse, serve volumes.
var networkFilesystems = []string{"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "virtiofs"}

// volume finds devices that are no disks, whatever they look like: what is mapped or served can look like a blank disk
// while it is a volume of a pod.
func (s subject) volume() text {
	file := s.BackingFile
	switch s.Kind {
	case disk.KindPlain, disk.KindMultipath, disk.KindOther, "":
		return text{}
	case disk.KindLoop:
		switch {
		case s.served():
			return servedFileText(s)
		case s.ofKubelet():
			return kubeletFileText(s)
		case s.BackingDevice != "", strings.HasPrefix(file, "/dev/") && !strings.HasPrefix(file, "/dev/shm/"):
			return loopOnDeviceText(s)
		case strings.HasSuffix(file, " (deleted)"):
			return deletedFileText(s)
		}
		return text{}
	}
	return mappedText(s)
}

// served says whether the file of a loop device is on a server, be it one of this node.
func (s subject) served() bool {
	return strings.HasPrefix(s.BackingFilesystem, "fuse") || slices.Contains(networkFilesystems, s.BackingFilesystem)
}

// ofKubelet says whether the file of a loop device is kubelet's.
func (s subject) ofKubelet() bool {
	return s.Kubelet != "" && strings.HasPrefix(s.BackingFile, s.Kubelet+"/")
}
