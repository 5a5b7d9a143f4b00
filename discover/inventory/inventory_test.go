package inventory

import (
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// found is a disk with the name that it gets.
type found struct {
	Object   string
	Identity string
	disk.Disk
}

// What is read of each node in testdata is beside it.
func TestRead(t *testing.T) {
	t.Parallel()
	trees, err := filepath.Glob("testdata/*.tree")
	if err != nil || len(trees) == 0 {
		t.Fatal("no trees: ", err)
	}
	for _, tree := range trees {
		t.Run(strings.TrimSuffix(filepath.Base(tree), ".tree"), func(t *testing.T) {
			t.Parallel()
			var all []found
			for _, d := range read(t, content(t, tree)) {
				name, id := identity.Of(d, "n1")
				all = append(all, found{name, string(id.Source) + " " + id.Value, d})
			}
			golden(t, strings.TrimSuffix(tree, ".tree")+".golden.json", all)
		})
	}
}

func content(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func golden(t *testing.T, name string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(content(t, name), string(got)); diff != "" {
		t.Error(diff)
	}
}

// The machine of the test is read without an error, whatever it is and whoever runs the test.
func TestReadHere(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/sys/block"); err != nil {
		t.Skip("no Linux:", err)
	}
	disks, err := Reader{}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range disks {
		if d.Name == "" || d.Kind == "" || d.Number == (disk.Number{}) && len(d.Problems) == 0 {
			t.Errorf("nothing is known of %+v", d)
		}
	}
}

// A node whose devices cannot be listed is no node without disks.
func TestReadNothing(t *testing.T) {
	t.Parallel()
	for name, tree := range map[string]string{"no sysfs": "proc/1/comm = init", "no access": "sys/block ! EACCES"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, err := reader(t, tree).Read(t.Context())
			if err == nil || disks != nil {
				t.Errorf("got %v, %v", disks, err)
			}
		})
	}
}

// Whatever single file of a node cannot be read, the others' disks are all there, and the disk that it is about is either
// as before or has a problem.
func TestReadOneUnreadable(t *testing.T) {
	t.Parallel()
	for _, tree := range []string{"server", "nvme", "virtual-machine", "kubernetes"} {
		t.Run(tree, func(t *testing.T) {
			t.Parallel()
			text := content(t, "testdata/"+tree+".tree")
			before := read(t, text)
			whole := load(t, text)
			root := whole.unpack(t)
			for _, name := range whole.facts() {
				broken := load(t, text)
				broken.dir = "."
				if err := broken.fail(name, "EIO"); err != nil {
					t.Fatal(err)
				}
				after, err := Reader{Root: root, FS: broken}.Read(t.Context())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				compare(t, name, before, after)
			}
		})
	}
}

// facts are names of files that something is read from: one of each kind.
func (c captured) facts() []string {
	kinds := map[string]string{}
	for name, file := range c.files {
		if file.Mode&fs.ModeSymlink != 0 || file.Mode.IsDir() || !strings.HasPrefix(name, "sys/") && !strings.HasPrefix(name, "proc/") {
			continue
		}
		kind := filepath.Base(name)
		if c.files[filepath.Dir(name)+"/partition"] != nil {
			kind = "partition's " + kind
		}
		if kinds[kind] == "" || name < kinds[kind] {
			kinds[kind] = name
		}
	}
	return slices.Sorted(maps.Values(kinds))
}

// compare refuses a disk that lost a fact and does not say so.
func compare(t *testing.T, broken string, before, after []disk.Disk) {
	t.Helper()
	now := map[string]disk.Disk{}
	for _, d := range after {
		now[d.Name] = d
	}
	for _, was := range before {
		is, there := now[was.Name]
		if !there {
			t.Errorf("without %s, %s is not found", broken, was.Name)
			continue
		}
		if len(is.Problems) > len(was.Problems) || shown(broken) {
			continue
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("without %s, %s is another: %s", broken, was.Name, diff)
		}
	}
}

// shown says whether a file holds what is only shown, and decides nothing.
func shown(name string) bool {
	return strings.HasSuffix(name, "dm/name") || strings.HasSuffix(name, "queue/discard_max_bytes")
}
