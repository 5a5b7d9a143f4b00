package disk

import (
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// stacked detaches the loop devices that a process of a node attached to a file in a filesystem on one of its disks. Such a
// device keeps the filesystem, and with it the disk, when all processes and mounts of the node are gone; and the node may have
// died before it recorded the device.
type stacked struct {
	sys  fs.FS
	next time.Time
	mu   sync.Mutex
	// below are the device numbers of the disks, and of what was found to stand on them.
	below map[uint64]bool
	// asked are the devices that have not answered yet: one whose file is on a FUSE filesystem that hangs may never do.
	asked map[int]bool
}

// stackedPause is how long a disk is left to those that are just closing it, and between one look and the next: devices of
// others are opened, too, to ask them for their files.
const stackedPause = time.Second

func (m *Manager) stacked() *stacked {
	s := &stacked{sys: m.sys, next: time.Now().Add(stackedPause), below: map[uint64]bool{}, asked: map[int]bool{}}
	for _, e := range m.journal.Entries(state.KindLoop) {
		if number, err := loop.ParsePath(e.Name); err == nil {
			if d, err := loop.Read(m.sys, number); err == nil {
				s.below[unix.Mkdev(d.Major, d.Minor)] = true
			}
		}
	}
	return s
}

// look asks all devices, without waiting for their answers.
func (s *stacked) look() {
	now := time.Now()
	if now.Before(s.next) {
		return
	}
	s.next = now.Add(stackedPause)
	devices, err := loop.List(s.sys)
	if err != nil {
		return // it is looked again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range devices {
		if d.Attached() && !s.asked[d.Number] {
			s.asked[d.Number] = true
			go s.ask(d)
		}
	}
}

func (s *stacked) ask(d loop.Device) {
	file, attached, err := loop.Backing(d.Number)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, d.Number)
	if err != nil || !attached || !s.below[file.Device] {
		return
	}
	s.below[unix.Mkdev(d.Major, d.Minor)] = true
	_ = loop.Detach(d.Number) // it is asked again
}
