package erase

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func id(n int) string { return uuid.NewSHA1(uuid.Nil, []byte{byte(n)}).String() }

const mib = 1 << 20

// request is for a disk that is cut into one slice, of an OSD of cluster 1.
func request() v1alpha1.DiskRequest {
	return v1alpha1.DiskRequest{
		Action: v1alpha1.DiskActionErase, Table: id(3),
		Slices: []v1alpha1.DiskSlice{{UUID: id(4), Role: v1alpha1.OSDRoleData, Offset: mib, Size: 10 * mib}},
		Erase:  &v1alpha1.DiskErase{Mode: v1alpha1.EraseSignatures, FSID: id(1), OSDs: []string{id(2)}},
	}
}

func mustOrder(t *testing.T, name string, r v1alpha1.DiskRequest) Order {
	t.Helper()
	o, err := OrderOf(name, v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: name}, r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func table(guid string, entries ...disk.TableEntry) *disk.Table {
	return &disk.Table{ID: guid, Partitions: entries}
}

func ourSlice() disk.TableEntry {
	return disk.TableEntry{Number: 1, Type: gpt.SliceType.String(), UUID: id(4), Name: "osd.1 data", Offset: mib, Size: 10 * mib}
}

func ourLabel(device string, offset int64) disk.Label {
	return disk.Label{Device: device, Offset: offset, OSDUUID: id(2), FSID: id(1), OSDID: 1, Valid: true, Ready: true}
}

// What belongs to the OSDs that are named, and what is nobody's, passes; the seal says the rest.
func TestOwners(t *testing.T) {
	t.Parallel()
	inData := ourLabel("sdb", 1<<30)
	inData.OSDUUID = id(9)
	db := ourLabel("sdb1", 0)
	db.FSID = ""
	for name, found := range map[string]disk.Content{
		"nothing":                             {},
		"our OSD":                             {Labels: []disk.Label{ourLabel("sdb", 0), ourLabel("sdb", 1<<30)}},
		"our OSD without its first label":     {Labels: []disk.Label{ourLabel("sdb", 1<<30)}},
		"what looks like a label in data":     {Labels: []disk.Label{ourLabel("sdb", 0), inData}},
		"our slice":                           {Table: table(id(3), ourSlice()), Labels: []disk.Label{ourLabel("sdb1", 0)}},
		"our slice with a DB":                 {Table: table(id(3), ourSlice()), Labels: []disk.Label{db}},
		"our table without slices":            {Table: table(id(3))},
		"our table in the other way to write": {Table: table(strings.ToUpper(id(3)))},
	} {
		if err := mustOrder(t, "wwn-1", request()).checkOwners("sdb", found); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	anybodys := table(id(7), disk.TableEntry{Number: 1, Type: id(8), UUID: id(9)})
	bare := v1alpha1.DiskRequest{Erase: &v1alpha1.DiskErase{Mode: v1alpha1.EraseFull}}
	if err := mustOrder(t, "wwn-1", bare).checkOwners("sdb", disk.Content{Table: anybodys}); err != nil {
		t.Errorf("anybody's table: %v", err)
	}
}

// Each OSD and slice that is not named is refused, with its reason and a remedy.
func TestForeignOwners(t *testing.T) {
	t.Parallel()
	label := func(change func(l *disk.Label)) disk.Content {
		l := ourLabel("sdb", 0)
		change(&l)
		return disk.Content{Labels: []disk.Label{l}}
	}
	slice := func(change func(p *disk.TableEntry)) disk.Content {
		p := ourSlice()
		change(&p)
		return disk.Content{Table: table(id(3), ourSlice(), p)}
	}
	for name, c := range map[string]struct {
		found  disk.Content
		reason string
	}{
		"another OSD":          {label(func(l *disk.Label) { l.OSDUUID = id(9) }), handover.ReasonForeignOSD},
		"another cluster":      {label(func(l *disk.Label) { l.FSID = id(9) }), handover.ReasonForeignOSD},
		"a label without uuid": {label(func(l *disk.Label) { l.OSDUUID = "" }), handover.ReasonForeignOSD},
		"a damaged label":      {label(func(l *disk.Label) { l.Valid = false }), handover.ReasonLabelBroken},
		"an OSD in a slice": {disk.Content{Table: table(id(3), ourSlice()), Labels: []disk.Label{
			ourLabel("sdb", 0), {Device: "sdb1", OSDUUID: id(9), Valid: true}}}, handover.ReasonForeignOSD},
		"another table":                {disk.Content{Table: table(id(9), ourSlice())}, handover.ReasonDiskChanged},
		"a slice more":                 {slice(func(p *disk.TableEntry) { p.UUID = id(9) }), handover.ReasonForeignOSD},
		"a slice at another place":     {slice(func(p *disk.TableEntry) { p.Offset += mib }), handover.ReasonForeignOSD},
		"a slice of another size":      {slice(func(p *disk.TableEntry) { p.Size += mib }), handover.ReasonForeignOSD},
		"a partition that is no slice": {slice(func(p *disk.TableEntry) { p.Type = id(9) }), handover.ReasonForeignOSD},
	} {
		err := mustOrder(t, "wwn-1", request()).checkOwners("sdb", c.found)
		var refused *refusal.Error
		if !errors.As(err, &refused) || refused.Passing || refused.Refusal.Reason != c.reason || refused.Refusal.Remedy == "" {
			t.Errorf("%s: %v; want %s", name, err, c.reason)
		}
	}
	bare := v1alpha1.DiskRequest{Erase: &v1alpha1.DiskErase{Mode: v1alpha1.EraseFull}}
	for name, found := range map[string]disk.Content{
		"an OSD": {Labels: []disk.Label{ourLabel("sdb", 0)}}, "slices": {Table: table(id(3), ourSlice())},
		"a label that says nothing": {Labels: []disk.Label{{Device: "sdb", Valid: true, OSDID: -1}}},
	} {
		if err := mustOrder(t, "wwn-1", bare).checkOwners("sdb", found); err == nil {
			t.Errorf("%s is erased by a request that names nothing", name)
		}
	}
}

// A table that a request does not name is somebody's who put it on an OSD's disk, if the disk is an OSD as a whole: the seal is the
// same with it and without it. That of a disk with a foreign OSD in a partition is what is to be wiped.
func TestTableBesideAnOSD(t *testing.T) {
	t.Parallel()
	somebodys := table(id(7), disk.TableEntry{Number: 1, Type: id(8), UUID: id(9)})
	whole := request()
	whole.Table, whole.Slices = "", nil
	for name, c := range map[string]struct {
		found   disk.Content
		refused bool
	}{
		"no table":                 {disk.Content{Labels: []disk.Label{ourLabel("sdb", 0)}}, false},
		"a table, and the label":   {disk.Content{Table: somebodys, Labels: []disk.Label{ourLabel("sdb", 0)}}, true},
		"a table, and a copy":      {disk.Content{Table: somebodys, Labels: []disk.Label{ourLabel("sdb", 1<<30)}}, true},
		"a table without entries":  {disk.Content{Table: table(id(7)), Labels: []disk.Label{ourLabel("sdb", 1<<30)}}, true},
		"an OSD in its partition":  {disk.Content{Table: somebodys, Labels: []disk.Label{ourLabel("sdb1", 0)}}, false},
		"a table, and no OSD left": {disk.Content{Table: somebodys}, false}, // which the seal tells
	} {
		err := mustOrder(t, "wwn-1", whole).checkOwners("sdb", c.found)
		var refused *refusal.Error
		if errors.As(err, &refused) != c.refused || (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		if c.refused && (refused.Passing || refused.Refusal.Reason != handover.ReasonDiskChanged || refused.Refusal.Remedy == "") {
			t.Errorf("%s: %+v", name, refused)
		}
	}
}

// An order is recognised again whatever the request's number, mode, seal and order of OSDs are, and never on another disk.
func TestTarget(t *testing.T) {
	t.Parallel()
	two := request()
	two.Erase.OSDs = []string{id(2), id(5)}
	again := *two.DeepCopy()
	again.ID, again.Seal, again.Erase.Mode = "another", "another", v1alpha1.EraseFull
	again.Erase.OSDs = []string{strings.ToUpper(id(5)), id(2)}
	want := mustOrder(t, "wwn-1", two).Target
	if got := mustOrder(t, "wwn-1", again).Target; got != want {
		t.Error("the same request is not recognised")
	}
	if got := mustOrder(t, "wwn-2", two).Target; got == want {
		t.Error("another disk is taken for it")
	}
	for name, change := range map[string]func(r *v1alpha1.DiskRequest){
		"cluster": func(r *v1alpha1.DiskRequest) { r.Erase.FSID = id(9) },
		"OSDs":    func(r *v1alpha1.DiskRequest) { r.Erase.OSDs = r.Erase.OSDs[:1] },
		"table":   func(r *v1alpha1.DiskRequest) { r.Table = id(9) },
	} {
		r := *two.DeepCopy()
		if change(&r); mustOrder(t, "wwn-1", r).Target == want {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

func TestOrderOf(t *testing.T) {
	t.Parallel()
	got := mustOrder(t, "wwn-1", request())
	want := []gpt.Partition{{Type: gpt.SliceType, UUID: uuid.MustParse(id(4)), Offset: mib, Size: 10 * mib}}
	if diff := cmp.Diff(want, got.Slices); diff != "" || got.Full || got.FSID != id(1) || got.Table != id(3) {
		t.Errorf("%+v %s", got, diff)
	}
	for name, spoil := range map[string]func(r *v1alpha1.DiskRequest){
		"nothing to erase": func(r *v1alpha1.DiskRequest) { r.Erase = nil },
		"no mode":          func(r *v1alpha1.DiskRequest) { r.Erase.Mode = "" },
		"mode None":        func(r *v1alpha1.DiskRequest) { r.Erase.Mode = v1alpha1.EraseNone },
		"an fsid":          func(r *v1alpha1.DiskRequest) { r.Erase.FSID = "x" },
		"an OSD":           func(r *v1alpha1.DiskRequest) { r.Erase.OSDs = []string{uuid.Nil.String()} },
		"a table":          func(r *v1alpha1.DiskRequest) { r.Table = "x" },
		"a slice":          func(r *v1alpha1.DiskRequest) { r.Slices[0].UUID = "x" },
		"a slice's place":  func(r *v1alpha1.DiskRequest) { r.Slices[0].Offset = -mib },
		"an empty slice":   func(r *v1alpha1.DiskRequest) { r.Slices[0].Size = 0 },
	} {
		r := request()
		spoil(&r)
		if got, err := OrderOf("wwn-1", v1alpha1.DiskIdentity{}, r); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

// What is no disk of its own, is in use or is not known well enough is refused before it is opened.
func TestCheckDevice(t *testing.T) {
	t.Parallel()
	wwn := v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN}
	fine := disk.Disk{Name: "sdb", Kind: disk.KindPlain, Zoned: "none"}
	if err := checkDevice(fine, wwn); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change  func(d *disk.Disk)
		id      v1alpha1.IdentitySource
		passing bool
	}{
		"known by its content": {func(*disk.Disk) {}, v1alpha1.IdentityPartitionTable, false},
		"a mapped volume":      {func(d *disk.Disk) { d.Kind = disk.KindRBD }, "", false},
		"no kind":              {func(d *disk.Disk) { d.Kind = "" }, "", false},
		"read-only":            {func(d *disk.Disk) { d.ReadOnly = true }, "", false},
		"zoned":                {func(d *disk.Disk) { d.Zoned = "host-managed" }, "", false},
		"mounted":              {func(d *disk.Disk) { d.Uses = []disk.Use{{Kind: disk.UseMount, Device: "sdb1", By: "/data"}} }, "", true},
		"not known":            {func(d *disk.Disk) { d.Problems = []disk.Problem{{Fact: "holders", Text: "denied"}} }, "", true},
	} {
		d := fine
		c.change(&d)
		err := checkDevice(d, v1alpha1.DiskIdentity{Source: c.id})
		var refused *refusal.Error
		if !errors.As(err, &refused) || refused.Passing != c.passing || refused.Refusal.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
