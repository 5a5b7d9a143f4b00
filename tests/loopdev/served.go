//go:build e2e

package loopdev

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// FUSEFile is a file that this process serves by FUSE. On command its server hangs, as a disk does that no longer answers, or
// answers with errors, as one does that dies.
type FUSEFile struct {
	// Path of the file.
	Path string

	node *node
}

// NewFUSEFile serves an empty file of that many bytes.
func NewFUSEFile(t testing.TB, size int64) *FUSEFile {
	t.Helper()
	content, err := os.OpenFile(NewFile(t, size), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := directory(t)
	n := &node{content: content, size: size, open: closed()}
	root := &fs.Inode{}
	options := &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "seamount-test", Name: "seamount-test"},
		OnAdd: func(ctx context.Context) {
			root.AddChild("disk", root.NewPersistentInode(ctx, n, fs.StableAttr{Mode: syscall.S_IFREG}), true)
		},
	}
	server, err := fs.Mount(dir, root, options)
	if err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Errorf("unmount: %v", err)
		}
		content.Close() //nolint:errcheck // it goes with the test
	})
	return &FUSEFile{Path: filepath.Join(dir, "disk"), node: n}
}

// Stall lets every read and write wait until resume is called, at the latest when the test ends. Call it after the
// device on the file was attached: a device that does not answer cannot be detached.
func (f *FUSEFile) Stall(t testing.TB) (resume func()) {
	t.Helper()
	gate := make(chan struct{})
	f.node.setGate(gate)
	resume = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(resume)
	return resume
}

// Access is a way of using a file. Several can be joined.
type Access uint32

// Ways of using a file. To bring to the disk what was written counts as writing.
const (
	Reads Access = 1 << iota
	Writes
)

// Fail lets every access of these ways end with EIO from now on, and all others succeed; 0: all succeed again.
func (f *FUSEFile) Fail(ways Access) { f.node.failing.Store(uint32(ways)) }

// node is the file as go-fuse sees it.
type node struct {
	fs.Inode
	content *os.File
	size    int64
	failing atomic.Uint32 // the Access that fails

	mu   sync.Mutex
	open chan struct{} // closed while the server answers
}

var _ = interface {
	fs.NodeOpener
	fs.NodeGetattrer
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
}(&node{})

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func (n *node) setGate(gate chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = gate
}

// admit waits while the server hangs, and says how an access ends that fails.
func (n *node) admit(way Access) syscall.Errno {
	n.mu.Lock()
	gate := n.open
	n.mu.Unlock()
	<-gate
	if Access(n.failing.Load())&way != 0 {
		return syscall.EIO
	}
	return 0
}

// Open goes past the page cache, so that every read reaches the server.
func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Getattr tells the size.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = syscall.S_IFREG|0o600, uint64(n.size)
	return 0
}

// Read waits while the server hangs.
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if errno := n.admit(Reads); errno != 0 {
		return nil, errno
	}
	got, err := n.content.ReadAt(dest, off)
	if got == 0 && err != nil {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(dest[:got]), 0
}

// Write waits while the server hangs.
func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := n.admit(Writes); errno != 0 {
		return 0, errno
	}
	written, err := n.content.WriteAt(data, off)
	return uint32(written), fs.ToErrno(err)
}

// Fsync has nothing to bring to the disk: what a test writes need not outlive it.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return n.admit(Writes) }
