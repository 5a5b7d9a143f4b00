//go:build e2e

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/app"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/session"
	"github.com/seamount-dev/seamount/tests/figures"
)

// operatorTask names the file with the task of a process that is to be nothing but an operator.
const operatorTask = "SEAMOUNT_TEST_OPERATOR"

// figure is something that was measured.
type figure struct {
	What, Unit string
	Value      float64
}

func isOperatorProcess() bool { return os.Getenv(operatorTask) != "" }

// operatorProcess runs an operator with the simulated Ceph in the same process, and prints its figures.
func operatorProcess() int {
	figures, err := runOperator(os.Getenv(operatorTask))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(figures)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// restTime is how long the operator is watched at rest.
const restTime = time.Minute

func runOperator(file string) ([]figure, error) {
	target, err := readTask(file)
	if err != nil {
		return nil, err
	}
	made, err := target.ceph()
	if err != nil {
		return nil, err
	}
	*target = task{Host: target.Host, CA: target.CA, Cert: target.Cert, Key: target.Key, HeapFile: target.HeapFile, CPUsFile: target.CPUsFile}
	debug.FreeOSMemory()
	var figures []figure
	note := func(what, unit string, value float64) { figures = append(figures, figure{what, unit, value}) }
	note("simulator-RSS", "MiB", memory("VmRSS"))
	config := &rest.Config{Host: target.Host, TLSClientConfig: rest.TLSClientConfig{CAData: target.CA, CertData: target.Cert, KeyData: target.Key}}
	mgr, err := app.New(operatorConfig(config), operatorOptions(func(_ context.Context, t session.Target) (ceph.Client, error) {
		return made.Client(t.Entity, t.Key)
	}))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started, cpu := time.Now(), cpuTime()
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	settled, err := settle(ended)
	if err != nil {
		return nil, err
	}
	note("start-until-settled", "s", settled.Sub(started).Seconds())
	note("start-until-settled-CPU", "s", (cpuTime() - cpu).Seconds())
	note("start-RSS", "MiB", memory("VmRSS"))
	note("start-peak-RSS", "MiB", memory("VmHWM"))
	return append(figures, atRest(target)...), nil
}

func readTask(file string) (*task, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	target := &task{}
	return target, json.Unmarshal(text, target)
}

// ceph makes the Ceph that the cluster has, with all its daemons running.
func (t *task) ceph() (*sim.Cluster, error) {
	keyring := []ceph.Entity{{
		Name: "client.admin", Key: ceph.NewSecret(t.AdminKey),
		Caps: ceph.Caps{"mon": "allow *", "mgr": "allow *", "osd": "allow *", "mds": "allow *"},
	}}
	for _, osd := range t.OSDs {
		keyring = append(keyring, ceph.Entity{Name: "osd." + strconv.Itoa(int(osd.ID)), Caps: ceph.Caps{"mon": "allow profile osd"}})
	}
	made, err := sim.New(sim.Options{FSID: t.FSID, Mons: t.Mons, Mgrs: t.Mgrs, Keyring: keyring, Now: time.Now})
	if err != nil {
		return nil, err
	}
	for _, osd := range t.OSDs {
		location, err := observe.ParseLocation(osd.Location)
		if err != nil {
			return nil, err
		}
		if err := made.StartOSD(int(osd.ID), sim.OSDDaemon{Host: osd.Node, Location: location, UUID: osd.UUID}); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// quiet is how long the controllers have had nothing to do once the operator has settled.
const quiet = 3 * time.Second

// settle returns since when the controllers have had nothing to do.
func settle(ended <-chan error) (time.Time, error) {
	ticker, limit := time.NewTicker(100*time.Millisecond), time.After(10*time.Minute)
	defer ticker.Stop()
	last, passes := time.Now(), 0.0
	for {
		select {
		case err := <-ended:
			return last, fmt.Errorf("the operator ended: %w", err)
		case <-limit:
			return last, errors.New("the operator does not settle")
		case <-ticker.C:
		}
		busy, now := activity()
		if busy || now != passes || now < 2 {
			last, passes = time.Now(), now
		}
		if time.Since(last) > quiet {
			return last, nil
		}
	}
}

// activity says whether a controller has something to do, and how many passes all of them made.
func activity() (busy bool, passes float64) {
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		return true, 0
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			switch family.GetName() {
			case "controller_runtime_active_workers", "workqueue_depth":
				busy = busy || metric.GetGauge().GetValue() > 0
			case "controller_runtime_reconcile_total":
				passes += metric.GetCounter().GetValue()
			}
		}
	}
	return busy, passes
}

// atRest watches the operator at rest for a minute.
func atRest(target *task) []figure {
	if target.CPUsFile != "" {
		if f, err := os.Create(target.CPUsFile); err == nil {
			defer f.Close()
			if pprof.StartCPUProfile(f) == nil {
				defer pprof.StopCPUProfile()
			}
		}
	}
	_, before := activity()
	cpu := cpuTime()
	<-time.After(restTime)
	used := cpuTime() - cpu
	_, after := activity()
	figures := []figure{
		{"rest-CPU", "s/min", used.Seconds()}, {"rest-passes", "1/min", after - before},
		{"rest-RSS", "MiB", memory("VmRSS")}, {"peak-RSS", "MiB", memory("VmHWM")},
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if target.HeapFile != "" {
		if f, err := os.Create(target.HeapFile); err == nil {
			_ = pprof.WriteHeapProfile(f) // a profile that cannot be written is no figure
			_ = f.Close()
		}
	}
	return append(figures, figure{"heap", "MiB", float64(m.HeapAlloc) / (1 << 20)})
}

// memory reads a figure of this process in MiB.
func memory(name string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	mebibytes, err := figures.Memory(string(text), name)
	if err != nil {
		return 0
	}
	return mebibytes
}

// cpuTime of this process so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
