package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Host tells of the nodes that disks are put into.
type Host interface {
	// DevDir is the /dev of node n as a path on the machine; false if the node
	// does not run.
	DevDir(n int) (string, bool)
}

// Manager makes and removes the disks of one cluster.
type Manager struct {
	dir     state.Dir
	journal *state.Journal
	log     *progress.Reporter
	host    Host
	sys     fs.FS
	// mu: nodes start at the same time, and numbers are chosen by looking.
	mu sync.Mutex
}

// New makes a Manager. It does nothing yet.
func New(dir state.Dir, journal *state.Journal, log *progress.Reporter, host Host) *Manager {
	return &Manager{dir: dir, journal: journal, log: log, host: host, sys: os.DirFS("/sys")}
}

// Add makes an empty disk and puts it into node n, at once if the node runs. On
// an error nothing is left.
func (m *Manager) Add(ctx context.Context, n int, bytes int64) (Disk, error) {
	return m.add(ctx, Disk{Node: n, Bytes: bytes})
}

// AddFile is Add for a file that somebody else made and keeps, with what is on it.
func (m *Manager) AddFile(ctx context.Context, n int, file string) (Disk, error) {
	file, err := filepath.Abs(file)
	if err == nil {
		file, err = filepath.EvalSymlinks(file)
	}
	if err != nil {
		return Disk{}, fmt.Errorf("make a disk of a file: %w", err)
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return Disk{}, fmt.Errorf("make a disk of a file: %w", err)
	case !info.Mode().IsRegular() || info.Size() < MinBytes || info.Size()%sector != 0:
		return Disk{}, fmt.Errorf("%s cannot be a disk: name a regular file of at least %s, in sectors of %d bytes", file, FormatSize(MinBytes), sector)
	}
	return m.add(ctx, Disk{Node: n, Bytes: info.Size(), Given: file})
}

// sector is what the size of a disk is a multiple of.
const sector = 512

func (m *Manager) add(ctx context.Context, d Disk) (Disk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.sweep(); err != nil {
		return Disk{}, err
	}
	d, err := m.create(d)
	if err != nil {
		return Disk{}, err
	}
	if d, err = m.attach(ctx, d); err != nil {
		return Disk{}, errors.Join(err, m.discard(d))
	}
	m.warnIfScarce(d)
	return d, nil
}

// Insert puts a disk that was pulled and kept into node n, with what is on it.
func (m *Manager) Insert(ctx context.Context, n int, name string) (Disk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.Find(name)
	if err != nil {
		return Disk{}, err
	}
	if d.Node == n {
		return d, nil
	}
	if d.Node != 0 {
		return Disk{}, fmt.Errorf("%s is in %s: pull it first (`disk remove --keep %s`)", d.ID, state.NodeName(d.Node), d.ID)
	}
	if err := m.sweep(); err != nil {
		return Disk{}, err
	}
	d.Node = n
	if err := m.save(d); err != nil {
		return Disk{}, err
	}
	return m.attach(ctx, d)
}

// Remove pulls a disk out of its node, at once if the node runs: what has it open
// gets errors. Unless keep is set, it is deleted. It is idempotent for a kept disk.
func (m *Manager) Remove(_ context.Context, name string, keep bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.Find(name)
	if err != nil {
		return err
	}
	if err := m.pull(d, keep); err != nil {
		return err
	}
	if !keep {
		return m.forget(d)
	}
	d.Node = 0
	return m.save(d)
}

// Reattach attaches the disks of node n that are not, as after a restart of the
// machine, and returns all of them.
func (m *Manager) Reattach(ctx context.Context, n int) ([]Disk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.sweep(); err != nil {
		return nil, err
	}
	disks, err := m.List()
	if err != nil {
		return nil, err
	}
	var own []Disk
	for _, d := range disks {
		if d.Node != n {
			continue
		}
		if d, err = m.attach(ctx, d); err != nil {
			return nil, err
		}
		own = append(own, d)
	}
	return own, nil
}

// create makes the record and then the file, unless it was given: a file without a
// record would be nobody's.
func (m *Manager) create(d Disk) (Disk, error) {
	number, err := m.freeNumber(FirstNumber)
	if err != nil {
		return Disk{}, err
	}
	d.ID, d.Number = diskID(number), number
	if err := m.save(d); err != nil || d.Given != "" {
		return d, err
	}
	f, err := os.OpenFile(m.File(d), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(f.Truncate(d.Bytes), f.Close())
	}
	if err != nil {
		return Disk{}, errors.Join(fmt.Errorf("make a disk of %s: %w", FormatSize(d.Bytes), err), m.forget(d))
	}
	return d, nil
}

// warnIfScarce: a sparse file takes room only as it is written.
func (m *Manager) warnIfScarce(d Disk) {
	if d.Given != "" {
		return // who gave it knows where it lies
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(m.dir.Disks(), &fs); err != nil {
		return // a warning less
	}
	if free := int64(fs.Bavail) * fs.Bsize; free < d.Bytes {
		m.log.Note("%s is larger than what is free below %s (%d MiB): writing more than that to it will fail", d.ID, m.dir.Disks(), free>>20)
	}
}

// freeNumber is the lowest number from first on that no loop device has and no
// disk, as its device or in its ID.
func (m *Manager) freeNumber(first int) (int, error) {
	devices, err := loop.List(m.sys)
	if err != nil {
		return 0, err
	}
	disks, err := m.List()
	if err != nil {
		return 0, err
	}
	return chooseNumber(first, devices, disks)
}

// maxNumber is the highest minor number there is (20 bits).
const maxNumber = 1<<20 - 1

func chooseNumber(first int, devices []loop.Device, disks []Disk) (int, error) {
	taken := map[int]bool{}
	for _, d := range devices {
		taken[d.Number] = true
	}
	ids := map[string]bool{}
	for _, d := range disks {
		taken[d.Number], ids[d.ID] = true, true
	}
	for number := first; number <= maxNumber; number++ {
		if !taken[number] && !ids[diskID(number)] {
			return number, nil
		}
	}
	return 0, fmt.Errorf("the machine is out of loop devices: all numbers from %d to %d are taken", first, maxNumber)
}
