//go:build e2e

package volume

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/tests/cephtest"
)

// calls are those of a volume's life, in order.
func (v *volume) calls() []struct {
	name string
	do   func(ctx context.Context) error
} {
	return []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"Stage", func(ctx context.Context) error { _, err := v.tryStage(ctx); return err }},
		{"Publish", func(ctx context.Context) error { return v.tryPublish(ctx, "writer", false) }},
		{"Unpublish", func(ctx context.Context) error { return v.tryUnpublish(ctx, "writer") }},
		{"Unstage", v.tryUnstage},
	}
}

// The agent is killed before every step of every call. The next one is asked for the same, and all ends as if nothing had
// been: what was written is there, and nothing is left at the end.
func TestKilledAtEachStep(t *testing.T) {
	cluster := cephtest.Shared(t)
	for _, filesystem := range []string{"xfs", ""} {
		t.Run("filesystem="+filesystem, func(t *testing.T) {
			t.Parallel()
			c, n := admin(t, cluster), newNode(t, cluster)
			for call := range 4 {
				for kill, more := 1, true; more; kill++ {
					more = newVolume(t, n, c, filesystem).liveWithKill(call, kill)
				}
			}
		})
	}
}

// liveWithKill lets a volume live with the agent killed before the step of that number of one call. It is false if the call
// has no such step.
func (v *volume) liveWithKill(call, kill int) bool {
	v.t.Helper()
	killed := false
	for i, c := range v.calls() {
		if i == call {
			v.Kill()
			v.Start(kill)
			err := c.do(within(v.t))
			steps := v.Steps()
			if killed = err != nil; killed {
				if status.Code(err) != codes.Unavailable || len(steps) != kill || !strings.HasPrefix(steps[kill-1], c.name) {
					v.t.Fatalf("%s, killed before step %d (%s): %v", c.name, kill, steps, err)
				}
				v.t.Logf("filesystem=%s: killed before %s", v.filesystem, steps[kill-1])
			}
			v.Restart()
		}
		for range 2 {
			if err := c.do(within(v.t)); err != nil {
				v.t.Fatalf("%s, after a kill in call %d before step %d: %v", c.name, call, kill, err)
			}
		}
		if c.name == "Publish" {
			write(v.t, v.file("writer"), content)
		}
	}
	v.wantGone()
	return killed
}

// What serves volumes goes on without the agent, and without its keeper.
func TestHelpersOutliveTheAgent(t *testing.T) {
	v := newPublished(t)
	n := v.node
	keeper, worker := n.helpers()
	n.Kill()
	write(t, v.file("writer"), content)
	n.Start(0)
	if k, w := n.helpers(); k != keeper || w != worker {
		t.Errorf("the keeper was %d and is %d, the worker was %d and is %d", keeper, k, worker, w)
	}
	wantContent(t, v.file("writer"), content)

	// The agent notices that the keeper died, and starts one that takes over what the worker serves.
	do(t, unix.Kill(keeper, unix.SIGKILL))
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		if hello, err := n.keeper().Hello(within(t)); err == nil && hello.PID != keeper {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no keeper was started")
		}
	}
	do(t, unix.Kill(worker, unix.SIGKILL))
	write(t, v.file("writer"), content)
	wantContent(t, v.file("writer"), content)
	do(t, v.tryUnpublish(within(t), "writer"))
	do(t, v.tryUnstage(within(t)))
	v.wantGone()
}
