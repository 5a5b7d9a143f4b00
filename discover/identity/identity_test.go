package identity

import (
	"regexp"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

func plain(h disk.Hardware, unread ...string) disk.Disk {
	d := disk.Disk{Name: "sdb", Kind: disk.KindPlain, Hardware: h}
	for _, fact := range unread {
		d.Problems = append(d.Problems, disk.Problem{Fact: fact, Text: "input/output error"})
	}
	return d
}

func loop(file string) disk.Disk {
	return disk.Disk{Name: "loop1000", Kind: disk.KindLoop, BackingFile: file}
}

func TestOf(t *testing.T) {
	t.Parallel()
	const slot, table = "pci-0000:00:03.0", "5B7A1C3E-1111-4222-8333-444455556666"
	for name, tt := range map[string]struct {
		disk  disk.Disk
		name  string
		from  v1alpha1.IdentitySource
		value string
	}{
		"all of it": {plain(disk.Hardware{WWN: "5000c50093282dee", EUI: "1", Serial: "2", Slot: slot, PartitionTableID: table}),
			"wwn-5000c50093282dee", v1alpha1.IdentityWWN, "5000c50093282dee"},
		"NVMe": {plain(disk.Hardware{EUI: "0025385b71b0a1c2", Serial: "S64"}),
			"eui-0025385b71b0a1c2", v1alpha1.IdentityEUI, "0025385b71b0a1c2"},
		"model and serial": {plain(disk.Hardware{Model: "ST16000NM002G", Serial: "ZL2ABCDE", Slot: slot}),
			"sn-st16000nm002g-zl2abcde", v1alpha1.IdentitySerial, "ZL2ABCDE"},
		"no model": {plain(disk.Hardware{Transport: v1alpha1.TransportVirtio, Serial: "data-1"}),
			"sn-virtio-data-1", v1alpha1.IdentitySerial, "data-1"},
		"cleaned characters add a hash": {plain(disk.Hardware{Model: "Ultra Fit", Serial: "a_b"}),
			"sn-ultra-fit-a-b-25bcff71", v1alpha1.IdentitySerial, "a_b"},
		"one digit": {plain(disk.Hardware{Model: "disk", Serial: "1"}), "sn-disk-1", v1alpha1.IdentitySerial, "1"},
		"only zeros are no identity": {plain(disk.Hardware{WWN: "0000000000000000", Serial: "0000", Slot: slot}),
			"path-n1-4012a77f3b36", v1alpha1.IdentityLocation, slot},
		"a slot before a partition table, which comes and goes": {plain(disk.Hardware{Slot: slot, PartitionTableID: table}),
			"path-n1-4012a77f3b36", v1alpha1.IdentityLocation, slot},
		"nothing but a partition table": {plain(disk.Hardware{PartitionTableID: table}),
			"ptuuid-5b7a1c3e-1111-4222-8333-444455556666", v1alpha1.IdentityPartitionTable, table},
		"nothing":        {plain(disk.Hardware{}), "", "", ""},
		"a name alone":   {disk.Disk{Name: "nullb0", Kind: disk.KindOther}, "path-n1-c17c8e9952d2", v1alpha1.IdentityLocation, "virtual-nullb0"},
		"a loop device":  {loop("/srv/a.img"), "loop-n1-2b6011ba5d56", v1alpha1.IdentityBackingFile, "/srv/a.img"},
		"its file went":  {loop("/srv/a.img (deleted)"), "loop-n1-2b6011ba5d56", v1alpha1.IdentityBackingFile, "/srv/a.img"},
		"no WWN was got": {plain(disk.Hardware{Serial: "2", Slot: slot}, FactWWN), "", "", ""},
		"no serial was got, but there is better": {plain(disk.Hardware{WWN: "5000c50093282dee"}, FactSerial, FactLocation),
			"wwn-5000c50093282dee", v1alpha1.IdentityWWN, "5000c50093282dee"},
		"no serial was got": {plain(disk.Hardware{Slot: slot}, FactSerial), "", "", ""},
		"no EUI was got":    {plain(disk.Hardware{Serial: "2"}, FactEUI), "", "", ""},
		"no place was got":  {plain(disk.Hardware{PartitionTableID: table}, FactLocation), "", "", ""},
		"another fact":      {plain(disk.Hardware{Slot: slot}, "holders"), "path-n1-4012a77f3b36", v1alpha1.IdentityLocation, slot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object, id := Of(tt.disk, "n1")
			if object != tt.name || id.Source != tt.from || id.Value != tt.value {
				t.Errorf("got %q, %+v", object, id)
			}
		})
	}
}

// A disk that moves, is renamed by the kernel, partitioned or wiped stays the same; what is known by its place alone is
// another disk on another node.
func TestOfStays(t *testing.T) {
	t.Parallel()
	d := plain(disk.Hardware{Model: "M", Serial: "S", Slot: "pci-1", Path: "pci-1"})
	moved := plain(disk.Hardware{Model: "M", Serial: "S", Slot: "pci-2", Path: "pci-2", PartitionTableID: "0f1e"})
	moved.Name, moved.BootID, moved.Sequence = "sdz", "another", 99
	before, _ := Of(d, "n1")
	if after, _ := Of(moved, "n2"); after != before {
		t.Errorf("%s became %s", before, after)
	}
	here, _ := Of(plain(disk.Hardware{Slot: "pci-1"}), "n1")
	if there, _ := Of(plain(disk.Hardware{Slot: "pci-1"}), "n2"); there == here {
		t.Errorf("%s on two nodes", here)
	}
}

// What is lost in cleaning does not make two disks one.
func TestClean(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	for _, id := range []string{"a b", "a_b", "a-b", "a/b", "a..b", "a_-b", "a_.b", "_a-b_", "ä-b", "", "_", strings.Repeat("x", 500),
		strings.Repeat("x", 501)} {
		name := "sn-" + clean(id)
		if other, seen := names[name]; seen && id != "" {
			t.Errorf("%q and %q are both %s", id, other, name)
		}
		names[name] = id
	}
}

// dns is what Kubernetes takes for the name of an object.
var dns = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// Whatever a disk says of itself, its object gets a name that the API server takes.
func FuzzOf(f *testing.F) {
	f.Add("5000c50093282dee", "", "ST16000NM002G", "ZL2ABCDE", "n1", "/srv/a.img")
	f.Add("", "", "a.-b", "..", "node.example", strings.Repeat("x", 4096))
	f.Fuzz(func(t *testing.T, wwn, eui, model, serial, slot, file string) {
		hardware := disk.Hardware{WWN: wwn, EUI: eui, Model: model, Serial: serial, Slot: slot, PartitionTableID: file}
		for _, d := range []disk.Disk{plain(hardware), loop(file)} {
			name, id := Of(d, strings.Repeat("n", 253))
			if name == "" && id == (v1alpha1.DiskIdentity{}) && d.Kind == disk.KindPlain && slot+file == "" {
				continue // nothing is known of it
			}
			if len(name) > 253 || !dns.MatchString(name) {
				t.Errorf("%q is no name", name)
			}
			if len(id.Value) > 253 || id.Source == "" {
				t.Errorf("no identity: %+v", id)
			}
		}
	})
}
