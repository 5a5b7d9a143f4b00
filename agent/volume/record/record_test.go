package record

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/discover/disk"
)

func sample(id string) *Volume {
	return &Volume{
		ID: id, FSID: "f", Mons: []string{"10.0.0.1"}, Entity: "client.n", SealedKey: []byte{1, 2},
		Image: block.Image{Pool: "p", Name: "i"}, Mapper: agentv1.Mapper_MAPPER_SEAMOUNT, Access: agentv1.Access_ACCESS_SINGLE_NODE,
		Filesystem: "xfs", MountFlags: []string{"noatime"}, Staging: "/staging", Staged: true,
		Device:  &mapper.Device{Path: "/dev/loop3", Number: disk.Number{Major: 7, Minor: 3}, Index: 3, Sequence: 9, Size: 1 << 30},
		Targets: []Target{{Path: "/t", ReadOnly: true, Pod: Pod{"ns", "pod", "uid"}}},
	}
}

func TestRecordsAreKept(t *testing.T) {
	t.Parallel()
	s := Store{Dir: filepath.Join(t.TempDir(), "volumes"), Boot: host.Boot{ID: "b", Start: 7}}
	if v, err := s.Get("ns/c/p/i"); v != nil || err != nil {
		t.Fatalf("before there was one: %+v, %v", v, err)
	}
	want := sample("ns/c/p/i")
	if err := s.Put(want); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(want.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	info, err := os.Stat(s.file(want.ID))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v, %v", info.Mode(), err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 || list[0].ID != want.ID {
		t.Errorf("listed %v, %v", list, err)
	}
	if err := s.Delete(want.ID); err != nil {
		t.Error(err)
	}
	if err := s.Delete(want.ID); err != nil {
		t.Errorf("deleted again: %v", err)
	}
	if v, err := s.Get(want.ID); v != nil || err != nil {
		t.Errorf("after it was deleted: %+v, %v", v, err)
	}
}

func TestRecordsOfAFormerLife(t *testing.T) {
	t.Parallel()
	former := Store{Dir: t.TempDir(), Boot: host.Boot{ID: "b", Start: 7}}
	now := Store{Dir: former.Dir, Boot: host.Boot{ID: "b", Start: 8}}
	for store, id := range map[*Store]string{&former: "old", &now: "new"} {
		if err := store.Put(sample(id)); err != nil {
			t.Fatal(err)
		}
	}
	half, damaged := now.file("half")+".new", now.file("damaged")
	for _, file := range []string{half, damaged} {
		if err := os.WriteFile(file, []byte(`{"id":`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := now.Get("old"); v != nil || err != nil {
		t.Errorf("the former record: %+v, %v", v, err)
	}
	if list, err := now.List(); err == nil || len(list) != 1 || list[0].ID != "new" {
		t.Errorf("listed %v, %v; want the new one, and an error about the damaged one", list, err)
	}
	cleaned, err := now.Clean()
	if diff := cmp.Diff([]string{"old"}, cleaned); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for file, there := range map[string]bool{now.file("old"): false, now.file("new"): true, half: false, damaged: true} {
		if _, err := os.Stat(file); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", file, err, there)
		}
	}
	if _, err := now.Get("damaged"); err == nil {
		t.Error("a damaged record was read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"v","fsid":"f","staging":"/s","image":{"pool":"p","name":"i"}}`))
	f.Add([]byte(`{"id":"v","fsid":"f","staging":"/s","image":{"pool":"..","name":"i"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parse(text)
		if err == nil && (v.ID == "" || v.Image.Check() != nil) {
			t.Fatalf("accepted %+v", v)
		}
	})
}
