package verdict

import (
	"math/rand/v2"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

// flaw is one thing that a disk can have that forbids to use it.
type flaw struct {
	name  string
	apply func(*rand.Rand, *disk.Disk, *Context)
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func devices(r *rand.Rand) string { return pick(r, "sdb", "sdb1", "sdb7", "dm-3", "") }

func flaws() []flaw {
	onDisk := func(change func(*rand.Rand, *disk.Disk)) func(*rand.Rand, *disk.Disk, *Context) {
		return func(r *rand.Rand, d *disk.Disk, _ *Context) { change(r, d) }
	}
	return append([]flaw{
		{"a signature", onDisk(func(r *rand.Rand, d *disk.Disk) {
			seenBy(pick(r, disk.SourceBlkid, disk.SourceBlockdevice, "another"), devices(r),
				pick(r, append(kindsByWeight, v1alpha1.ContentEmpty, "", "Novel")...), pick(r, "ext4", ""))(d)
			d.Content.Samples.NonZero = r.IntN(2)
		})},
		{"a label of BlueStore", onDisk(func(r *rand.Rand, d *disk.Disk) {
			d.Content.Labels = append(d.Content.Labels, disk.Label{
				Device: devices(r), OSDID: r.IntN(3) - 1, OSDUUID: pick(r, uuid12, stranger, ""),
				FSID: pick(r, fsidHere, fsidThere, ""), Ready: r.IntN(2) == 0, Valid: r.IntN(2) == 0,
			})
		})},
		{"slices", onDisk(func(r *rand.Rand, d *disk.Disk) {
			sliced(pick(r, fsidHere, fsidThere, ""), pick(r, "osd.1 data", ""))(d)
			d.Content.Table.Partitions[0].Type = pick(r, gpt.SliceType.String(), "", "novel")
			d.Content.Signatures = d.Content.Signatures[:len(d.Content.Signatures)-r.IntN(3)]
			d.Content.Samples.NonZero = r.IntN(2)
		})},
		{"a use", onDisk(func(r *rand.Rand, d *disk.Disk) {
			used(pick(r, disk.UseMount, disk.UseSwap, disk.UseHolder, disk.UseLoop, disk.UseVolume, disk.UseProcess, disk.UseContainer, disk.UseForeign),
				devices(r), pick(r, "/data", "dm-0", ""))(d)
		})},
		{"a partition", onDisk(func(r *rand.Rand, d *disk.Disk) { partitioned(devices(r))(d) })},
		{"a sample that is not zero", onDisk(func(r *rand.Rand, d *disk.Disk) { d.Content.Samples.NonZero = 1 + r.IntN(4096) })},
		{"another node", func(r *rand.Rand, _ *disk.Disk, c *Context) { c.OtherNodes = append(c.OtherNodes, pick(r, "n4", "n5")) }},
	}, append(unreadFlaws(), deviceFlaws()...)...)
}

func unreadFlaws() []flaw {
	of := func(name string, change func(*rand.Rand, *disk.Disk)) flaw {
		return flaw{name, func(r *rand.Rand, d *disk.Disk, _ *Context) { change(r, d) }}
	}
	return []flaw{
		of("not read to the end", func(r *rand.Rand, d *disk.Disk) {
			d.Content.Outcome = pick(r, disk.OutcomeNotRead, disk.OutcomeTimeout, disk.OutcomeUnreadable, disk.OutcomeFailed, "novel")
		}),
		of("no samples", func(_ *rand.Rand, d *disk.Disk) { d.Content.Samples.Count = 0 }),
		of("one reader", func(r *rand.Rand, d *disk.Disk) {
			d.Content.Sources = pick(r, nil, []disk.Source{disk.SourceBlkid}, []disk.Source{disk.SourceBlockdevice})
		}),
		of("a fact is missing", func(r *rand.Rand, d *disk.Disk) {
			d.Problems = append(d.Problems, disk.Problem{Fact: pick(r, "holders", "mounts", ""), Text: pick(r, "denied", "")})
		}),
		of("a twin", func(_ *rand.Rand, d *disk.Disk) { d.Twins = append(d.Twins, "sdz") }),
	}
}

func deviceFlaws() []flaw {
	of := func(name string, change func(*rand.Rand, *disk.Disk)) flaw {
		return flaw{name, func(r *rand.Rand, d *disk.Disk, _ *Context) { change(r, d) }}
	}
	return []flaw{
		of("read-only", func(_ *rand.Rand, d *disk.Disk) { d.ReadOnly = true }),
		of("removable", func(_ *rand.Rand, d *disk.Disk) { d.Removable = true }),
		of("zoned", func(r *rand.Rand, d *disk.Disk) { d.Zoned = pick(r, "host-aware", "host-managed", "novel") }),
		of("too small", func(r *rand.Rand, d *disk.Disk) { d.Hardware.Size = r.Int64N(MinimumSize+1) - 1 }),
		of("no disk", func(r *rand.Rand, d *disk.Disk) {
			d.Kind = pick(r, disk.KindMapped, disk.KindMD, disk.KindBcache, disk.KindRBD, disk.KindNBD, disk.KindDRBD, disk.KindZRAM,
				disk.KindRAM, disk.KindOptical, disk.KindFloppy, disk.KindUBlk, disk.KindOther, "", "novel")
		}),
		of("a loop device that is a volume", func(r *rand.Rand, d *disk.Disk) {
			d.Kind, d.BackingDevice = disk.KindLoop, pick(r, "", "/dev/rbd0")
			served := pick(r, [2]string{"/run/pvc-1", "fuse.seamount"}, [2]string{"/run/pvc-1", "fuseblk"}, [2]string{"/export/a", "nfs4"},
				[2]string{"/var/lib/kubelet/plugins/x", "ext4"}, [2]string{"/dev/rbd0", "devtmpfs"}, [2]string{"/a (deleted)", "ext4"},
				[2]string{"", ""}, [2]string{"/a", ""})
			d.BackingFile, d.BackingFilesystem = served[0], served[1]
		}),
	}
}

// The law: whatever holds a signature, a holder, a mount, an unreadable sector or a sample that is not zero, and
// whatever is not known, is never Usable, together with whatever else.
func TestNothingButAnEmptyDiskIsUsable(t *testing.T) {
	t.Parallel()
	all := flaws()
	for seed := range uint64(20000) {
		r := rand.New(rand.NewPCG(seed, 1))
		d, c := blank(), here()
		if r.IntN(4) == 0 {
			c.Clusters, c.OSDs, c.Unread = nil, nil, "forbidden"
		}
		var names []string
		for range 1 + r.IntN(4) {
			f := pick(r, all...)
			f.apply(r, &d, &c)
			names = append(names, f.name)
		}
		j := Judge(d, c)
		if j.Result == v1alpha1.VerdictUsable || len(j.Reasons) == 0 || j.Usable.Status == "True" {
			t.Fatalf("seed %d: a disk with %v is usable: %+v\n%+v", seed, names, d, j)
		}
		if j.Reasons[0].Message == "" || j.Reasons[0].Remedy == "" {
			t.Fatalf("seed %d: %v: a reason without words: %+v", seed, names, j.Reasons[0])
		}
	}
}

// Each flaw alone is enough, and none of them is needed for the blank disk that they are put on.
func TestEachFlawIsEnough(t *testing.T) {
	t.Parallel()
	if j := Judge(blank(), here()); j.Result != v1alpha1.VerdictUsable || j.Content.Kind != v1alpha1.ContentEmpty {
		t.Fatalf("a blank disk is judged %+v", j)
	}
	for _, f := range flaws() {
		for seed := range uint64(200) {
			r := rand.New(rand.NewPCG(seed, 2))
			d, c := blank(), here()
			f.apply(r, &d, &c)
			if f.name == "too small" && d.Hardware.Size >= MinimumSize {
				continue
			}
			if j := Judge(d, c); j.Result == v1alpha1.VerdictUsable {
				t.Fatalf("%s, seed %d: usable: %+v", f.name, seed, d)
			}
		}
	}
}
