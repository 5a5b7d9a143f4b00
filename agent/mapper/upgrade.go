package mapper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/wait"
)

// upgradeLimit is how long the helpers of one cluster may take to be replaced. Each image waits for milliseconds of it.
const upgradeLimit = 2 * time.Minute

// Upgrade replaces keepers and workers that run from another program than this agent brings. Pods go on meanwhile: a keeper
// leaves its worker to the next keeper, and a worker hands each image over to the next worker when that has reached Ceph. A
// worker that cannot be replaced serves on. Upgrade may be cut short and repeated.
func (s *Seamount) Upgrade(ctx context.Context) error {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil // nothing was ever mapped here
	}
	for _, cluster := range entries {
		if upgradeErr := s.upgrade(ctx, cluster.Name()); upgradeErr != nil {
			err = errors.Join(err, fmt.Errorf("%s of cluster %s: %w", program, cluster.Name(), upgradeErr))
		}
	}
	return err
}

func (s *Seamount) upgrade(ctx context.Context, fsid string) error {
	ctx, cancel := context.WithTimeout(ctx, upgradeLimit)
	defer cancel()
	c := client.New(s.dir(fsid))
	hello, err := c.Hello(ctx)
	if block.Is(err, block.NotRunning) {
		return nil // the next one that is started is of today's program
	}
	if err == nil {
		err = s.replaceKeeper(ctx, c, fsid, hello.PID)
	}
	if err != nil {
		return err
	}
	status, err := c.Status(ctx)
	if err != nil || status.Worker == nil {
		return err
	}
	if today, err := s.runsToday(status.Worker.PID); err != nil || today {
		return err
	}
	return c.HandOver(ctx)
}

// replaceKeeper has another keeper adopt the worker, unless the present one is of today's program.
func (s *Seamount) replaceKeeper(ctx context.Context, c *client.Client, fsid string, pid int) error {
	if today, err := s.runsToday(pid); err != nil || today {
		return err
	}
	if err := c.Resign(ctx); err != nil {
		return err
	}
	err := wait.For(ctx, helloInterval, helloLimit, func() error {
		hello, err := c.Hello(ctx)
		switch {
		case block.Is(err, block.NotRunning):
			return nil
		case err == nil && hello.PID == pid:
			return wait.ErrAgain
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for keeper %d to end: %w", pid, err)
	}
	_, err = s.keeper(ctx, fsid)
	return err
}

// runsToday tells whether a process runs from the program that this agent would start: the very same file, so that a former
// bundle is not taken for today's, whatever its version says.
func (s *Seamount) runsToday(pid int) (bool, error) {
	command, err := s.Programs.Command(program)
	if err != nil {
		return false, err
	}
	var same bool
	err = s.Node.Do(func() error {
		today, err := os.Stat(command[0])
		if err != nil {
			return err
		}
		running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
		same = err == nil && os.SameFile(today, running)
		return err
	})
	return same, err
}
