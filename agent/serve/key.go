package serve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/agent/nodekey"
)

// loadKey reads the node's key, and makes one if there is none. Keys of Ceph that were sealed to a former one cannot be
// opened any more, so that one that cannot be read is not replaced.
func loadKey(path string) (nodekey.Key, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nodekey.Key{}, err
	}
	key, err := nodekey.ParseKey(raw)
	if err != nil {
		err = fmt.Errorf("%s is damaged: remove it, restart the agent, and then delete the VolumeAttachments of this node: %w", path, err)
	}
	return key, err
}

// makeKey writes a new key, for root alone. It is there as a whole or not at all, also after a power cut.
func makeKey(path string) (nodekey.Key, error) {
	key, err := nodekey.Generate()
	if err != nil {
		return key, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return key, err
	}
	file, err := os.CreateTemp(dir, ".key-") // with mode 0600
	if err != nil {
		return key, err
	}
	_, err = file.Write(key.Bytes())
	if err := errors.Join(err, file.Sync(), file.Close(), os.Rename(file.Name(), path)); err != nil {
		return key, errors.Join(err, os.Remove(file.Name()))
	}
	parent, err := os.Open(dir)
	if err != nil {
		return key, err
	}
	return key, errors.Join(parent.Sync(), parent.Close())
}
