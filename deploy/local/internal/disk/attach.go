package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// attach makes the loop device of d and its entry in the node's /dev. If the
// number that d had is taken meanwhile, d gets another. It is idempotent.
func (m *Manager) attach(ctx context.Context, d Disk) (Disk, error) {
	file, err := loop.FileAt(m.File(d))
	if err != nil {
		return d, err
	}
	for ctx.Err() == nil {
		attached, err := m.tryAttach(d, file)
		if attached || err != nil {
			return d, err
		}
		if d.Number, err = m.freeNumber(d.Number + 1); err != nil {
			return d, err
		}
		// Saved first, so that a disk is never attached to a device that its
		// record does not name.
		if err := m.save(d); err != nil {
			return d, err
		}
	}
	return d, ctx.Err()
}

// tryAttach is false if the number of d belongs to somebody else.
func (m *Manager) tryAttach(d Disk, file loop.File) (bool, error) {
	device, err := loop.Read(m.sys, d.Number)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m.makeDevice(d, file)
	case err != nil:
		return false, err
	case device.Attached():
		if device.Bytes != d.Bytes {
			return false, nil // foreign, or our own device that was pulled and is still open
		}
		return m.resume(d, file)
	}
	// Unattached: an earlier command of ours was killed here, or it is foreign.
	if e, recorded := m.journal.Get(state.KindLoop, d.Device()); !recorded || e.Facts["disk"] != d.ID {
		return false, nil
	}
	return m.connect(d, file)
}

func (m *Manager) makeDevice(d Disk, file loop.File) (bool, error) {
	if err := m.journal.Plan(m.entry(d, file)); err != nil {
		return false, err
	}
	if err := loop.Add(d.Number); err != nil {
		gone := m.journal.Gone(state.KindLoop, d.Device())
		if errors.Is(err, fs.ErrExist) {
			return false, gone
		}
		return false, errors.Join(err, gone)
	}
	return m.connect(d, file)
}

// connect puts the device file into the node first: whoever waits for the
// kernel's event of the new medium finds the file there.
func (m *Manager) connect(d Disk, file loop.File) (bool, error) {
	if err := m.plug(d); err != nil {
		return false, err
	}
	err := loop.Attach(d.Number, m.File(d))
	if errors.Is(err, unix.EBUSY) { // somebody took it: LOOP_CTL_GET_FREE hands out unattached ones
		return false, errors.Join(m.unplug(d), m.journal.Gone(state.KindLoop, d.Device()))
	}
	if err != nil {
		return false, err
	}
	return true, m.journal.Made(m.entry(d, file))
}

// resume completes what a killed command may have left half done, if the device
// is attached to the disk's file.
func (m *Manager) resume(d Disk, file loop.File) (bool, error) {
	backing, attached, err := loop.Backing(d.Number)
	if err != nil || !attached || backing != file {
		return false, err
	}
	if err := m.plug(d); err != nil {
		return false, err
	}
	return true, m.journal.Made(m.entry(d, file))
}

// plug makes the device file in the node, if it runs.
func (m *Manager) plug(d Disk) error {
	dev, running := m.host.DevDir(d.Node)
	if !running {
		return nil
	}
	device, err := loop.Read(m.sys, d.Number)
	if err != nil {
		return err
	}
	path := filepath.Join(dev, loop.Name(d.Number))
	err = unix.Mknod(path, unix.S_IFBLK|0o660, int(unix.Mkdev(device.Major, device.Minor)))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make %s in %s: %w", d.Device(), state.NodeName(d.Node), err)
	}
	return nil
}

