package verdict

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// text is what a person reads of a reason: what and why, and what to do about it.
type text struct{ message, remedy string }

func (t text) refusal(reason string) v1alpha1.Refusal {
	return v1alpha1.Refusal{Reason: reason, Message: clip(t.message, maxText), Remedy: clip(t.remedy, maxText)}
}

// joined is how many texts of one reason are written out.
const joined = 3

// join makes one text of those of several devices. The first remedy is kept: the others say the same of other devices.
func join(texts []text) text {
	if len(texts) == 0 {
		return text{}
	}
	var messages []string
	for _, t := range texts[:min(len(texts), joined)] {
		messages = append(messages, t.message)
	}
	if more := len(texts) - joined; more > 0 {
		messages = append(messages, fmt.Sprintf("and %d more", more))
	}
	return text{strings.Join(messages, "; "), texts[0].remedy}
}

func textIf(found bool, say func(subject) text, s subject) text {
	if !found {
		return text{}
	}
	return say(s)
}

// clip cuts a text at a number of characters.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "?")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-3]) + "..."
}

// quoted bounds what of somebody else's names and words is written out, in characters.
const quoted = 160

func quote(s string) string { return clip(s, quoted) }

// erase says how to empty the disk, but never one that somebody holds. wipefs and blkdiscard refuse that themselves.
func (s subject) erase() string {
	if len(s.Uses) > 0 {
		return "free it first: see what holds it"
	}
	return fmt.Sprintf("if nothing on it is needed, erase it on node %s, where it is %s today: `wipefs --all /dev/%s && blkdiscard --zeroout /dev/%s`",
		s.Node, s.Name, s.Name, s.Name)
}

const removeRemedy = "to free it, create a StorageOperation of type Remove"

func inUseText(_ subject, l judgedLabel) text {
	message := fmt.Sprintf("holds osd.%d of cluster %s/%s", l.osd.ID, l.cluster.Namespace, l.cluster.Name)
	switch {
	case strings.Contains(l.Description, "db"):
		message = fmt.Sprintf("holds the DB of osd.%d of cluster %s/%s", l.osd.ID, l.cluster.Namespace, l.cluster.Name)
	case !l.Ready:
		message = fmt.Sprintf("is being made osd.%d of cluster %s/%s", l.osd.ID, l.cluster.Namespace, l.cluster.Name)
	}
	return text{message, removeRemedy}
}

func mountedText(s subject, u disk.Use) text {
	by := quote(u.By)
	switch {
	case !strings.HasPrefix(by, "/"):
		return text{fmt.Sprintf("%s is mounted, where this node's processes do not see it: %s serves it", u.Device, by),
			fmt.Sprintf("to free it, stop the container on node %s that mounted it, or restart the node", s.Node)}
	case strings.Contains(by, " (pid "):
		return text{fmt.Sprintf("%s is mounted at %s", u.Device, by),
			fmt.Sprintf("to free it, stop the container of that process on node %s", s.Node)}
	}
	return text{fmt.Sprintf("%s is mounted at %s", u.Device, by),
		fmt.Sprintf("to free it, unmount it on node %s with `umount %s` and take it out of /etc/fstab", s.Node, by)}
}

func swapText(s subject, u disk.Use) text {
	return text{
		u.Device + " is swap space in use",
		fmt.Sprintf("to free it, run `swapoff /dev/%s` on node %s and take it out of /etc/fstab", u.Device, s.Node),
	}
}

func holderText(s subject, u disk.Use) text {
	by := quote(u.By)
	switch u.Kind {
	case disk.UseLoop:
		return text{fmt.Sprintf("%s is attached to %s", by, u.Device),
			fmt.Sprintf("to free it, run `losetup --detach /dev/%s` on node %s", by, s.Node)}
	case disk.UseVolume:
		return text{fmt.Sprintf("kubelet serves %s to a pod as a raw block volume: %s", u.Device, by),
			"a volume is no disk for OSDs: nothing is to be done"}
	case disk.UseProcess:
		return text{fmt.Sprintf("%s has %s open", by, u.Device), fmt.Sprintf("to free it, stop that program on node %s", s.Node)}
	case disk.UseContainer:
		return text{fmt.Sprintf("a container has a device file of %s: %s", u.Device, by),
			fmt.Sprintf("to free it, stop that container on node %s", s.Node)}
	case disk.UseForeign:
		return text{fmt.Sprintf("%s is a container's: its file %s is no file of this node", u.Device, by),
			fmt.Sprintf("to free it, stop that container on node %s", s.Node)}
	}
	return text{fmt.Sprintf("%s is built on %s", by, u.Device),
		fmt.Sprintf("to free it, take %s down on node %s: vgchange -an, mdadm --stop, cryptsetup close or dmsetup remove", by, s.Node)}
}

