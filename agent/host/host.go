// Package host works on the node outside of the agent's container: in the mount namespace and the root of the node's first
// process, where kubelet and the pods see what is mounted. It runs functions and programs there and reads what is mounted
// and held; it decides nothing.
package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Node is the machine as one of its processes sees it, which is its first one but in tests.
type Node struct {
	// PID of that process, in the process namespace of the caller.
	PID int
}

// First is the node as its first process sees it.
var First = Node{PID: 1}

// proc is a file about the process.
func (n Node) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(n.PID), name)
}

// Do calls f in the mount namespace and the root directory of the process. It returns when f does. f must not start
// goroutines that look at files: those run elsewhere.
func (n Node) Do(f func() error) error {
	done := make(chan error, 1)
	onThread(func() { done <- n.enter(f) })
	return <-done
}

// onThread calls f on a thread of its own, which ends with f: what f makes of it fits nobody else.
func onThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return // still locked, so the runtime ends the thread
		}
		// The first thread stands for the whole process in /proc. While it is kept here, f gets another.
		done := make(chan struct{})
		onThread(func() { defer close(done); f() })
		<-done
		runtime.UnlockOSThread()
	}()
}

func (n Node) enter(f func() error) error {
	if err := n.enterMounts(); err != nil {
		return fmt.Errorf("enter the node's mount namespace: %w", err)
	}
	return f()
}

// enterMounts moves the calling thread, which other goroutines never see again.
func (n Node) enterMounts() error {
	root, err := os.Open(n.proc("root"))
	if err != nil {
		return err
	}
	defer root.Close()
	// Threads share root and working directory, and who shares them may not change its mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := n.join("mnt", unix.CLONE_NEWNS); err != nil {
		return err
	}
	// The namespace's own root may be another than that of the process.
	return errors.Join(
		os.NewSyscallError("fchdir", unix.Fchdir(int(root.Fd()))),
		os.NewSyscallError("chroot", unix.Chroot(".")),
		os.NewSyscallError("chdir", unix.Chdir("/")))
}

// join moves the calling thread into a namespace of the process.
func (n Node) join(name string, kind int) error {
	space, err := os.Open(n.proc("ns/" + name))
	if err != nil {
		return err
	}
	defer space.Close()
	if err := unix.Setns(int(space.Fd()), kind); err != nil {
		return fmt.Errorf("setns %s: %w", name, err)
	}
	return nil
}

// spaces are all namespaces but that of mounts, in the order of joining, which ends with those of the process: they are
// for children alone. User namespaces are left out: the agent runs in the node's own.
var spaces = []struct {
	name string
	kind int
}{
	{"uts", unix.CLONE_NEWUTS}, {"ipc", unix.CLONE_NEWIPC}, {"net", unix.CLONE_NEWNET},
	{"cgroup", unix.CLONE_NEWCGROUP}, {"pid", unix.CLONE_NEWPID},
}

// DoInAll is Do in all namespaces of the process. Of processes that f starts this holds for the process namespace too.
func (n Node) DoInAll(f func() error) error {
	done := make(chan error, 1)
	onThread(func() { done <- n.enterAll(f) })
	return <-done
}

func (n Node) enterAll(f func() error) error {
	for _, space := range spaces {
		if err := n.join(space.name, space.kind); err != nil {
			return fmt.Errorf("enter the node's namespaces: %w", err)
		}
	}
	return n.enter(f)
}
