package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/node"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// nodesTimeout bounds the wait for all nodes: 3 s on an idle machine.
const nodesTimeout = 5 * time.Minute

// together runs all at once and waits for all. The first failure ends the
// context of the others; what fails for that reason alone is not reported.
func together(ctx context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, work := range all {
		wg.Go(func() {
			if err := work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// everyNode runs work for all nodes at once and reports every failure.
func (s *session) everyNode(ctx context.Context, work func(context.Context, int) error) error {
	errs := make([]error, state.MaxNodes+1)
	var wg sync.WaitGroup
	for _, n := range s.config.NodeNumbers() {
		wg.Go(func() { errs[n] = work(ctx, n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// eachNode runs work for all nodes at once and gives up at the first failure.
func (s *session) eachNode(ctx context.Context, work func(context.Context, int) error) error {
	var all []func(context.Context) error
	for _, n := range s.config.NodeNumbers() {
		all = append(all, func(ctx context.Context) error { return work(ctx, n) })
	}
	return together(ctx, all...)
}

// reviver starts a node that does not run and frees one that was frozen or cut
// off: after `up` all nodes work.
func (s *session) reviver(nodes *node.Manager) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		if nodes.Status(ctx, n).State == node.Frozen {
			if err := nodes.Thaw(ctx, n); err != nil {
				return err
			}
		}
		if err := nodes.Start(ctx, n); err != nil {
			return err
		}
		if nodes.Status(ctx, n).State == node.Partitioned {
			return nodes.Heal(ctx, n)
		}
		return nil
	}
}

// awaitNodes waits until Kubernetes calls all nodes Ready.
func (s *session) awaitNodes(ctx context.Context) error {
	return s.report.Do(ctx, fmt.Sprintf("wait for %d nodes to be Ready", s.config.Nodes), func(ctx context.Context, step *progress.Step) error {
		api, err := s.plane().API()
		if err != nil {
			return err
		}
		var names []string
		for _, n := range s.config.NodeNumbers() {
			names = append(names, state.NodeName(n))
		}
		ctx, cancel := context.WithTimeout(ctx, nodesTimeout)
		defer cancel()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			ready, err := api.NodesReady(ctx)
			waiting := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return ready[name] })
			if len(waiting) == 0 {
				return nil
			}
			if err == nil {
				err = fmt.Errorf("%s not Ready yet", strings.Join(waiting, ", "))
				s.pointAt(step, waiting[0])
			}
			step.Detail("%v", err)
			select {
			case <-ctx.Done():
				return errors.Join(ctx.Err(), err)
			case <-tick.C:
			}
		}
	})
}

// pointAt names kubelet's log of the node as the one that tells more.
func (s *session) pointAt(step *progress.Step, name string) {
	if n, err := s.config.ParseNode(name); err == nil {
		step.Log(s.dir.NodeLog(n, "kubelet"))
	}
}
