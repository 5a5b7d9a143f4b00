package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// netSwitch is the namespace that holds the bridge. No process lives in it: a
// mount of its nsfs file keeps it.
type netSwitch struct{ path string }

func newSwitch(dir state.Dir) netSwitch { return netSwitch{path: dir.Switch()} }

func (s netSwitch) entry() state.Entry { return state.Entry{Kind: state.KindMount, Name: s.path} }

// exists reports whether a namespace is mounted there.
func (s netSwitch) exists() (bool, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(s.path, &fs)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", s.path, err)
	}
	return fs.Type == unix.NSFS_MAGIC, nil
}

// make makes the namespace; fresh is false if it was there already.
func (s netSwitch) make(journal *state.Journal) (fresh bool, err error) {
	if there, err := s.exists(); there || err != nil {
		return false, errors.Join(err, journal.Made(s.entry()))
	}
	if err := journal.Plan(s.entry()); err != nil {
		return false, err
	}
	f, err := os.OpenFile(s.path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("make the switch: %w", err)
	}
	if err := errors.Join(f.Close(), s.hold()); err != nil {
		return false, fmt.Errorf("make the switch: %w", err)
	}
	return true, journal.Made(s.entry())
}

// hold makes a network namespace in a thread of its own and mounts it. The thread
// is never given back to the scheduler: it ends with the goroutine.
func (s netSwitch) hold() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount("/proc/thread-self/ns/net", s.path, "", unix.MS_BIND, "")
		}
		done <- err
	}()
	return <-done
}

// remove removes the namespace with everything in it.
func (s netSwitch) remove(journal *state.Journal) error {
	there, err := s.exists()
	if err != nil {
		return err
	}
	if there {
		if err := s.empty(); err != nil {
			return err
		}
		if err := unix.Unmount(s.path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", s.path, err)
		}
	}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the switch: %w", err)
	}
	return journal.Gone(state.KindMount, s.path)
}

// empty removes the bridge and the ports at once: the namespace itself lives on
// for as long as some other mount namespace has a copy of the mount.
func (s netSwitch) empty() error {
	inside, err := s.open()
	if err != nil {
		return err
	}
	defer inside.Close()
	links, err := inside.LinkList()
	if err != nil {
		return fmt.Errorf("list the links of the switch: %w", err)
	}
	for _, link := range links {
		if link.Attrs().Name == "lo" {
			continue
		}
		if err := inside.LinkDel(link); err != nil && !isGone(err) {
			return fmt.Errorf("remove %s from the switch: %w", link.Attrs().Name, err)
		}
	}
	return nil
}

// namespace is an open network namespace.
type namespace struct {
	*netlink.Handle
	file netns.NsHandle
}

// Close closes it.
func (n *namespace) Close() {
	n.Handle.Close()
	n.file.Close() //nolint:errcheck // nothing was written
}

func (s netSwitch) open() (*namespace, error) {
	file, err := netns.GetFromPath(s.path)
	if err != nil {
		return nil, fmt.Errorf("open the switch: %w", err)
	}
	return handleAt(file)
}

func handleAt(file netns.NsHandle) (*namespace, error) {
	h, err := netlink.NewHandleAt(file, unix.NETLINK_ROUTE)
	if err != nil {
		file.Close() //nolint:errcheck // nothing was written
		return nil, fmt.Errorf("open a network namespace: %w", err)
	}
	return &namespace{Handle: h, file: file}, nil
}

// makeBridge makes the bridge in the switch unless it is there.
func makeBridge(h *netlink.Handle) (netlink.Link, error) {
	err := h.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName, TxQLen: -1}})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("make the bridge: %w", err)
	}
	bridge, err := h.LinkByName(bridgeName)
	if err == nil {
		err = h.LinkSetUp(bridge)
	}
	if err != nil {
		return nil, fmt.Errorf("turn on the bridge: %w", err)
	}
	return bridge, nil
}

// join makes a link of the switch a port of the bridge and turns it on.
func join(h *netlink.Handle, name string, bridge netlink.Link) error {
	port, err := h.LinkByName(name)
	if err == nil {
		err = h.LinkSetMaster(port, bridge)
	}
	if err == nil {
		err = h.LinkSetUp(port)
	}
	if err != nil {
		return fmt.Errorf("connect %s to the bridge: %w", name, err)
	}
	return nil
}
