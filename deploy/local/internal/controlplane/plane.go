package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/process"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// readyTimeout bounds the start of each daemon: 4 s on an idle machine, much
// longer on one that compiles at the same time.
const readyTimeout = 3 * time.Minute

// gcPercent has daemons collect garbage half as often as Go does by default: an eighth less of kube-apiserver's processor time in its
// first minute, for 65 MB more.
const gcPercent = "GOGC=200"

// Plane is the control plane of one cluster.
type Plane struct {
	Dir      state.Dir
	Config   state.Config
	Programs build.Artifacts
	Launcher process.Launcher
	Report   *progress.Reporter
}

// Start starts what does not run yet and returns when kube-apiserver serves. It
// is idempotent. A daemon that runs with other arguments than Config now asks for
// is restarted.
func (p Plane) Start(ctx context.Context) error {
	return p.Report.Do(ctx, "start control plane", func(ctx context.Context, step *progress.Step) error {
		api, err := p.API()
		if err != nil {
			return err
		}
		for _, name := range []string{etcd, apiserver} {
			if err := p.ensure(ctx, name, step); err != nil {
				return err
			}
		}
		// kube-controller-manager gives up at once if it cannot read what
		// kube-apiserver writes in its first seconds, so it has to wait.
		if err := p.await(ctx, []string{etcd, apiserver}, step, api.Ready); err != nil {
			return err
		}
		for _, name := range []string{controllerManager, scheduler} {
			if err := p.ensure(ctx, name, step); err != nil {
				return err
			}
		}
		return nil
	})
}

// Settle waits until the controllers have done what pods depend on. Nodes can
// start meanwhile.
func (p Plane) Settle(ctx context.Context) error {
	return p.Report.Do(ctx, "wait for controllers", func(ctx context.Context, step *progress.Step) error {
		api, err := p.API()
		if err != nil {
			return err
		}
		return p.await(ctx, Names(), step, api.defaultServiceAccount)
	})
}

func (p Plane) ensure(ctx context.Context, name string, step *progress.Step) error {
	args := arguments(name, p.Dir, p.Config)
	if id, running := p.Launcher.Find(name); running {
		if id.HasArguments(args) {
			return nil
		}
		step.Detail("restarting %s with other options", name)
		if err := p.Launcher.Stop(ctx, name, 10*time.Second); err != nil {
			return err
		}
	}
	step.Log(p.Dir.Log(name))
	_, err := p.Launcher.Start(process.Spec{
		Name: name,
		Path: p.Programs.Program(name),
		Args: args,
		Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", gcPercent},
		Log:  p.Dir.Log(name),
	})
	return err
}

// await polls until done reports nil. It gives up when one of the daemons ends.
func (p Plane) await(ctx context.Context, daemons []string, step *progress.Step, done func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done(ctx)
		if err == nil {
			return nil
		}
		step.Detail("%v", err)
		if dead := p.dead(daemons); dead != "" {
			step.Log(p.Dir.Log(dead))
			return fmt.Errorf("%s ended by itself: %s", dead, process.LastError(p.Dir.Log(dead)))
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (p Plane) dead(daemons []string) string {
	for _, name := range daemons {
		if _, running := p.Launcher.Find(name); !running {
			return name
		}
	}
	return ""
}

// Stop ends the control plane for good: nothing waits for it, its data is about
// to be deleted. It is idempotent.
func (p Plane) Stop(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Backward(Names()) {
		errs = append(errs, p.Launcher.Stop(ctx, name, 0))
	}
	return errors.Join(errs...)
}

// Status is what `status` shows of one daemon.
type Status struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	PID     int    `json:"pid,omitempty"`
	Log     string `json:"log"`
}

// Status tells of every daemon whether it runs.
func (p Plane) Status() []Status {
	var all []Status
	for _, name := range Names() {
		s := Status{Name: name, Log: p.Dir.Log(name)}
		if id, running := p.Launcher.Find(name); running {
			s.Running, s.PID = true, id.PID
		}
		all = append(all, s)
	}
	return all
}

// IsDaemon reports whether name is one of the control plane's.
func IsDaemon(name string) bool { return slices.Contains(Names(), strings.TrimSpace(name)) }

// AnyRunning reports whether one of the daemons runs.
func (p Plane) AnyRunning() bool {
	for _, s := range p.Status() {
		if s.Running {
			return true
		}
	}
	return false
}