func (m *Manager) unplug(d Disk) error {
	dev, running := m.host.DevDir(d.Node)
	if !running {
		return nil
	}
	err := os.Remove(filepath.Join(dev, loop.Name(d.Number)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s from %s: %w", d.Device(), state.NodeName(d.Node), err)
	}
	return nil
}

// pull takes d out of its node. A device that something still has open stays,
// without a medium, until sweep can remove it.
func (m *Manager) pull(d Disk, keep bool) error {
	if d.Node == 0 {
		return nil
	}
	e, recorded := m.journal.Get(state.KindLoop, d.Device())
	if !recorded || e.Facts["disk"] != d.ID {
		return nil // not attached since the machine started
	}
	number, mine, err := m.owned(e)
	if err != nil {
		return err
	}
	if mine {
		if err := m.takeMedium(d, number, keep); err != nil {
			return err
		}
	}
	if err := m.unplug(d); err != nil {
		return err
	}
	err = m.release(e)
	if errors.Is(err, loop.ErrBusy) {
		m.log.Note("%s is pulled; %s goes when the last process that has it open closes it", d.ID, d.Device())
		return nil
	}
	return err
}

// takeMedium makes further reads and writes fail. The kernel refuses while it
// holds pages of a mounted filesystem; if the content is to go anyway, it can go first.
func (m *Manager) takeMedium(d Disk, number int, keep bool) error {
	err := loop.Pull(number)
	if !errors.Is(err, loop.ErrCached) {
		return err
	}
	if keep || d.Given != "" {
		return fmt.Errorf("%w: unmount it in %s first, or remove the disk without --keep", err, state.NodeName(d.Node))
	}
	if err := os.Truncate(m.File(d), 0); err != nil {
		return fmt.Errorf("empty %s: %w", d.ID, err)
	}
	return loop.Resize(number)
}

// owned reports whether the device of e is still the one that we attached.
func (m *Manager) owned(e state.Entry) (number int, mine bool, err error) {
	number, file, err := deviceOf(e)
	if err != nil {
		return 0, false, err
	}
	backing, attached, err := loop.Backing(number)
	if serverGone(err) { // then the path is all that is left to know the file by
		device, err := loop.Read(m.sys, number)
		return number, device.Attached() && device.Backing == e.Facts["file"], err
	}
	return number, attached && backing == file, err
}

// serverGone says that the program is gone that served a file by FUSE.
func serverGone(err error) bool { return errors.Is(err, unix.ENOTCONN) }

// release lets go of the device of e and removes it. It is loop.ErrBusy while
// something has it open. A device that is attached to another file is not ours.
func (m *Manager) release(e state.Entry) error {
	number, mine, err := m.owned(e)
	if err != nil {
		return err
	}
	if mine {
		if err := loop.Detach(number); err != nil {
			return err
		}
	}
	if device, err := loop.Read(m.sys, number); err == nil && device.Attached() {
		if _, mine, err = m.owned(e); err != nil {
			return err
		}
		if mine {
			return fmt.Errorf("%s: %w", e.Name, loop.ErrBusy)
		}
		return m.journal.Gone(e.Kind, e.Name)
	}
	if err := loop.Remove(number); err != nil {
		return err
	}
	return m.journal.Gone(e.Kind, e.Name)
}

// sweep finishes what was interrupted: it removes devices that no disk in a node
// has any more, and disks that never got their file.
func (m *Manager) sweep() error {
	disks, err := m.List()
	if err != nil {
		return err
	}
	for _, d := range disks {
		if _, err := os.Stat(m.File(d)); errors.Is(err, fs.ErrNotExist) || serverGone(err) {
			if err := m.forget(d); err != nil {
				return err
			}
		}
	}
	for _, e := range m.journal.Entries(state.KindLoop) {
		inUse := slices.ContainsFunc(disks, func(d Disk) bool {
			return d.ID == e.Facts["disk"] && d.Device() == e.Name && d.Node != 0
		})
		if inUse {
			continue
		}
		if err := m.release(e); err != nil && !errors.Is(err, loop.ErrBusy) {
			return err
		}
	}
	return nil
}

// discard undoes an Add that failed.
func (m *Manager) discard(d Disk) error {
	return errors.Join(m.pull(d, false), m.forget(d))
}

// Clear removes every loop device of the cluster's disks; the files stay. The
// nodes must have been stopped: what stands on their disks goes with them. It waits for devices to be closed until ctx ends.
func (m *Manager) Clear(ctx context.Context) error {
	const poll = 50 * time.Millisecond
	tick := time.NewTicker(poll)
	defer tick.Stop()
	stacked := stacked{sys: m.sys, next: time.Now().Add(stackedPause), asked: map[int]bool{}}
	for {
		var busy error
		for _, e := range m.journal.Entries(state.KindLoop) {
			err := m.release(e)
			if err != nil && !errors.Is(err, loop.ErrBusy) {
				return err
			}
			busy = errors.Join(busy, err)
		}
		if busy == nil {
			return nil
		}
		stacked.look(m.journal.Entries(state.KindLoop)) // those that are left are ours, and busy
		select {
		case <-ctx.Done():
			return busy
		case <-tick.C:
		}
	}
}
