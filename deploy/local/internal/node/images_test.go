package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
	"github.com/seamount-dev/seamount/deploy/local/internal/store"
)

// TestLoadMissing: a node is started again although the archive of an image that it has was replaced by a newer build; what it lacks is
// looked for.
func TestLoadMissing(t *testing.T) {
	t.Parallel()
	dir := state.Dir(t.TempDir())
	gone := store.Archive{Path: filepath.Join(t.TempDir(), "gone.tar"), Identity: "i1"}
	for name, content := range map[string]any{
		filepath.Join(dir.Store(), "current.json"): map[string]any{"root": "r", "archives": store.List{gone}},
		filepath.Join(dir.Node(1), "images.json"):  store.List{gone},
		filepath.Join(dir.Node(2), "images.json"):  store.List{{Path: gone.Path, Identity: "i0"}},
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := state.WriteJSON(name, content); err != nil {
			t.Fatal(err)
		}
	}
	m := &Manager{dir: dir, images: store.New(dir, build.Artifacts{}, nil, nil)}
	if err := m.loadMissing(t.Context(), 1); err != nil {
		t.Errorf("a node with the image: %v", err)
	}
	if err := m.loadMissing(t.Context(), 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a node without the image: %v, want that its archive is not there", err)
	}
}
