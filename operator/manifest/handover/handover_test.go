package handover

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

func threeMons() Mons {
	return Mons{QuorumRecorded: true, Mons: []Mon{
		{"a", "n1", "10.0.0.1", MonMember}, {"z", "n2", "fd00::2", MonSeed}, {"aa", "n3", "10.0.0.3", MonJoining},
	}}
}

func TestMonsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, mons := range []Mons{{}, threeMons(), {Mons: threeMons().Mons}} {
		got, err := DecodeMons(mons.Data())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mons, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDecodeMonsRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{
		"another word for the quorum": {"quorum": "yes"},
		"no JSON":                     {"b": "b"},
		"two values":                  {"b": `{"name":"b","node":"n","address":"10.0.0.2","state":"Seed"} {}`},
		"a field that is not known":   {"b": `{"name":"b","node":"n","address":"10.0.0.2","state":"Seed","witness":true}`},
		"another name":                {"b": `{"name":"c","node":"n","address":"10.0.0.2","state":"Seed"}`},
		"a name for no file":          {"../b": `{"name":"../b","node":"n","address":"10.0.0.2","state":"Seed"}`},
		"no node":                     {"b": `{"name":"b","address":"10.0.0.2","state":"Seed"}`},
		"a host name":                 {"b": `{"name":"b","node":"n","address":"n","state":"Seed"}`},
		"a state that is not known":   {"b": `{"name":"b","node":"n","address":"10.0.0.2","state":"Gone"}`},
	} {
		data := threeMons().Data()
		maps.Copy(data, change)
		if got, err := DecodeMons(data); err == nil {
			t.Errorf("%s: decoded %+v", name, got)
		}
	}
}

func TestGetAndAddressVector(t *testing.T) {
	t.Parallel()
	if _, found := threeMons().Get("b"); found {
		t.Error("found a mon that is not there")
	}
	var got []string
	for _, name := range []string{"a", "z"} {
		mon, _ := threeMons().Get(name)
		got = append(got, mon.AddressVector())
	}
	want := []string{"[v2:10.0.0.1:3300,v1:10.0.0.1:6789]", "[v2:[fd00::2]:3300,v1:[fd00::2]:6789]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func reservation() Reservation {
	disk := Device{Disk: "wwn-5000", Identity: v1alpha1.DiskIdentity{Source: "WWN", Value: "5000"}, Seal: "sha256:1f", Size: 1 << 40}
	db := disk
	db.Disk, db.Slice, db.Offset, db.Bytes = "eui-00", "5f0e8c9a-0000-4000-8000-000000000002", 3<<20, 200<<30
	return Reservation{
		ID: 12, UUID: "5f0e8c9a-0000-4000-8000-000000000001", FSID: "8b1c0000-0000-4000-8000-000000000000",
		Key: ceph.NewSecret("AQ=="), Data: disk, DB: &db, DeviceClass: "hdd",
	}
}

func TestReservationRoundTrip(t *testing.T) {
	t.Parallel()
	data, err := reservation().Secret()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data[ReservationKey]), "AQ==") {
		t.Error("the key is among the facts")
	}
	got, err := DecodeReservation(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reservation(), got); diff != "" {
		t.Error(diff)
	}
}

func TestReservationRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *Reservation){
		"id":           func(r *Reservation) { r.ID = -1 },
		"uuid":         func(r *Reservation) { r.UUID = "x" },
		"fsid":         func(r *Reservation) { r.FSID = "" },
		"key":          func(r *Reservation) { r.Key = ceph.Secret{} },
		"disk":         func(r *Reservation) { r.Data.Disk = "" },
		"identity":     func(r *Reservation) { r.Data.Identity.Value = "" },
		"seal":         func(r *Reservation) { r.Data.Seal = "" },
		"size":         func(r *Reservation) { r.Data.Size = 0 },
		"seal of DB":   func(r *Reservation) { r.DB.Seal = "" },
		"source of DB": func(r *Reservation) { r.DB.Identity.Source = "" },

		"superseded, no UUID":      func(r *Reservation) { r.DB.Supersedes = "x" },
		"before, nothing after":    func(r *Reservation) { r.DB.Before = []string{r.UUID} },
		"before, no UUID":          func(r *Reservation) { r.DB.Supersedes, r.DB.Before = r.UUID, []string{"x"} },
		"superseded, whole disk":   func(r *Reservation) { r.Data.Supersedes = r.UUID },
		"slice that is no UUID":    func(r *Reservation) { r.DB.Slice = "x" },
		"offset without slice":     func(r *Reservation) { r.Data.Offset = 1 << 20 },
		"slice over the table":     func(r *Reservation) { r.DB.Offset = 0 },
		"slice that is askew":      func(r *Reservation) { r.DB.Offset++ },
		"slice of no size":         func(r *Reservation) { r.DB.Bytes = 0 },
		"slice of an askew size":   func(r *Reservation) { r.DB.Bytes++ },
		"slice over the copy":      func(r *Reservation) { r.DB.Bytes = r.DB.Size - r.DB.Offset },
		"slice beyond the disk":    func(r *Reservation) { r.DB.Offset = r.DB.Size },
		"slice that ends too late": func(r *Reservation) { r.DB.Bytes = 1<<63 - 1<<20 },
	} {
		r := reservation()
		spoil(&r)
		if _, err := r.Secret(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestDecodeReservationRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	data, err := reservation().Secret()
	if err != nil {
		t.Fatal(err)
	}
	data[ReservationKey] = []byte(strings.Replace(string(data[ReservationKey]), "{", `{"encrypt":"LUKS2",`, 1))
	if got, err := DecodeReservation(data); err == nil {
		t.Errorf("decoded %+v without the encryption that was asked for", got)
	}
}

func TestTermination(t *testing.T) {
	t.Parallel()
	refusal := v1alpha1.Refusal{Reason: ReasonDiskChanged, Message: "sdb: size changed", Remedy: "look"}
	got, ok := DecodeTermination(TerminationMessage(refusal))
	if !ok || got != refusal {
		t.Errorf("got %+v, %t", got, ok)
	}
	refusal.Message, refusal.Remedy = strings.Repeat("\"é", 4000), strings.Repeat("\x01", 4000)
	message := TerminationMessage(refusal)
	if len(message) > terminationLimit {
		t.Errorf("%d bytes", len(message))
	}
	if _, ok := DecodeTermination(message); !ok {
		t.Error("a long refusal is not decoded")
	}
	for _, other := range []string{"", "panic: x", "{}", `{"reason":"X"}`, `{"reason":"X","message":"m","more":1}`} {
		if got, ok := DecodeTermination(other); ok {
			t.Errorf("%q: decoded %+v", other, got)
		}
	}
}

func FuzzDecodeMons(f *testing.F) {
	for key, text := range threeMons().Data() {
		f.Add(key, text)
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		mons, err := DecodeMons(map[string]string{key: text})
		if err != nil {
			return
		}
		again, err := DecodeMons(mons.Data())
		if err != nil || !cmp.Equal(mons, again) {
			t.Errorf("%+v became %+v, %v", mons, again, err)
		}
	})
}

func FuzzDecodeReservation(f *testing.F) {
	data, err := reservation().Secret()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[ReservationKey], data[CephxKey])
	f.Fuzz(func(t *testing.T, text, key []byte) {
		r, err := DecodeReservation(map[string][]byte{ReservationKey: text, CephxKey: key})
		if err != nil {
			return
		}
		if printed := fmt.Sprintf("%v %+v %#v", r, r, r); len(r.Key.Reveal()) > 40 && strings.Contains(printed, r.Key.Reveal()) {
			t.Error("the key is printed")
		}
		if _, err := r.Secret(); err != nil {
			t.Errorf("decoded, but not encoded: %v", err)
		}
	})
}

func FuzzDecodeTermination(f *testing.F) {
	f.Add(TerminationMessage(v1alpha1.Refusal{Reason: "X", Message: "m"}))
	f.Fuzz(func(t *testing.T, message string) {
		if r, ok := DecodeTermination(message); ok && (r.Reason == "" || r.Message == "") {
			t.Errorf("an empty refusal: %+v", r)
		}
	})
}

// The table of a disk must never come out differently: the disk would be taken for somebody else's.
func TestTableID(t *testing.T) {
	t.Parallel()
	const fsid = "8b1c0000-0000-4000-8000-000000000000"
	if got, want := TableID(fsid, "wwn-5000"), "ab05baf8-6614-5216-af05-a4ebb125fc1a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if TableID(fsid, "wwn-5000") == TableID(fsid, "wwn-5001") {
		t.Error("two disks have one table")
	}
	if TableID(fsid, "wwn-5000") == TableID("8b1c0000-0000-4000-8000-000000000001", "wwn-5000") {
		t.Error("two clusters have one table")
	}
	if got := TableID("x", "wwn-5000"); got != "" {
		t.Errorf("%s for no cluster", got)
	}
}
