package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// again is how often is asked what cannot be watched.
const again = time.Second

// telling is how long what is said of a failure may take to gather.
const telling = 30 * time.Second

// Goal is a state of an object that is waited for.
type Goal struct {
	// Namespace and Object (kind/name) say of what.
	Namespace, Object string
	// Reached judges a state of it.
	Reached judge
	// Limit is generous: a machine may be busy with other things.
	Limit time.Duration
	// Look are arguments of kubectl that show more, beside describe.
	Look []string
}

// Timeout is a goal that was not reached in time.
type Timeout struct {
	Goal       Goal
	Last       string // what the object said last
	Events     string // of the object
	Kubeconfig string // for the commands to look further
	Kubectl    string
}

func (e *Timeout) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in namespace %s is not ready after %s: %s\n", e.Goal.Object, e.Goal.Namespace, e.Goal.Limit, cmp.Or(e.Last, "it is not there"))
	b.WriteString("Its events:\n" + indented(cmp.Or(e.Events, "none")))
	fmt.Fprintf(&b, "It may still get there: `make up` again goes on where it is. Look further with:\n  export KUBECONFIG=%s\n", e.Kubeconfig)
	for _, args := range e.Goal.commands() {
		fmt.Fprintf(&b, "  %s %s\n", e.Kubectl, args)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// commands are the arguments of kubectl that show more.
func (g Goal) commands() []string {
	return append([]string{fmt.Sprintf("-n %s describe %s", g.Namespace, g.Object)}, g.Look...)
}

// await waits for a goal, with what the object says of itself in the step. log is a file for more, in case it fails.
func (k Kubectl) await(ctx context.Context, step *progress.Step, log string, g Goal) error {
	limited, cancel := context.WithTimeout(ctx, g.Limit)
	defer cancel()
	tick := time.NewTicker(again)
	defer tick.Stop()
	var last string
	for {
		err := k.watch(limited, g.Namespace, g.Object, func(o Object) bool {
			done, detail := g.Reached(o)
			last = detail
			step.Detail("%s", detail)
			return done
		})
		var other *json.UnmarshalTypeError
		if err == nil || errors.As(err, &other) { // what cannot be read now cannot be read later
			return err
		}
		if limited.Err() == nil { // an API server that restarts ends every watch
			last = cmp.Or(last, err.Error())
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return k.timeout(ctx, step, log, g, last)
		}
	}
}

// timeout gathers what is known of a goal that was not reached.
func (k Kubectl) timeout(ctx context.Context, step *progress.Step, log string, g Goal, last string) error {
	ctx, cancel := context.WithTimeout(ctx, telling)
	defer cancel()
	step.Log(log)
	events, err := k.Run(ctx, "", "-n", g.Namespace, "events", "--for="+g.Object)
	if err != nil {
		events = err.Error()
	}
	if err := os.WriteFile(log, []byte(k.findings(ctx, g)), 0o600); err != nil {
		step.Detail("%v", err)
	}
	return &Timeout{Goal: g, Last: last, Events: events, Kubeconfig: k.Kubeconfig, Kubectl: k.Program}
}

// findings is what the commands print that a person would run first.
func (k Kubectl) findings(ctx context.Context, g Goal) string {
	var b strings.Builder
	for _, args := range append(g.commands(), "get pods -A -o wide", "get events -A --sort-by=.lastTimestamp") {
		out, err := k.Run(ctx, "", strings.Fields(args)...)
		fmt.Fprintf(&b, "# kubectl %s\n%s\n", args, out)
		if err != nil {
			fmt.Fprintf(&b, "%v\n", err)
		}
	}
	return b.String()
}
