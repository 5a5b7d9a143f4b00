package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Golden is the image store that nodes are made from.
type Golden struct {
	dir state.Dir
	bin build.Artifacts
	log *progress.Reporter
}

// New makes a Golden. It does nothing yet.
func New(dir state.Dir, bin build.Artifacts, _ *state.Journal, log *progress.Reporter) *Golden {
	return &Golden{dir: dir, bin: bin, log: log}
}

// current says what is in the store that new nodes are made from.
type current struct {
	Root     string `json:"root"`
	Archives List   `json:"archives"`
}

func (g *Golden) currentFile() string { return filepath.Join(g.dir.Store(), "current.json") }

func (g *Golden) current() (current, error) {
	var c current
	err := readJSON(g.currentFile(), &c)
	return c, err
}

// Archives are the archives that new nodes hold.
func (g *Golden) Archives() (List, error) {
	c, err := g.current()
	return c.Archives, err
}

// Ensure makes the store hold the given archives. It costs milliseconds if it
// does already, and otherwise unpacks only what no earlier store has; what is not
// given is in the new store no more. A store that was not completed is thrown
// away.
func (g *Golden) Ensure(ctx context.Context, archives []string) error {
	return g.log.Do(ctx, "image store", func(ctx context.Context, step *progress.Step) error {
		var want List
		for _, path := range archives {
			a, err := Identify(path)
			if err != nil {
				return err
			}
			want = want.With(a)
		}
		have, err := g.current()
		if err != nil {
			return err
		}
		if have.Root != "" && extends(want, have.Archives) {
			want = have.Archives
		}
		root := filepath.Join(g.dir.Store(), want.key())
		if have.Root != root {
			if err := g.make(ctx, step, root, have, want); err != nil {
				return err
			}
		}
		if err := state.WriteJSON(g.currentFile(), current{Root: root, Archives: want}); err != nil {
			return err
		}
		return g.prune(root)
	})
}

// prune removes every other store. Nodes have links of their own to the files.
func (g *Golden) prune(root string) error {
	entries, err := os.ReadDir(g.dir.Store())
	if err != nil {
		return fmt.Errorf("list the image stores: %w", err)
	}
	for _, e := range entries {
		if path := filepath.Join(g.dir.Store(), e.Name()); e.IsDir() && path != root {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("remove an old image store: %w", err)
			}
		}
	}
	return nil
}

// make builds the store beside its place and moves it there when it is whole.
func (g *Golden) make(ctx context.Context, step *progress.Step, root string, have current, want List) error {
	if _, err := os.Stat(root); err == nil {
		return nil // an earlier command was killed just before it said so
	}
	work := filepath.Join(g.dir.Store(), "unfinished")
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("remove an unfinished image store: %w", err)
	}
	if err := os.MkdirAll(work, 0o700); err != nil {
		return fmt.Errorf("make the image store: %w", err)
	}
	missing := want
	made := filepath.Join(work, "root")
	if have.Root != "" && extends(have.Archives, want) {
		if err := cloneTree(have.Root, made); err != nil {
			return err
		}
		missing = without(want, have.Archives)
	}
	if err := g.fill(ctx, step, work, made, missing); err != nil {
		return err
	}
	if err := os.Rename(made, root); err != nil {
		return fmt.Errorf("keep the image store: %w", err)
	}
	return nil
}

// extends reports whether want holds all of have: images cannot be taken out.
func extends(have, want List) bool { return len(without(have, want)) == 0 }

func without(all, some List) List {
	var rest List
	for _, a := range all {
		if !some.Has(a) {
			rest = append(rest, a)
		}
	}
	return rest
}

// Clone makes a containerd root for a node, and writes what it holds to list. A
// root that is there already is the node's own and stays as it is.
func (g *Golden) Clone(_ context.Context, to, list string) error {
	if _, err := os.Stat(list); err == nil {
		return nil
	}
	c, err := g.current()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil { // one that was not completed
		return fmt.Errorf("remove an unfinished image store: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make the node's image store: %w", err)
	}
	if c.Root != "" {
		if err := cloneTree(c.Root, to); err != nil {
			return err
		}
	}
	return state.WriteJSON(list, c.Archives)
}

func readJSON(file string, into any) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
