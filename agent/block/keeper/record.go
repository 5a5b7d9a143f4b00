package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/agent/block"
)

// recordVersion is raised by a change that an older keeper would misunderstand.
const recordVersion = 1

// record is what the next keeper needs to know.
type record struct {
	Version int    `json:"version"`
	Node    string `json:"node"`
	// Boot is the kernel's id of this boot: nothing here outlives it.
	Boot string `json:"boot"`
	// Workers that live, by process id.
	Workers map[int]process `json:"workers"`
	// Predecessors are workers that died, the newest last.
	Predecessors []predecessor `json:"predecessors,omitempty"`
	Images       []imageRecord `json:"images"`
	Takeovers    int           `json:"takeovers"`
	LastTakeover int64         `json:"lastTakeover"`
}

// process is a worker.
type process struct {
	PID int `json:"pid"`
	// Start is when it started, in the kernel's ticks since boot: another process of the same number has another.
	Start   uint64 `json:"start"`
	Socket  string `json:"socket"`
	Address string `json:"address"`
	Version string `json:"version"`
}

// predecessor is a worker that died.
type predecessor struct {
	Address string `json:"address"`
	// Intended is written before this keeper fences it: who finds it fenced without that knows that somebody else did.
	Intended bool `json:"intended,omitempty"`
	// Fenced: nothing of it reaches an OSD any more.
	Fenced bool `json:"fenced,omitempty"`
	// Foreign: somebody else fenced it.
	Foreign bool `json:"foreign,omitempty"`
}

// imageRecord is a mapping.
type imageRecord struct {
	block.Mapped
	// ID tells this mapping from an earlier one of the same image.
	ID int64 `json:"id"`
	// Descriptor is its number in the worker, and Worker that one's process id.
	Descriptor int `json:"descriptor"`
	Worker     int `json:"worker"`
	// Address of that worker.
	Address string `json:"address"`
}

// maxPredecessors is how many are remembered of those that are fenced. What they left is found by the images' metadata.
const maxPredecessors = 16

func (r *record) prune() {
	for len(r.Predecessors) > maxPredecessors && r.Predecessors[0].Fenced && !r.uses(r.Predecessors[0].Address) {
		r.Predecessors = r.Predecessors[1:]
	}
}

func (r *record) uses(address string) bool {
	for _, i := range r.Images {
		if i.Address == address {
			return true
		}
	}
	return false
}

// fenced are the addresses of predecessors that are fenced.
func (r *record) fenced() []string {
	var addresses []string
	for _, p := range r.Predecessors {
		if p.Fenced {
			addresses = append(addresses, p.Address)
		}
	}
	return addresses
}

// find returns a predecessor, or nil.
func (r *record) find(address string) *predecessor {
	for i := range r.Predecessors {
		if r.Predecessors[i].Address == address {
			return &r.Predecessors[i]
		}
	}
	return nil
}

// files are the keeper's own.
type files struct{ dir string }

func (f files) control(name string) string { return filepath.Join(f.dir, block.ControlDir, name) }
func (f files) record() string             { return f.control("record.json") }
func (f files) connection() string         { return f.control("connection.json") }

// path is where an image is mapped.
func (f files) path(i block.Image) string { return filepath.Join(f.dir, i.Pool, i.Name) }

// make makes the directories, for root alone.
func (f files) make() error { return os.MkdirAll(f.control(""), 0o700) }

// load reads the record. One of another boot is none.
func (f files) load(node, boot string) (record, error) {
	empty := record{Version: recordVersion, Node: node, Boot: boot, Workers: map[int]process{}}
	var r record
	err := read(f.record(), &r)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return empty, nil
	case err != nil:
		return r, fmt.Errorf("what an earlier keeper wrote cannot be read, and a worker of it may live: unmap everything by hand and remove the file: %w", err)
	case r.Boot != boot:
		return empty, nil
	case r.Version > recordVersion:
		return r, fmt.Errorf("%s is of a newer version: start the newer program", f.record())
	case r.Node != node:
		return r, fmt.Errorf("%s belongs to a keeper of node %q, this is %q", f.record(), r.Node, node)
	}
	return r, nil
}

// loadConnection reads how to reach Ceph; nil when nobody has said.
func (f files) loadConnection() (*block.Connection, error) {
	var c block.Connection
	err := read(f.connection(), &c)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // there may be none
	}
	return &c, err
}

// fencedNote is what a worker leaves that found itself fenced.
func (f files) fencedNote(pid int) string { return f.control(fmt.Sprintf("fenced-%d", pid)) }

// NoteFenced tells the keeper that this worker found itself fenced. Its successor may not be let in to find out.
func NoteFenced(dir string) error { return write(files{dir}.fencedNote(os.Getpid()), struct{}{}) }

// LoadConnection reads how a worker of a directory reaches Ceph.
func LoadConnection(dir string) (block.Connection, error) {
	c, err := files{dir}.loadConnection()
	if err == nil && c == nil {
		err = fmt.Errorf("%s does not exist: a worker is started by its keeper alone", files{dir}.connection())
	}
	if err != nil {
		return block.Connection{}, err
	}
	return *c, nil
}

func read(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// write replaces a file as a whole. It need not survive the end of the boot, so it is not synced.
func write(path string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
