package volume

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/mounter"
	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/agent/volume/record"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// world is a node and its Ceph, as far as the service sees them. It outlives agents.
type world struct {
	mu sync.Mutex
	// offered is what the mapper says of itself; kind is its name.
	support mapper.Support
	mapped  map[block.Image]block.Access
	gone    bool
	health  mapper.Health
	size    int64
	// formatting is the mark on the image, written says that Ceph holds something of it.
	formatting string
	written    bool
	// content is the type of the filesystem on the device, or other words; empty: zeros.
	content string
	// log says that the filesystem's log is to be played back.
	log    bool
	mounts map[string]mountinfo.Mount
	frozen bool
	alive  error
	// done are the calls that changed something.
	done []string
	pins []host.Pin
	busy string
	// serves is the number of the filesystem that a process serves, 0 without one; mounted counts them.
	serves, mounted uint32
	// copies are containers that have a mount.
	copies   []host.Pin
	mountErr error

	key     nodekey.Key
	records record.Store
}

var loop3 = disk.Number{Major: 7, Minor: 3}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := nodekey.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		support: mapper.Support{Offered: true}, mapped: map[block.Image]block.Access{}, size: 1 << 30, mounts: map[string]mountinfo.Mount{},
		key: key, records: record.Store{Dir: t.TempDir(), Boot: host.Boot{ID: "b", Start: 1}},
	}
}

// agent is a service as a process that was just started has it.
func (w *world) agent(t *testing.T) *Service {
	t.Helper()
	id, err := w.key.ID("n1")
	if err != nil {
		t.Fatal(err)
	}
	return &Service{
		ID: id, Key: w.key, Records: w.records, Mappers: []mapper.Mapper{fakeMapper{w}}, Filesystems: fakeFilesystems{w}, Log: logr.Discard(),
		Mounters: []mounter.Mounter{fakeMounter{w}},
		Pins:     func(context.Context, disk.Number) ([]host.Pin, error) { return w.pins, nil },
		Copies:   func(context.Context, string, disk.Number) ([]host.Pin, error) { return w.copies, nil },
	}
}

// did notes a change, and returns what undoes the lock.
func (w *world) did(format string, args ...any) func() {
	w.mu.Lock()
	w.done = append(w.done, fmt.Sprintf(format, args...))
	return w.mu.Unlock
}

func (w *world) request(t *testing.T) *agentv1.StageRequest {
	t.Helper()
	id, err := w.key.ID("n1")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := nodekey.Seal(id, "client.n1", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return &agentv1.StageRequest{
		VolumeId: "ns/c/p/i", Image: &agentv1.Image{Pool: "p", Name: "i"}, Access: agentv1.Access_ACCESS_SINGLE_NODE,
		Connection:  &agentv1.Connection{Fsid: "f", Mons: []string{"10.0.0.1"}, Entity: "client.n1", SealedKey: sealed},
		StagingPath: "/k/staging", Filesystem: &agentv1.Filesystem{},
	}
}

// fakeMapper maps one image.
type fakeMapper struct{ *world }

func (fakeMapper) Kind() agentv1.Mapper                     { return agentv1.Mapper_MAPPER_SEAMOUNT }
func (m fakeMapper) Support(context.Context) mapper.Support { return m.support }

func (m fakeMapper) Map(_ context.Context, v mapper.Volume) (mapper.Device, error) {
	if v.Connection.Key != "secret" {
		return mapper.Device{}, block.Errorf(block.Denied, "wrong key")
	}
	defer m.did("map %s", v.Access)()
	is, there := m.mapped[v.Image]
	switch {
	case there && m.gone:
		return mapper.Device{}, block.Errorf(block.Gone, "it was lost")
	case there && is != v.Access:
		return mapper.Device{}, block.Errorf(block.Mismatch, "it is mapped as %s", is)
	}
	m.mapped[v.Image] = v.Access
	return mapper.Device{Path: "/dev/loop3", Number: loop3, Index: 3, Size: m.size, Formatting: m.formatting}, nil
}

func (m fakeMapper) Mounted(mapper.Device) error { return nil }

func (m fakeMapper) Unmap(_ context.Context, v mapper.Volume, _ mapper.Device) error {
	defer m.did("unmap")()
	for path, mount := range m.mounts {
		if mount.Number == loop3 {
			return fmt.Errorf("still mounted at %s", path)
		}
	}
	m.gone = false
	delete(m.mapped, v.Image)
	return nil
}

func (m fakeMapper) Resize(context.Context, mapper.Volume, mapper.Device) (int64, error) {
	return m.size, nil
}

func (m fakeMapper) SetFormatting(_ context.Context, _ mapper.Volume, name string) error {
	defer m.did("mark %q", name)()
	m.formatting = name
	return nil
}

func (m fakeMapper) Blank(context.Context, mapper.Volume) (bool, error) { return !m.written, nil }

func (m fakeMapper) Health(context.Context, mapper.Volume, mapper.Device) mapper.Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.health
}