const volumeRemedy = "a volume is no disk for OSDs: nothing is to be done"

func mappedText(s subject) text {
	return text{fmt.Sprintf("%s is a mapped volume (%s), not a disk", s.Name, s.Kind), volumeRemedy}
}

func servedFileText(s subject) text {
	return text{fmt.Sprintf("%s is a volume, not a disk: its file %s is served by %s", s.Name, quote(s.BackingFile), s.BackingFilesystem), volumeRemedy}
}

func kubeletFileText(s subject) text {
	return text{fmt.Sprintf("%s is a volume, not a disk: its file %s belongs to kubelet", s.Name, quote(s.BackingFile)), volumeRemedy}
}

func loopOnDeviceText(s subject) text {
	return text{fmt.Sprintf("%s stands for another device, %s", s.Name, quote(cmp.Or(s.BackingDevice, s.BackingFile))),
		fmt.Sprintf("to free it, run `losetup --detach /dev/%s` on node %s", s.Name, s.Node)}
}

func deletedFileText(s subject) text {
	return text{fmt.Sprintf("the file of %s was deleted and goes with the device: %s", s.Name, quote(s.BackingFile)),
		fmt.Sprintf("to free it, run `losetup --detach /dev/%s` on node %s", s.Name, s.Node)}
}

func signatureText(s subject, f finding) text {
	what := cmp.Or(f.Type, string(f.Kind))
	if f.Kind == v1alpha1.ContentPartitionTable {
		return text{fmt.Sprintf("%s has a partition table: %s", f.Device, s.tableDetail(f)), s.erase()}
	}
	return text{fmt.Sprintf("%s holds %s", f.Device, what), s.erase()}
}

func partitionsText(s subject) text {
	return text{fmt.Sprintf("%s has %s", s.Name, count(len(s.Partitions), "partition")), s.erase()}
}

// osdName names an OSD by what its label says.
func osdName(l judgedLabel) string {
	if l.OSDID >= 0 {
		return fmt.Sprintf("osd.%d", l.OSDID)
	}
	return "an OSD (" + cmp.Or(l.OSDUUID, "without uuid") + ")"
}

func foreignText(s subject, l judgedLabel) text {
	switch {
	case !l.Valid:
		return text{"holds a BlueStore label with a wrong checksum", s.erase()}
	case l.FSID == "":
		return text{fmt.Sprintf("holds a part of %s that no cluster here knows", osdName(l)), s.erase()}
	}
	return text{fmt.Sprintf("holds %s of another Ceph cluster, with fsid %s", osdName(l), quote(l.FSID)), s.erase()}
}

func strangeLabelText(s subject) text {
	return text{"holds a BlueStore label that does not say whose it is", s.erase()}
}

func orphanText(s subject, l judgedLabel) text {
	return text{fmt.Sprintf("holds %s of cluster %s/%s, which knows no such OSD", osdName(l), l.cluster.Namespace, l.cluster.Name), s.erase()}
}

func undeterminedText(s subject, l judgedLabel) text {
	return text{fmt.Sprintf("holds %s of the Ceph cluster with fsid %s, and which OSDs are known here could not be read: %s", osdName(l), quote(l.FSID), quote(s.Unread)),
		fmt.Sprintf("see whether discover on node %s may list StorageClusters and StorageDisks", s.Node)}
}

func readOnlyText(s subject) text {
	return text{s.Name + " cannot be written",
		fmt.Sprintf("look for a write-protect switch or a failed device on node %s: `dmesg | grep %s`", s.Node, s.Name)}
}

func tooSmallText(s subject) text {
	return text{fmt.Sprintf("%s has %d MiB; an OSD needs %d MiB", s.Name, s.Hardware.Size>>20, MinimumSize>>20), "use a larger disk"}
}

