// Package reader reads disks in child processes, each with a deadline, so that a disk that does not answer never stops
// the reading of the others. A child that hangs in the kernel cannot be killed: it is given up, counted, and no other
// is started for the same device before it has ended.
package reader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/discover/disk"
)

// Reader reads the content of disks.
type Reader struct {
	Pool *Pool
	// Exe is the path of seamount-node, Blkid that of blkid, Dev the directory of device nodes, /dev where empty.
	Exe, Blkid, Dev string
	// Deadline for one disk.
	Deadline time.Duration
}

// Read reads one disk. It never fails: what went wrong is in the answer.
func (r Reader) Read(ctx context.Context, d disk.Disk) disk.Content {
	out, err := r.Pool.Run(ctx, d.Number, r.Deadline, r.command(d)...)
	switch {
	case errors.Is(err, ErrTimeout), errors.Is(err, ErrStuck):
		return failed(disk.OutcomeTimeout, err)
	case err != nil:
		return failed(disk.OutcomeFailed, err)
	}
	content, err := Parse(out)
	if err != nil {
		return failed(disk.OutcomeFailed, err)
	}
	return content
}

func failed(outcome disk.Outcome, err error) disk.Content {
	return disk.Content{Outcome: outcome, Text: err.Error(), Samples: disk.Samples{First: -1}}
}

// Parse reads the answer of a child. One that says nothing of its outcome is an error, not an empty disk.
func Parse(out []byte) (disk.Content, error) {
	var content disk.Content
	if err := json.Unmarshal(out, &content); err != nil {
		return disk.Content{}, fmt.Errorf("answer of the reader: %w", err)
	}
	if content.Outcome == disk.OutcomeNotRead {
		return disk.Content{}, errors.New("answer of the reader: it says no outcome")
	}
	return content, nil
}

func (r Reader) command(d disk.Disk) []string {
	argv := []string{
		r.Exe, "discover", "read",
		"--device", DevicePath(r.Dev, d.Name),
		"--number", fmt.Sprintf("%d:%d", d.Number.Major, d.Number.Minor),
		"--sequence", strconv.FormatUint(d.Sequence, 10),
		"--size", strconv.FormatInt(d.Hardware.Size, 10),
		"--blkid", r.Blkid,
		"--deadline", r.Deadline.String(),
	}
	for _, p := range d.Partitions {
		argv = append(argv, "--partition", DevicePath(r.Dev, p.Name))
	}
	return argv
}

// DevicePath is the node of a device. Where its kernel name has a "!", there is a directory in /dev.
func DevicePath(dev, name string) string {
	if dev == "" {
		dev = "/dev"
	}
	return filepath.Join(dev, strings.ReplaceAll(name, "!", "/"))
}