// fakeFilesystems are those of the one device.
type fakeFilesystems struct{ *world }

func (f fakeFilesystems) Inspect(context.Context, filesystem.Device) (filesystem.Found, error) {
	switch f.content {
	case "":
		return filesystem.Found{Blank: true}, nil
	case filesystem.XFS, filesystem.Ext4:
		return filesystem.Found{Type: f.content, What: f.content}, nil
	}
	return filesystem.Found{What: f.content}, nil
}

func (f fakeFilesystems) Format(_ context.Context, _ filesystem.Device, name string) error {
	defer f.did("format")()
	if f.formatting == "" {
		return errors.New("formatted without a mark")
	}
	f.content, f.written = name, true
	return nil
}

func (fakeFilesystems) Repair(context.Context, filesystem.Device, string) error      { return nil }
func (fakeFilesystems) GrowOffline(context.Context, filesystem.Device, string) error { return nil }

func (f fakeFilesystems) GrowMounted(_ context.Context, _ filesystem.Device, _, path string) error {
	if _, there := f.mounts[path]; !there {
		return fmt.Errorf("%s is not mounted", path)
	}
	return nil
}

func (f fakeFilesystems) Mount(_ filesystem.Device, name, path string, _ []string, readOnly bool) error {
	defer f.did("mount %t", readOnly)()
	if f.content != name {
		return fmt.Errorf("there is %q on it", f.content)
	}
	if readOnly && f.log {
		return fmt.Errorf("mount: %w", filesystem.ErrLog)
	}
	f.log = false
	f.mounts[path] = mountinfo.Mount{Number: loop3, Point: path, Type: name, Root: "/"}
	return nil
}

func (f fakeFilesystems) Bind(source, target string, readOnly bool) error {
	defer f.did("bind %t", readOnly)()
	m, there := f.mounts[source]
	if below, is := strings.CutPrefix(source, target+"/"); is {
		m, there = f.mounts[target]
		m.Root = "/" + below
	}
	if !there { // the device's node, in another filesystem
		m = mountinfo.Mount{Number: disk.Number{Minor: 6}, Root: "/loop3", Type: "devtmpfs"}
	}
	f.mounts[target] = m
	return nil
}

func (f fakeFilesystems) Remount(string, bool) error { return nil }

func (f fakeFilesystems) Unmount(path string) error {
	defer f.did("unmount")()
	if path == f.busy {
		return fmt.Errorf("unmount %s: %w", path, unix.EBUSY)
	}
	delete(f.mounts, path)
	return nil
}

func (f fakeFilesystems) Detach(path string) error {
	defer f.did("detach %s", path)()
	delete(f.mounts, path)
	return nil
}

func (fakeFilesystems) Remove(string) error { return nil }

func (f fakeFilesystems) Mounted(path string) (mountinfo.Mount, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, there := f.mounts[path]
	if f.frozen {
		m.Super = []string{"emergency_ro"}
	}
	return m, there, nil
}

func (fakeFilesystems) Usage(string) (filesystem.Usage, error) {
	return filesystem.Usage{Bytes: filesystem.Amount{Total: 3, Used: 1, Available: 2}, Inodes: filesystem.Amount{Total: 9}}, nil
}

func (f fakeFilesystems) Alive(string) error { return f.alive }

func (fakeFilesystems) Trim(string) (int64, error) { return 7, nil }
