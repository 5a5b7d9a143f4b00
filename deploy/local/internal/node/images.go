package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
	"github.com/seamount-dev/seamount/deploy/local/internal/store"
)

// imageList is the file that records which archives the node's containerd holds.
func (m *Manager) imageList(n int) string { return filepath.Join(m.dir.Node(n), "images.json") }

// Made reports whether any node was made, from the image store that there was then.
func (m *Manager) Made() bool {
	return slices.ContainsFunc(m.cfg.NodeNumbers(), func(n int) bool {
		_, err := os.Stat(m.imageList(n))
		return err == nil
	})
}

// LoadImages loads image archives into node n. An archive that the node has
// already, with the same content, is left out.
func (m *Manager) LoadImages(ctx context.Context, n int, archives ...string) error {
	held, err := store.ReadList(m.imageList(n))
	if err != nil {
		return err
	}
	for _, file := range archives {
		archive, err := store.Identify(file)
		if err != nil {
			return err
		}
		if held.Has(archive) {
			continue
		}
		if err := m.load(ctx, n, file); err != nil {
			return fmt.Errorf("load %s into %s: %w", file, state.NodeName(n), err)
		}
		held = held.With(archive)
		if err := state.WriteJSON(m.imageList(n), held); err != nil {
			return err
		}
	}
	return nil
}

// loadMissing loads what the store holds and the node, made from an earlier
// store, does not. What the node has is not looked for: it may be gone, replaced
// by a newer build of the image.
func (m *Manager) loadMissing(ctx context.Context, n int) error {
	archives, err := m.images.Archives()
	if err != nil {
		return err
	}
	held, err := store.ReadList(m.imageList(n))
	if err != nil {
		return err
	}
	var missing []string
	for _, archive := range archives {
		if !held.Has(archive) {
			missing = append(missing, archive.Path)
		}
	}
	return m.LoadImages(ctx, n, missing...)
}

func (m *Manager) load(ctx context.Context, n int, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // read-only
	var output bytes.Buffer
	argv := append([]string{filepath.Join(boot.BinDir, "ctr")}, store.ImportArgs("-")...)
	status, err := m.Exec(ctx, n, argv, Stdio{In: f, Out: &output, Err: &output})
	if err == nil && status != 0 {
		err = errors.New("ctr: " + string(bytes.TrimSpace(output.Bytes())))
	}
	return err
}
