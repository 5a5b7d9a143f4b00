//go:build e2e

package operator

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed testdata/watch.py
var watchScript string

// bystander is a pod that watches, and is part of no cluster.
const bystander = "ceph-watcher"

// state of a Ceph cluster, in its own words.
type state struct {
	Silent   bool           `json:"silent"` // it does not answer
	Quorum   []string       `json:"quorum"`
	Health   string         `json:"health"`
	Checks   []string       `json:"checks"`
	Mutes    []string       `json:"mutes"`
	OSDs     int            `json:"osds"`
	Up       int            `json:"up"`
	In       int            `json:"in"`
	Mgr      bool           `json:"mgr"`
	Standbys int            `json:"standbys"`
	PGs      int            `json:"pgs"`
	States   map[string]int `json:"states"`

	at time.Time
}

// healthy says that nothing is wrong, nothing is muted, and all is there.
func (s state) healthy(mons, mgrs, osds int) bool {
	return s.Health == "HEALTH_OK" && len(s.Mutes) == 0 && len(s.Quorum) == mons && s.Mgr && s.Standbys == mgrs-1 &&
		s.OSDs == osds && s.Up == osds && s.In == osds && s.PGs > 0 && s.States["active+clean"] == s.PGs
}

// unserved is how many PGs wait for OSDs that are down. Those that only agree anew on who serves them are not among them, which
// Ceph also calls reduced availability: that is over in moments, and follows each OSD that stops.
func (s state) unserved() int {
	n := 0
	for name, count := range s.States {
		if strings.Contains(name, "peered") || strings.Contains(name, "down") || strings.Contains(name, "incomplete") {
			n += count
		}
	}
	return n
}

// watch follows a Ceph cluster.
type watch struct {
	mu     sync.Mutex
	states []state
	err    error // why it sees nothing at the moment
	poke   chan struct{}
	stop   func() // seeing ends
}

// watch begins to follow the cluster, also one that is not there yet, until the test ends.
func (c *ceph) watch(t testing.TB) *watch {
	t.Helper()
	c.startBystander(t)
	w := &watch{poke: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.follow(ctx, c)
	}()
	w.stop = func() { cancel(); <-done }
	t.Cleanup(w.stop)
	return w
}

func (c *ceph) startBystander(t testing.TB) {
	t.Helper()
	c.Apply(t, "default", fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeName: node1
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  containers:
  - name: watch
    image: %s
    command: [sleep, infinity]
`, bystander, cephImage))
	c.Kubectl(t, "-n", "default", "wait", "--for=condition=Ready", "--timeout=150s", "pod/"+bystander)
}

// follow asks from the bystander's pod for as long as it can, and begins anew when that pod went down with its node.
func (w *watch) follow(ctx context.Context, c *ceph) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := w.once(ctx, c)
		w.add(func() { w.err = err })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *watch) once(ctx context.Context, c *ceph) error {
	where, err := c.where(ctx)
	if err != nil {
		return err
	}
	argv := []string{"--kubeconfig=" + c.Kubeconfig(), "-n", "default", "exec", "-i", bystander, "--", "timeout", "900", "python3", "-c", watchScript}
	cmd := exec.CommandContext(ctx, filepath.Join(c.Programs(), "kubectl"), argv...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := in.Write(append(where, '\n')); err == nil { // it stays open: the program ends with it
		w.read(out)
	}
	return fmt.Errorf("the watcher ended: %w: %s", cmd.Wait(), problems.Bytes())
}

// where is the first line that the watcher is given; an error while the cluster has no address yet.
func (c *ceph) where(ctx context.Context) ([]byte, error) {
	id, err := c.identity(ctx)
	if err != nil {
		return nil, err
	}
	mons, err := c.mons(ctx)
	if err != nil {
		return nil, err
	}
	hosts := make([]string, 0, len(mons.Mons))
	for _, mon := range mons.Mons {
		hosts = append(hosts, mon.AddressVector())
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("no mon of %s is recorded", c.name)
	}
	return json.Marshal(map[string]string{"monHost": strings.Join(hosts, ","), "fsid": id.FSID, "key": id.Admin.Reveal()})
}

func (w *watch) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s := state{at: time.Now()}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			w.add(func() { w.err = err })
			continue
		}
		w.add(func() { w.states, w.err = append(w.states, s), nil })
	}
}

// add changes what was seen and wakes who waits for it.
func (w *watch) add(change func()) {
	w.mu.Lock()
	change()
	w.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// since are the states seen after a moment.
func (w *watch) since(start time.Time) []state {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.states, func(s state) bool { return s.at.After(start) })
	if i < 0 {
		return nil
	}
	return slices.Clone(w.states[i:])
}

// last is the last state seen, and what keeps more from being seen.
func (w *watch) last() (state, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.states) == 0 {
		return state{}, w.err
	}
	return w.states[len(w.states)-1], w.err
}

// awaitLimit is how long anything may take. It is generous: nothing is timed here.
const awaitLimit = 4 * time.Minute

// await waits until a state that was seen after start satisfies check, and returns how long after start that was.
func (w *watch) await(t testing.TB, c *ceph, start time.Time, what string, check func(state) bool) time.Duration {
	t.Helper()
	limit := time.After(awaitLimit)
	for {
		for _, s := range w.since(start) {
			if check(s) {
				return s.at.Sub(start)
			}
		}
		select {
		case <-w.poke:
		case <-limit:
			last, err := w.last()
			t.Fatalf("%s: not after %v; last seen: %+v (%v)\n%s", what, awaitLimit, last, err, c.report(t))
		}
	}
}

// awaitHealthy waits until all daemons are there, nothing is wrong and nothing is muted.
func (w *watch) awaitHealthy(t testing.TB, c *ceph, start time.Time, mons, mgrs, osds int) time.Duration {
	t.Helper()
	what := fmt.Sprintf("%d mons, %d mgrs and %d OSDs are HEALTH_OK", mons, mgrs, osds)
	return w.await(t, c, start, what, func(s state) bool { return s.healthy(mons, mgrs, osds) })
}

// report is what a person would look at when the cluster does not come up.
func (c *ceph) report(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, args := range [][]string{
		{"-n", c.namespace, "get", "storageclusters,pods,services", "-o", "wide"},
		{"get", "storagedisks", "-o", "wide"},
		{"-n", c.namespace, "get", "storagecluster", c.name, "-o", "yaml"},
		{"-n", c.namespace, "events", "--types=Warning"},
		{"-n", c.namespace, "logs", "deployment/seamount-operator", "--tail=60"},
	} {
		out, err := c.TryKubectl("", args...)
		fmt.Fprintf(&b, "--- kubectl %s\n%s\n", strings.Join(args, " "), out)
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	return b.String()
}

// phases of a bring-up, from its start.
func (w *watch) phases(start time.Time, osds int) string {
	var b strings.Builder
	first := func(name string, check func(state) bool) {
		for _, s := range w.since(start) {
			if check(s) {
				fmt.Fprintf(&b, "%s %.1f, ", name, s.at.Sub(start).Seconds())
				return
			}
		}
	}
	first("first answer", func(s state) bool { return !s.Silent })
	first("mgr active", func(s state) bool { return s.Mgr })
	first("OSDs up", func(s state) bool { return s.Up == osds })
	first("clean", func(s state) bool { return s.Up == osds && s.PGs > 0 && s.States["active+clean"] == s.PGs })
	first("HEALTH_OK", func(s state) bool { return s.Health == "HEALTH_OK" && s.Up == osds })
	return strings.TrimSuffix(b.String(), ", ")
}
