package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func newDown() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove the cluster and everything it made, its disks included",
		Long: `down ends every process of the cluster and removes its network, mounts, loop devices
and control groups, restores what was changed in the kernel's settings, and deletes
the state directory, the disks' content included. It goes by the journal of what
was made, works after a crash at any point, and leaves alone what is not the
cluster's. The cache of compiled programs stays.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return down(cmd.Context()) },
	}
}

func down(ctx context.Context) error {
	return downAfter(ctx, "down", func(context.Context, *session) error { return nil })
}

// downAfter removes the cluster when work is done. Without a cluster it does nothing.
func downAfter(ctx context.Context, command string, work func(context.Context, *session) error) error {
	if err := requireRoot(); err != nil {
		return err
	}
	s, err := newSession()
	if err != nil {
		return err
	}
	if !s.dir.IsOurs() {
		s.report.Note("there is no local cluster in %s: nothing to do", s.dir)
		return nil
	}
	if err := s.acquire(ctx, command); err != nil {
		return errors.Join(err, s.close())
	}
	s.config = configOrAll(s.dir)
	if err := work(ctx, s); err != nil {
		return errors.Join(err, s.close())
	}
	return errors.Join(s.report.Do(ctx, "remove the cluster", func(ctx context.Context, _ *progress.Step) error {
		return s.tearDown(ctx)
	}), s.close())
}

// configOrAll is the configuration for removing a cluster: without one that can
// be read, every node that there might be is removed. The names that matter are
// in the journal.
func configOrAll(d state.Dir) state.Config {
	c, err := state.LoadConfig(d)
	if err != nil {
		c = state.DefaultConfig()
		c.Nodes = state.MaxNodes
	}
	return c
}

// tearDown removes everything, goes on after a failure, and deletes the state
// directory only when nothing is left that its journal knows.
func (s *session) tearDown(ctx context.Context) error {
	nodes := s.nodes()
	errs := []error{
		s.everyNode(ctx, nodes.Remove),
		s.disks().Clear(ctx),
		nodes.Release(ctx),
		s.plane().Stop(ctx),
		s.network().Down(ctx),
		s.stopRest(ctx),
	}
	errs = append(errs, s.leftovers())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("not everything could be removed, run `seamount-local down` again: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("find out what is mounted: %w", err)
	}
	return s.dir.Remove(string(mounts))
}

// stopRest ends processes that belong to none of the parts, such as what an
// interrupted step left.
func (s *session) stopRest(ctx context.Context) error {
	var errs []error
	for _, e := range s.journal.Entries(state.KindProcess) {
		errs = append(errs, s.launcher().Stop(ctx, e.Name, 0))
	}
	return errors.Join(errs...)
}

// leftovers names what the journal still knows.
func (s *session) leftovers() error {
	var errs []error
	for _, e := range s.journal.Entries() {
		errs = append(errs, fmt.Errorf("%s %s is still there", e.Kind, e.Name))
	}
	return errors.Join(errs...)
}

// keepLogs copies the logs to the cache, in the place of those of an earlier
// failure, and returns where.
func (s *session) keepLogs() (string, error) {
	cache, err := build.CacheDir()
	if err != nil {
		return "", err
	}
	to := filepath.Join(cache, "failed")
	if err := os.RemoveAll(to); err != nil {
		return "", fmt.Errorf("keep the logs: %w", err)
	}
	for _, pattern := range []string{s.dir.Log("*"), filepath.Join(s.dir.Nodes(), "*", "logs", "*.log")} {
		logs, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("keep the logs: %w", err)
		}
		for _, log := range logs {
			if err := copyFile(log, movedLog(s.dir, to, log)); err != nil {
				return "", fmt.Errorf("keep the logs: %w", err)
			}
		}
	}
	return to, nil
}

// movedLog is where keepLogs puts a log.
func movedLog(d state.Dir, to, log string) string {
	rel, err := filepath.Rel(d.Path(), log)
	if err != nil {
		rel = filepath.Base(log)
	}
	return filepath.Join(to, rel)
}

// movedLogs lets a step's error point to where its log is now.
func movedLogs(err error, to string) error {
	var step *progress.Error
	dir, dirErr := state.FromEnvironment()
	if errors.As(err, &step) && dirErr == nil && strings.HasPrefix(step.Log, dir.Path()+"/") {
		step.Log = movedLog(dir, to, step.Log)
	}
	return err
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