func removableText(s subject) text {
	return text{s.Name + " is a removable medium", "use a disk that is fixed in its place"}
}

func severalNodesText(s subject) text {
	others := strings.Join(s.OtherNodes, ", ")
	return text{fmt.Sprintf("node %s sees the disk, and so does %s", s.Node, quote(others)),
		"to use it, let one node alone see it: change the zoning, the LUN masking or the cabling"}
}

func zonedText(s subject) text {
	return text{fmt.Sprintf("%s is a zoned disk (%s), which BlueStore does not support", s.Name, s.Zoned), "use a conventional disk"}
}

func unreadableText(s subject) text {
	return text{fmt.Sprintf("a part of %s cannot be read: %s", s.Name, quote(s.Content.Text)),
		fmt.Sprintf("replace the disk; `smartctl --all /dev/%s` on node %s says more", s.Name, s.Node)}
}

func notEmptyText(s subject) text {
	if len(s.Uses) > 0 || s.Content.Samples.NonZero == 0 {
		return text{s.Name + " holds data that no reader recognises", s.erase()}
	}
	return text{fmt.Sprintf("%s holds data that no reader recognises, the first of it near byte %d", s.Name, s.Content.Samples.First), s.erase()}
}

func readTimeoutText(s subject) text {
	return text{fmt.Sprintf("%s did not answer in time: %s", s.Name, quote(s.Content.Text)),
		fmt.Sprintf("see what the kernel says of it on node %s: `dmesg | grep %s`", s.Node, s.Name)}
}

func oneSidedText(s subject) text {
	f := s.findings[0]
	return text{fmt.Sprintf("%s finds %s on %s, and the other reader nothing", f.sources[0], cmp.Or(f.Type, string(f.Kind)), f.Device), s.erase()}
}

func oneReaderText(s subject) text {
	return text{fmt.Sprintf("%s was not read to the end by both readers", s.Name),
		fmt.Sprintf("see the log of discover on node %s", s.Node)}
}

func twinsText(s subject) text {
	return text{fmt.Sprintf("%s and %s say that they are the same disk, so that neither was read", s.Name, quote(strings.Join(s.Twins, ", "))),
		"give each an identity of its own, or set up multipath if they are two paths to one disk"}
}

func unknownDriverText(s subject) text {
	return text{fmt.Sprintf("%s has a driver that discover does not know", s.Name), "use a disk of a known driver"}
}

func unknownFileText(s subject) text {
	return text{fmt.Sprintf("what serves the file of %s is not known", s.Name), "keep the file on a filesystem of node " + s.Node}
}

func problemText(p disk.Problem) text {
	return text{fmt.Sprintf("%s could not be read: %s", p.Fact, quote(p.Text)), "see the log of discover"}
}

func failedText(s subject) text {
	return text{fmt.Sprintf("%s was not read: %s", s.Name, quote(s.Content.Text)),
		fmt.Sprintf("see the log of discover on node %s", s.Node)}
}

func noSamplesText(s subject) text {
	return text{s.Name + " was read, but no samples were taken of it", fmt.Sprintf("see the log of discover on node %s", s.Node)}
}

func notReadText(s subject) text {
	return text{s.Name + " was not read yet", "wait: it is read within minutes"}
}

func emptyMessage(d disk.Disk) string {
	return fmt.Sprintf("two readers find nothing, and %s all zeros", count(d.Content.Samples.Count, "sample"))
}

const notReportedMessage = "the device reports nothing of its health"

func failingMessage(h disk.Health) string {
	return fmt.Sprintf("%s: the device says that it is failing; replace it", h.Source)
}

func mediaErrorsMessage(h disk.Health) string {
	return fmt.Sprintf("%s: the device counts %s or more; replace it", h.Source, count(int(roundDown(h.MediaErrors)), "error")+" of its medium")
}

func wearOutMessage(h disk.Health) string {
	return fmt.Sprintf("%s: %d%% or more of the device's endurance is used; replace it", h.Source, roundDown(uint64(h.PercentUsed)))
}

func ioErrorsMessage(h disk.Health) string {
	return fmt.Sprintf("the kernel counts %d failed commands or more", roundDown(h.IOErrors))
}

func noErrorsMessage(h disk.Health) string { return h.Source + " reports no errors" }
