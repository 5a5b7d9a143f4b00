package mapper

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/agent/loop"
	"github.com/seamount-dev/seamount/agent/wait"
)

// Programs finds programs.
type Programs interface {
	// Command is the command line by which the node runs a program.
	Command(program string, args ...string) ([]string, error)
}

// Starter starts helpers.
type Starter interface {
	Start(ctx context.Context, h launch.Helper) error
}

// Seamount maps by seamount-block: a file that FUSE serves, and a loop device on it.
type Seamount struct {
	Node     host.Node
	NodeName string
	// Dir has a directory for each cluster, with its keeper's files. The node sees it at the same path.
	Dir string
	// Logs is the node's directory for what helpers say.
	Logs     string
	Programs Programs
	Starter  Starter
}

// program is the one that serves images.
const program = "seamount-block"

// Kind of the mapper.
func (s *Seamount) Kind() agentv1.Mapper { return agentv1.Mapper_MAPPER_SEAMOUNT }

// Support looks at the kernel, and for the program.
func (s *Seamount) Support(context.Context) Support {
	if _, err := s.Programs.Command(program); err != nil {
		return Support{Reason: fmt.Sprintf("the program %s cannot be run on the node: %v", program, err)}
	}
	capability := block.Support()
	// A volume takes one loop device, and kubelet a second one on it when it is raw.
	return Support{Offered: capability.Offered, Reason: capability.Reason, MaxVolumes: loop.Limit / 2}
}

func (s *Seamount) dir(fsid string) string { return filepath.Join(s.Dir, fsid) }

// file is where the node sees the image's content.
func (s *Seamount) file(v Volume) string { return client.Path(s.dir(v.Connection.FSID), v.Image) }

// A keeper answers within milliseconds once it runs.
const (
	helloInterval = 20 * time.Millisecond
	helloLimit    = 15 * time.Second
	// predecessorLimit is how long a keeper that ends may still hold the directory while it gives its last answers.
	predecessorLimit = 5 * time.Second
)

// keeper returns the client of a cluster's keeper, which it starts if none runs. One that starts adopts what the worker of
// its predecessor serves.
func (s *Seamount) keeper(ctx context.Context, fsid string) (*client.Client, error) {
	c := client.New(s.dir(fsid))
	if _, err := c.Hello(ctx); !block.Is(err, block.NotRunning) {
		return c, coded(err)
	}
	command, err := s.Programs.Command(program, "keeper", "--dir", s.dir(fsid), "--node", s.NodeName, "--wait", predecessorLimit.String())
	if err != nil {
		return nil, err
	}
	name := "block-" + fsid
	helper := launch.Helper{Name: name, Command: command, Env: []string{"MALLOC_ARENA_MAX=1"}, Log: filepath.Join(s.Logs, name+".log")}
	if err := s.Starter.Start(ctx, helper); err != nil {
		return nil, err
	}
	err = wait.For(ctx, helloInterval, helloLimit, func() error {
		_, err := c.Hello(ctx)
		if block.Is(err, block.NotRunning) {
			return wait.ErrAgain
		}
		return err
	})
	if errors.Is(err, wait.ErrAgain) {
		return nil, fault.New(codes.Unavailable, "%s was started and does not answer: its log on the node, %s, says why", program, helper.Log)
	}
	return c, coded(err)
}

// callLimit is how long the keeper may take for what is done in well under a second when Ceph answers.
const callLimit = 45 * time.Second

// connected is a keeper that knows how to reach the cluster.
func (s *Seamount) connected(ctx context.Context, v Volume) (*client.Client, error) {
	c, err := s.keeper(ctx, v.Connection.FSID)
	if err != nil || v.Connection.Key == "" {
		return c, err
	}
	return c, coded(c.Connect(ctx, v.Connection))
}

// Map maps the image and attaches a loop device.
func (s *Seamount) Map(ctx context.Context, v Volume) (Device, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	c, err := s.connected(ctx, v)
	if err != nil {
		return Device{}, err
	}
	mapped, err := c.Map(ctx, v.Image, v.Access)
	if err != nil {
		return Device{}, coded(err)
	}
	if mapped.Phase.Gone() {
		return Device{}, coded(block.Errorf(block.Gone, "%s: %s", v.Image, mapped.Reason))
	}
	var d loop.Device
	err = s.Node.Do(func() (err error) {
		d, err = loop.Attach(mapped.Path, v.Access == block.MultiNodeReadOnly)
		return err
	})
	if errors.Is(err, loop.ErrFull) {
		err = fault.New(codes.ResourceExhausted, "%w: move pods with volumes to another node", err)
	}
	return Device{
		Path: d.Path(), Number: d.Number, Index: d.Index, Sequence: d.Sequence, Size: mapped.Size, Formatting: mapped.Formatting,
	}, err
}

// Mounted makes the loop device one that goes when it is unmounted, by whomever.
func (s *Seamount) Mounted(d Device) error {
	return s.Node.Do(func() error { return loop.Device{Index: d.Index}.AutoClear() })
}

// Unmap detaches the loop device and unmaps the image.
func (s *Seamount) Unmap(ctx context.Context, v Volume, d Device) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := s.detach(ctx, v, d); err != nil {
		return err
	}
	c, err := s.keeper(ctx, v.Connection.FSID)
	if err != nil {
		return err
	}
	if v.Connection.Key != "" {
		if err := c.Connect(ctx, v.Connection); err != nil {
			return s.neverMapped(ctx, c, v, d, err)
		}
	}
	err = wait.For(ctx, detachInterval, busyLimit, func() error {
		// The kernel closes the file a moment after the loop device has let go of it.
		err := c.Unmap(ctx, v.Image)
		if block.Is(err, block.Busy) {
			return errors.Join(wait.ErrAgain, err)
		}
		return err
	})
	if errors.Is(err, wait.ErrAgain) {
		err = c.Unmap(ctx, v.Image) // which says what has it open
	}
	return coded(err)
}

