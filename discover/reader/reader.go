// Package reader reads disks in child processes, each with a deadline, so that a disk that does not answer never stops
// the reading of the others. A child that hangs in the kernel cannot be killed: it is given up, counted, and no other
// is started for the same device before it has ended.
package reader

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/seamount-dev/seamount/discover/disk"
)

// ErrTimeout says that a device did not answer in time. ErrStuck says that nothing was started, because a child for the
// device, or too many for others, still hang.
var (
	ErrTimeout = errors.New("no answer in time")
	ErrStuck   = errors.New("an earlier reader still hangs")
)

// Pool runs programs on devices: a few at a time, each with a deadline.
type Pool struct{}

// NewPool makes a pool that runs so many programs at a time and that starts none while more than stuck hang.
func NewPool(parallel, stuck int) *Pool { return &Pool{} }

// Run runs a program on a device and returns its standard output.
func (p *Pool) Run(ctx context.Context, device disk.Number, deadline time.Duration, argv ...string) ([]byte, error) {
	return nil, nil
}

// Stuck is the number of programs that were given up and have not ended.
func (p *Pool) Stuck() int { return 0 }

// Timeouts is how often a device did not answer in time.
func (p *Pool) Timeouts() uint64 { return 0 }

// Reader reads the content of disks.
type Reader struct {
	Pool *Pool
	// Exe is the path of seamount-node, Blkid that of blkid, Dev the directory of device nodes, /dev where empty.
	Exe, Blkid, Dev string
	// Deadline for one disk.
	Deadline time.Duration
}

// Read reads one disk. It never fails: what went wrong is in the answer.
func (r Reader) Read(ctx context.Context, d disk.Disk) disk.Content { return disk.Content{} }

// Child is `seamount-node discover read`: it reads the disk that its arguments name and prints a disk.Content as JSON.
func Child(ctx context.Context, args []string, stdout io.Writer) error { return nil }
