package verdict

import (
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const (
	fsidHere  = "8b1c6d2e-0000-4000-8000-000000000001"
	fsidThere = "deadbeef-0000-4000-8000-000000000002"
	uuid12    = "5f0e0000-0000-4000-8000-000000000012"
	uuid13    = "5f0e0000-0000-4000-8000-000000000013"
	stranger  = "5f0e0000-0000-4000-8000-000000000099"
)

// here is node n3 of a Kubernetes cluster with the StorageCluster seamount/main.
func here() Context {
	return Context{
		Node: "n3", Kubelet: "/var/lib/kubelet", Disk: "wwn-5000c50093282dee",
		Clusters: map[string]Cluster{fsidHere: {"seamount", "main"}},
		OSDs:     map[string]OSD{uuid12: {12, fsidHere}, uuid13: {13, fsidHere}},
	}
}

// blank is a disk that nothing stands against.
func blank(changes ...func(*disk.Disk)) disk.Disk {
	d := disk.Disk{
		Name: "sdb", Kind: disk.KindPlain, Zoned: "none",
		Hardware: disk.Hardware{Media: v1alpha1.MediaHDD, Size: 16000900661248},
		Content: disk.Content{
			Outcome: disk.OutcomeRead, Sources: []disk.Source{disk.SourceBlockdevice, disk.SourceBlkid},
			Samples: disk.Samples{Count: 4096, Bytes: 16 << 20, First: -1},
		},
		Health: disk.Health{Reported: true, Source: "SMART"},
	}
	for _, change := range changes {
		change(&d)
	}
	return d
}

// signed is what both readers recognise, over non-zero samples.
func signed(device string, kind v1alpha1.ContentKind, name string) func(*disk.Disk) {
	return func(d *disk.Disk) {
		for _, source := range []disk.Source{disk.SourceBlockdevice, disk.SourceBlkid} {
			seenBy(source, device, kind, name)(d)
		}
	}
}

func seenBy(source disk.Source, device string, kind v1alpha1.ContentKind, name string) func(*disk.Disk) {
	return func(d *disk.Disk) {
		d.Content.Signatures = append(d.Content.Signatures, disk.Signature{Source: source, Device: device, Kind: kind, Type: name, Offset: -1})
		written(d)
	}
}

func written(d *disk.Disk) { d.Content.Samples.NonZero, d.Content.Samples.First = 3, 1081344 }

func used(kind disk.UseKind, device, by string) func(*disk.Disk) {
	return func(d *disk.Disk) { d.Uses = append(d.Uses, disk.Use{Kind: kind, Device: device, By: by}) }
}

func partitioned(names ...string) func(*disk.Disk) {
	return func(d *disk.Disk) {
		for _, name := range names {
			d.Partitions = append(d.Partitions, disk.Partition{Name: name, Size: 1 << 30})
		}
	}
}

func labelled(l disk.Label) func(*disk.Disk) {
	return func(d *disk.Disk) {
		signed(l.Device, v1alpha1.ContentBlueStore, "ceph_bluestore")(d)
		d.Content.Labels = append(d.Content.Labels, l)
	}
}

// tabled gives a disk somebody's GPT.
func tabled(d *disk.Disk) {
	d.Content.Table = &disk.Table{ID: stranger, Partitions: []disk.TableEntry{{Number: 1, Type: stranger, Name: "data", Offset: 1 << 30, Size: 1 << 30}}}
}

// sliced is a disk that a cluster cut, as both readers see it.
func sliced(fsid string, names ...string) func(*disk.Disk) {
	return func(d *disk.Disk) {
		signed(d.Name, v1alpha1.ContentPartitionTable, "gpt")(d)
		d.Content.Table = &disk.Table{ID: handover.TableID(fsid, here().Disk)}
		for i, name := range names {
			d.Content.Table.Partitions = append(d.Content.Table.Partitions, disk.TableEntry{
				Number: i + 1, Type: gpt.SliceType.String(), Name: name, Offset: int64(i+1) << 30, Size: 1 << 30,
			})
		}
	}
}

func in(l disk.Label, device string) disk.Label {
	l.Device = device
	return l
}

// renamed is here, of another disk.
func renamed() Context {
	c := here()
	c.Disk = "wwn-another"
	return c
}

func osd(id int, uuid, fsid string) disk.Label {
	return disk.Label{Device: "sdb", OSDID: id, OSDUUID: uuid, FSID: fsid, Description: "main", Ready: true, Valid: true}
}

func outcome(o disk.Outcome, text string) func(*disk.Disk) {
	return func(d *disk.Disk) { d.Content = disk.Content{Outcome: o, Text: text} }
}

func loop(file, filesystem string) func(*disk.Disk) {
	return func(d *disk.Disk) {
		d.Name, d.Kind, d.BackingFile, d.BackingFilesystem = "loop1000", disk.KindLoop, file, filesystem
		d.Health = disk.Health{}
	}
}

// example is a disk that a text is printed for.
type example struct {
	name    string
	disk    disk.Disk
	context Context
}

func examples() []example {
	var all []example
	for _, group := range [][]example{usableExamples(), heldExamples(), contentExamples(), osdExamples(), deviceExamples(), unknownExamples()} {
		for _, e := range group {
			if e.context.Node == "" {
				e.context = here()
			}
			all = append(all, e)
		}
	}
	return all
}

func usableExamples() []example {
	return []example{
		{name: "an empty disk", disk: blank()},
		{name: "a loop device for tests", disk: blank(loop("/var/lib/disks/a.img", "ext4"))},
		{name: "a multipath LUN", disk: blank(func(d *disk.Disk) {
			d.Name, d.Kind, d.Paths = "dm-0", disk.KindMultipath, []string{"sdc", "sdd"}
		})},
	}
}

func heldExamples() []example {
	return []example{
		{name: "mounted", disk: blank(signed("sdb", v1alpha1.ContentFilesystem, "ext4"),
			used(disk.UseMount, "sdb", "/var/lib/kubelet/pods/1/volume-subpaths/x"), used(disk.UseMount, "sdb", "/data"))},
		{name: "mounted in a container", disk: blank(signed("sdb", v1alpha1.ContentFilesystem, "xfs"), used(disk.UseMount, "sdb", "/data (pid 4713)"))},
		{name: "mounted out of sight", disk: blank(signed("sdb", v1alpha1.ContentFilesystem, "xfs"), used(disk.UseMount, "sdb", "xfs"))},
		{name: "root disk", disk: blank(signed("sdb", v1alpha1.ContentPartitionTable, "gpt"), partitioned("sdb1", "sdb2", "sdb3"),
			signed("sdb1", v1alpha1.ContentFilesystem, "vfat"), signed("sdb2", v1alpha1.ContentFilesystem, "ext4"), signed("sdb3", v1alpha1.ContentSwap, "swap"),
			used(disk.UseMount, "sdb1", "/boot/efi"), used(disk.UseMount, "sdb2", "/"), used(disk.UseSwap, "sdb3", "sdb3"))},
		{name: "built on", disk: blank(signed("sdb", v1alpha1.ContentVolumeManager, "LVM2_member"), used(disk.UseHolder, "sdb", "dm-0"))},
		{name: "with a loop device on it", disk: blank(used(disk.UseLoop, "sdb", "loop7"))},
		{name: "a raw block volume", disk: blank(used(disk.UseVolume, "sdb", "/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/pvc-1c2d/dev/5f"))},
		{name: "open", disk: blank(used(disk.UseProcess, "sdb", "qemu-system-x86 (4711)"))},
		{name: "on a file of a container", disk: blank(used(disk.UseForeign, "loop7", "/csi-data/volume-1"))},
		{name: "in a container", disk: blank(used(disk.UseContainer, "sdb", "/dev/xvda of postgres (4712)"))},
		{name: "a mapped volume", disk: blank(func(d *disk.Disk) { d.Name, d.Kind = "rbd0", disk.KindRBD })},
		{name: "a loop device on a served file", disk: blank(loop("/run/seamount/volumes/pvc-1c2d", "fuse.seamount"))},
		{name: "a loop device of kubelet", disk: blank(loop("/var/lib/kubelet/plugins/x/volumeDevices/pvc-1c2d/5f", "devtmpfs"))},
		{name: "a loop device on a device", disk: blank(loop("/dev/rbd0", "devtmpfs"))},
		{name: "a loop device on a deleted file", disk: blank(loop("/var/lib/disks/a.img (deleted)", "ext4"))},
	}
}

func contentExamples() []example {
	return []example{
		{name: "an empty partition table", disk: blank(signed("sdb", v1alpha1.ContentPartitionTable, "dos"))},
		{name: "partitions without a table that a reader knows", disk: blank(partitioned("sdb1"))},
		{name: "filesystem", disk: blank(signed("sdb", v1alpha1.ContentFilesystem, "xfs"))},
		{name: "volume manager", disk: blank(signed("sdb", v1alpha1.ContentVolumeManager, "LVM2_member"))},
		{name: "RAID member", disk: blank(signed("sdb", v1alpha1.ContentRAIDMember, "linux_raid_member"))},
		{name: "encrypted", disk: blank(signed("sdb", v1alpha1.ContentEncrypted, "crypto_LUKS"))},
		{name: "swap that is not in use", disk: blank(signed("sdb", v1alpha1.ContentSwap, "swap"))},
		{name: "something unrecognised", disk: blank(signed("sdb", v1alpha1.ContentUnrecognized, ""))},
		{name: "not empty", disk: blank(written)},
	}
}

func osdExamples() []example {
	db := disk.Label{Device: "sdb1", OSDID: -1, OSDUUID: uuid12, Description: "bluefs db", Ready: true, Valid: true}
	db13 := disk.Label{Device: "sdb2", OSDID: -1, OSDUUID: uuid13, Description: "bluefs db", Ready: true, Valid: true}
	unready := osd(13, uuid13, fsidHere)
	unready.Ready = false
	damaged := osd(12, uuid12, fsidHere)
	damaged.Valid = false
	unread := here()
	unread.Clusters, unread.OSDs, unread.Unread = nil, nil, "storageclusters.seamount.dev is forbidden"
	return []example{
		{name: "in use", disk: blank(labelled(osd(12, uuid12, fsidHere)), used(disk.UseProcess, "sdb", "ceph-osd (99)"))},
		{name: "in use, not ready", disk: blank(labelled(unready))},
		{name: "DB disk in use", disk: blank(signed("sdb", v1alpha1.ContentPartitionTable, "gpt"), partitioned("sdb1", "sdb2"), labelled(db), labelled(db13))},
		{name: "in use, with an older label", disk: blank(labelled(osd(12, uuid12, fsidHere)), labelled(osd(4, stranger, fsidThere)))},
		{name: "in use, with somebody's table", disk: blank(labelled(osd(12, uuid12, fsidHere)), tabled)},
		{name: "in use, with what a kernel takes for partitions", disk: blank(labelled(osd(12, uuid12, fsidHere)), partitioned("sdb1", "sdb2"))},
		{name: "of another cluster", disk: blank(labelled(osd(4, stranger, fsidThere)))},
		{name: "a uuid from here with another fsid", disk: blank(labelled(osd(12, uuid12, fsidThere)))},
		{name: "a DB of nobody here", disk: blank(labelled(disk.Label{Device: "sdb", OSDID: -1, OSDUUID: stranger, Description: "bluefs db", Valid: true}))},
		{name: "an orphan", disk: blank(labelled(osd(17, stranger, fsidHere)))},
		{name: "a damaged label", disk: blank(labelled(damaged))},
		{name: "cut into slices", disk: blank(sliced(fsidHere, "osd.12 data", "osd.13 data"))},
		{name: "cut into slices, with labels", disk: blank(sliced(fsidHere, "osd.12 data"), labelled(in(osd(12, uuid12, fsidHere), "sdb1")))},
		{name: "cut for DBs, and in use", disk: blank(sliced(fsidHere, "osd.12 db"), partitioned("sdb1"), used(disk.UseProcess, "sdb1", "ceph-osd (99)"))},
		{name: "cut by a cluster that is not known", disk: blank(sliced(fsidThere, "osd.1 data"))},
		{name: "a copy of a disk that is cut", disk: blank(sliced(fsidHere, "osd.12 data")), context: renamed()},
		{name: "cut, while the clusters are not known", disk: blank(sliced(fsidHere, "osd.12 data")), context: unread},
		{name: "cut, with a partition of somebody else", disk: blank(sliced(fsidHere, "osd.12 data"), func(d *disk.Disk) {
			d.Content.Table.Partitions[0].Type = "0fc63daf-8483-4772-8e79-3d69d8477de4"
		})},
		{name: "a label that was not read", disk: blank(signed("sdb", v1alpha1.ContentBlueStore, "ceph_bluestore"))},
		{name: "an OSD while the clusters are not known", disk: blank(labelled(osd(12, uuid12, fsidHere))), context: unread},
	}
}

func deviceExamples() []example {
	several := here()
	several.OtherNodes = []string{"n4", "n5"}
	return []example{
		{name: "read-only", disk: blank(func(d *disk.Disk) { d.ReadOnly = true })},
		{name: "too small", disk: blank(func(d *disk.Disk) { d.Hardware.Size = 1 << 30 })},
		{name: "removable", disk: blank(func(d *disk.Disk) { d.Removable = true })},
		{name: "several nodes", disk: blank(), context: several},
		{name: "zoned", disk: blank(func(d *disk.Disk) { d.Zoned = "host-managed" })},
		{name: "wearing out", disk: blank(func(d *disk.Disk) { d.Health = disk.Health{Reported: true, Source: "NVMe", PercentUsed: 104} })},
		{name: "failing", disk: blank(func(d *disk.Disk) { d.Health.Failing = true })},
		{name: "media errors", disk: blank(func(d *disk.Disk) { d.Health.MediaErrors = 48 })},
		{name: "I/O errors", disk: blank(func(d *disk.Disk) { d.Health = disk.Health{IOErrors: 2345} })},
	}
}

func unknownExamples() []example {
	return []example{
		{name: "unreadable", disk: blank(outcome(disk.OutcomeUnreadable, "read at 1073741824: input/output error"))},
		{name: "timeout", disk: blank(outcome(disk.OutcomeTimeout, "no answer within 10s"))},
		{name: "one reader finds something", disk: blank(seenBy(disk.SourceBlkid, "sdb", v1alpha1.ContentFilesystem, "ext4"))},
		{name: "one reader finds something among zeros", disk: blank(seenBy(disk.SourceBlkid, "sdb", v1alpha1.ContentFilesystem, "ext4"),
			func(d *disk.Disk) { d.Content.Samples.NonZero = 0 })},
		{name: "one reader failed", disk: blank(func(d *disk.Disk) { d.Content.Sources = d.Content.Sources[:1] })},
		{name: "not read yet", disk: blank(outcome(disk.OutcomeNotRead, ""))},
		{name: "reader failed", disk: blank(outcome(disk.OutcomeFailed, "open /dev/sdb: operation not permitted"))},
		{name: "no samples", disk: blank(func(d *disk.Disk) { d.Content.Samples = disk.Samples{} })},
		{name: "twins", disk: blank(outcome(disk.OutcomeNotRead, ""), func(d *disk.Disk) { d.Twins = []string{"sdc"} })},
		{name: "a fact is missing", disk: blank(func(d *disk.Disk) {
			d.Problems = []disk.Problem{{Fact: "holders", Text: "open holders: permission denied"}}
		})},
		{name: "an unknown driver", disk: blank(func(d *disk.Disk) { d.Name, d.Kind = "scinia", disk.KindOther })},
		{name: "a loop device on an unknown filesystem", disk: blank(loop("/somewhere/a.img", ""))},
	}
}
