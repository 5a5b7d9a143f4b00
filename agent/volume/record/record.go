// Package record keeps what the agent did for each volume of the node, so that an agent that was killed in the middle of
// it knows what to go on with. What is about to be done is recorded first. A record holds for one life of the node: of a
// former one nothing is left but the record.
package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/mounter"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Volume is the record of a volume.
type Volume struct {
	ID   string    `json:"id"`
	Boot host.Boot `json:"boot"`

	FSID   string   `json:"fsid"`
	Mons   []string `json:"mons"`
	Entity string   `json:"entity"`
	// SealedKey is the user's key, which the node's own key opens.
	SealedKey []byte `json:"sealedKey"`
	// Image, or Subvolume of a file volume.
	Image     block.Image        `json:"image,omitzero"`
	Subvolume *mounter.Subvolume `json:"subvolume,omitempty"`

	Mapper  agentv1.Mapper  `json:"mapper,omitempty"`
	Mounter agentv1.Mounter `json:"mounter,omitempty"`
	Access  agentv1.Access  `json:"access"`
	// Filesystem is empty for a raw block device.
	Filesystem string   `json:"filesystem,omitempty"`
	MountFlags []string `json:"mountFlags,omitempty"`
	Staging    string   `json:"staging"`

	// Device is absent until the image is mapped.
	Device *mapper.Device `json:"device,omitempty"`
	// Mount is absent until the subvolume is mounted.
	Mount *mounter.Mount `json:"mount,omitempty"`
	// Lost are former mounts of the subvolume whose process died, as long as a container may have one.
	Lost []disk.Number `json:"lost,omitempty"`
	// Staged says that Stage came to its end.
	Staged bool `json:"staged,omitempty"`
	// Targets are where it is published, or about to be.
	Targets []Target `json:"targets,omitempty"`
}

// Target is a place where a volume is published.
type Target struct {
	Path     string `json:"path"`
	ReadOnly bool   `json:"readOnly,omitempty"`
	Pod      Pod    `json:"pod"`
	// Lost says that the pod's containers may have a mount that is lost.
	Lost bool `json:"lost,omitempty"`
}

// Pod is whom a volume is published for.
type Pod struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`
}

// File says whether it is a file volume.
func (v *Volume) File() bool { return v.Subvolume != nil }

// Name is what of Ceph it is, for people.
func (v *Volume) Name() string {
	if v.File() {
		return v.Subvolume.String()
	}
	return v.Image.String()
}

// Number of its filesystem or device; false before there is one.
func (v *Volume) Number() (disk.Number, bool) {
	switch {
	case v.Mount != nil:
		return v.Mount.Number, true
	case v.Device != nil:
		return v.Device.Number, true
	}
	return disk.Number{}, false
}

// Check refuses names that nothing of Ceph has.
func (v *Volume) Check() error {
	if v.File() {
		return v.Subvolume.Check()
	}
	return v.Image.Check()
}

// Target returns the index of a path among the targets, or -1.
func (v *Volume) Target(path string) int {
	return slices.IndexFunc(v.Targets, func(t Target) bool { return t.Path == path })
}

// Store is a directory of records, one file for each volume.
type Store struct {
	Dir string
	// Boot is the life that the node is in.
	Boot host.Boot
}

// suffix of a record's file. One that is being written has another.
const suffix = ".json"

// maxName is how long the name of a file may be, with room for what is added to it.
const maxName = 200

func (s Store) file(id string) string {
	name := url.PathEscape(id)
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(id))
		name = hex.EncodeToString(sum[:])
	}
	return filepath.Join(s.Dir, name+suffix)
}

// Get returns the record of a volume, nil if there is none of this life of the node.
func (s Store) Get(id string) (*Volume, error) {
	v, err := read(s.file(id))
	if errors.Is(err, fs.ErrNotExist) || err == nil && v.Boot != s.Boot {
		return nil, nil
	}
	return v, err
}

func read(file string) (*Volume, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the record %s: %w", file, err)
	}
	return v, nil
}

func parse(text []byte) (*Volume, error) {
	var v Volume
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	if v.ID == "" || v.FSID == "" || v.Staging == "" {
		return nil, errors.New("it names no volume, no cluster or no staging path")
	}
	return &v, v.Check()
}

// Put writes a record. It is there as a whole or not at all, also after the agent was killed.
func (s Store) Put(v *Volume) error {
	v.Boot = s.Boot
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	file := s.file(v.ID)
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Delete removes a record.
func (s Store) Delete(id string) error {
	err := os.Remove(s.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List returns the records of this life of the node, sorted by volume. Files that cannot be read are an error beside.
func (s Store) List() ([]*Volume, error) {
	var found []*Volume
	var problems []error
	err := s.each(func(file string, v *Volume, err error) {
		if err == nil && v.Boot == s.Boot {
			found = append(found, v)
		}
		problems = append(problems, err)
	})
	slices.SortFunc(found, func(a, b *Volume) int { return strings.Compare(a.ID, b.ID) })
	return found, errors.Join(append(problems, err)...)
}

// Clean removes the records of former lives of the node, and what was never written to its end. It returns the volumes.
func (s Store) Clean() ([]string, error) {
	var former []string
	var problems []error
	err := s.each(func(file string, v *Volume, err error) {
		if err == nil && v.Boot != s.Boot {
			former = append(former, v.ID)
			problems = append(problems, os.Remove(file))
		}
	})
	halves, globErr := filepath.Glob(filepath.Join(s.Dir, "*"+suffix+".new"))
	problems = append(problems, err, globErr)
	for _, file := range halves {
		problems = append(problems, os.Remove(file))
	}
	return former, errors.Join(problems...)
}

func (s Store) each(visit func(file string, v *Volume, err error)) error {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), suffix) {
			continue
		}
		file := filepath.Join(s.Dir, entry.Name())
		v, err := read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		visit(file, v, err)
	}
	return err
}