// neverMapped takes an image for unmapped that Ceph did not let this node's user map in the first place.
func (s *Seamount) neverMapped(ctx context.Context, c *client.Client, v Volume, d Device, refused error) error {
	status, err := c.Status(ctx)
	if err != nil || d != (Device{}) || slices.ContainsFunc(status.Images, func(m block.Mapped) bool { return m.Image == v.Image }) {
		return coded(refused)
	}
	return nil
}

// A device whose last user just left is let go of by the kernel a moment later.
const (
	detachInterval = 20 * time.Millisecond
	busyLimit      = 3 * time.Second
	// What is still to be written goes to Ceph when the last user leaves.
	detachLimit = 20 * time.Second
)

func (s *Seamount) detach(ctx context.Context, v Volume, d Device) error {
	l := loop.Device{Index: d.Index, Number: d.Number, Sequence: d.Sequence}
	file := s.file(v)
	attached := false
	err := s.Node.Do(func() (err error) {
		if d == (Device{}) { // it was never recorded
			l, attached, err = loop.Find(file)
		} else {
			attached = l.Attached(file)
		}
		if attached {
			err = errors.Join(err, l.Detach())
		}
		return err
	})
	if err != nil || !attached {
		return err
	}
	return released(ctx, s.Node.Do, Device{Path: l.Path(), Number: l.Number}, func() (bool, error) {
		there := false
		err := s.Node.Do(func() error { there = l.Attached(file); return nil })
		return there, err
	})
}

// released waits until a device is gone. It gives up early when somebody has it, whom it names.
func released(ctx context.Context, do func(func() error) error, d Device, there func() (bool, error)) error {
	err := wait.For(ctx, detachInterval, busyLimit, again(there))
	if !errors.Is(err, wait.ErrAgain) {
		return err
	}
	who, err := holders(ctx, do, d)
	if err != nil || len(who) > 0 {
		return errors.Join(err, pinned(d.Path, who))
	}
	err = wait.For(ctx, detachInterval, detachLimit, again(there))
	if !errors.Is(err, wait.ErrAgain) {
		return err
	}
	if who, err = holders(ctx, do, d); err != nil {
		return err
	}
	return pinned(d.Path, who)
}

func again(there func() (bool, error)) func() error {
	return func() error {
		is, err := there()
		if err == nil && is {
			err = wait.ErrAgain
		}
		return err
	}
}

// holders names the processes that have a device, and the devices on it.
func holders(ctx context.Context, do func(func() error) error, d Device) ([]string, error) {
	pins, err := host.Pins(ctx, d.Number)
	if err != nil {
		return nil, err
	}
	var who []string
	for _, pin := range pins {
		who = append(who, pin.String())
	}
	stacked, err := stackedOn(do, d.Path)
	return append(who, stacked...), err
}

// pinned is the error about a device that does not go away.
func pinned(path string, who []string) error {
	if len(who) == 0 {
		who = []string{"no process that this node shows has it"}
	}
	return fault.New(codes.FailedPrecondition,
		"%s is still in use: %s. End that, or delete its pod, and the volume is given back when it is tried again", path, strings.Join(who, "; "))
}

// Resize has seamount-block read the size, and the loop device follow.
func (s *Seamount) Resize(ctx context.Context, v Volume, d Device) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	c, err := s.connected(ctx, v)
	if err != nil {
		return 0, err
	}
	mapped, err := c.Refresh(ctx, v.Image)
	if err != nil {
		return 0, coded(err)
	}
	var size int64
	err = s.Node.Do(func() (err error) {
		size, err = loop.Device{Index: d.Index}.Resize(mapped.Path)
		return err
	})
	return size, err
}

// SetFormatting asks the worker, which has the image.
func (s *Seamount) SetFormatting(ctx context.Context, v Volume, filesystem string) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	c, err := s.connected(ctx, v)
	if err != nil {
		return err
	}
	return coded(c.SetFormatting(ctx, v.Image, filesystem))
}

// Blank asks the worker, which has the image.
func (s *Seamount) Blank(ctx context.Context, v Volume) (bool, error) {
	c, err := s.connected(ctx, v)
	if err != nil {
		return false, err
	}
	blank, err := c.Blank(ctx, v.Image)
	return blank, coded(err)
}

// Health asks the keeper. One that died is replaced, by one that adopts its worker.
func (s *Seamount) Health(ctx context.Context, v Volume, _ Device) Health {
	c, err := s.keeper(ctx, v.Connection.FSID)
	var status block.Status
	if err == nil {
		status, err = c.Status(ctx)
	}
	if err == nil && status.Entity == "" && v.Connection.Key != "" { // a keeper that was just started
		err = c.Connect(ctx, v.Connection)
	}
	if err != nil {
		return Health{Trouble: fmt.Sprintf("%s does not answer: %v", program, err), Passing: true}
	}
	i := slices.IndexFunc(status.Images, func(m block.Mapped) bool { return m.Image == v.Image })
	if i < 0 {
		return Health{Trouble: fmt.Sprintf("%s does not know %s any more: its processes were killed together, and the device cannot come back", program, v.Image), Gone: true}
	}
	mapped := status.Images[i]
	if mapped.Phase == block.Serving || mapped.Phase == block.Unmapping {
		return Health{}
	}
	reason := mapped.Reason
	if status.Trouble != "" && !mapped.Phase.Gone() {
		reason += "; " + status.Trouble
	}
	return Health{Trouble: strings.TrimPrefix(reason, "; "), Gone: mapped.Phase.Gone(), Passing: !mapped.Phase.Gone()}
}
