package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/controlplane"
	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/network"
	"github.com/seamount-dev/seamount/deploy/local/internal/node"
	"github.com/seamount-dev/seamount/deploy/local/internal/process"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// lockPatience is how long a command waits for another one to end.
const lockPatience = 5 * time.Minute

// session is one command's hold on a cluster.
type session struct {
	dir      state.Dir
	config   state.Config
	programs build.Artifacts
	journal  *state.Journal
	lock     *state.Lock // nil if the command changes nothing
	report   *progress.Reporter
	memory   *progress.Memory
}

// newSession finds the state directory and prepares the report, which goes to
// standard error: standard output is for data.
func newSession() (*session, error) {
	dir, err := state.FromEnvironment()
	if err != nil {
		return nil, err
	}
	s := &session{dir: dir, report: progress.New(os.Stderr, nil)}
	if cache, err := build.CacheDir(); err == nil {
		s.memory = progress.LoadMemory(filepath.Join(cache, "durations.json"))
		s.report = progress.New(os.Stderr, s.memory)
	}
	return s, nil
}

// openCluster is a session on a cluster that exists, for a command that changes
// nothing.
func openCluster() (*session, error) {
	s, err := newSession()
	if err != nil {
		return nil, err
	}
	if s.config, err = state.LoadConfig(s.dir); err != nil {
		return nil, err
	}
	if err := s.readJournal(); err != nil {
		return nil, err
	}
	return s, s.loadPrograms()
}

// readJournal reads what commands have done since the machine started. That they do more meanwhile is not seen.
func (s *session) readJournal() error {
	boot, err := state.BootID()
	if err != nil {
		return err
	}
	s.journal, err = state.ReadJournal(s.dir, boot)
	return err
}

// changeCluster is a session on a cluster that exists, with its lock.
func changeCluster(ctx context.Context, command string) (*session, error) {
	s, err := newSession()
	if err != nil {
		return nil, err
	}
	if err := requireRoot(); err != nil {
		return nil, err
	}
	if _, err := state.LoadConfig(s.dir); err != nil {
		return nil, err
	}
	if err := s.acquire(ctx, command); err != nil {
		return nil, err
	}
	// Again: `down` may have held the lock.
	if s.config, err = state.LoadConfig(s.dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, s.loadPrograms()
}

func requireRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("only root can do this: run it with sudo -E")
	}
	return nil
}

// acquire takes the lock and opens the journal.
func (s *session) acquire(ctx context.Context, command string) error {
	waitCtx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	lock, err := state.Acquire(waitCtx, s.dir, command, func(holder string) {
		s.report.Note("waiting for another command to end (%s)", holder)
	})
	if err != nil {
		return err
	}
	s.lock = lock
	boot, err := state.BootID()
	if err != nil {
		return err
	}
	s.journal, err = state.OpenJournal(s.dir, boot)
	return err
}

// close gives up the lock and remembers how long the steps took.
func (s *session) close() error {
	var errs []error
	if s.memory != nil && s.lock != nil {
		errs = append(errs, s.memory.Save())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
	}
	return errors.Join(errs...)
}

// loadPrograms reads where `up` found the programs; without a complete `up` there
// are none.
func (s *session) loadPrograms() error {
	data, err := os.ReadFile(s.dir.ProgramsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read where the programs are: %w", err)
	}
	if err := json.Unmarshal(data, &s.programs); err != nil {
		return fmt.Errorf("%s is damaged (%w): run `seamount-local up`", s.dir.ProgramsFile(), err)
	}
	return nil
}

func (s *session) launcher() process.Launcher { return process.Launcher{Journal: s.journal} }

func (s *session) plane() controlplane.Plane {
	return controlplane.Plane{Dir: s.dir, Config: s.config, Programs: s.programs, Launcher: s.launcher(), Report: s.report}
}

func (s *session) network() *network.Manager {
	return network.New(s.config, s.dir, s.journal, s.report)
}

func (s *session) nodes() *node.Manager {
	return node.New(s.config, s.dir, s.programs, s.journal, s.report)
}

func (s *session) disks() *disk.Manager {
	return disk.New(s.dir, s.journal, s.report, s.nodes())
}
