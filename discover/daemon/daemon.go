// Package daemon puts discover together as it runs on a node: the readers of this
// machine, the loop, the connection to the API, the Lease, and the port for probes
// and metrics. It decides nothing.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/seamount-dev/seamount/discover/confine"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/discover/reader"
	"github.com/seamount-dev/seamount/discover/report"
	"github.com/seamount-dev/seamount/discover/scan"
	"github.com/seamount-dev/seamount/discover/smart"
	"github.com/seamount-dev/seamount/discover/uevent"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// Options of discover on a node.
type Options struct {
	// Node that it runs on, and Namespace that Seamount is in.
	Node, Namespace string
	// Listen is the address for probes and metrics.
	Listen string
	// Kubelet is the directory of kubelet on the node.
	Kubelet string
	Readers
	// Pace of the loop.
	Pace scan.Pace
}

// Readers say how disks are read.
type Readers struct {
	// Exe is this program, Blkid and Smartctl the programs that read beside it.
	Exe, Blkid, Smartctl string
	// Deadline for one disk, Parallel how many are read at a time, and Stuck how many readers may hang before no other is
	// started.
	Deadline        time.Duration
	Parallel, Stuck int
}

// Sources are the readers of this machine. Means say what keeps this process and its children from writing: where nothing
// does, no disk is opened, and each is reported as not read.
func (r Readers) Sources(kubelet string, means confine.Means) (scan.Sources, *reader.Pool) {
	pool := reader.NewPool(r.Parallel, r.Stuck)
	sources := scan.Sources{
		Inventory: inventory.Reader{Kubelet: kubelet, Answers: &inventory.Answers{}},
		Content:   reader.Reader{Pool: pool, Exe: r.Exe, Blkid: r.Blkid, Deadline: r.Deadline},
		Health:    smart.Reader{Pool: pool, Exe: r.Smartctl, Deadline: r.Deadline},
		Identify:  identity.Of,
	}
	if !means.Held() {
		sources.Content, sources.Health = unreadContent(means.Text), unreadHealth{}
	}
	return sources, pool
}

// unreadContent says why no disk is read.
type unreadContent string

func (why unreadContent) Read(context.Context, disk.Disk) disk.Content {
	return disk.Content{
		Outcome: disk.OutcomeFailed, Text: "discover cannot give up the ability to write on this kernel: " + string(why),
		Samples: disk.Samples{First: -1},
	}
}

type unreadHealth struct{}

func (unreadHealth) Read(context.Context, disk.Disk) disk.Health { return disk.Health{} }

// Run runs discover until ctx ends. The calling process has confined itself by means.
func Run(ctx context.Context, config *rest.Config, o Options, means confine.Means, log logr.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return err
	}
	connection, err := connect(config, o.Node)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), confinement(means))
	sources, pool := o.Sources(o.Kubelet, means)
	api := scan.API{
		Reporter:  report.New(connection.cache, connection.client, o.Node, time.Now),
		Knowledge: report.NewKnowledge(connection.cache, connection.client, time.Now),
	}
	scanner := scan.New(sources, api, verdict.Context{Node: o.Node, Kubelet: o.Kubelet}, o.Pace, scan.NewMetrics(registry, pool), log)
	log.Info("discover starts", "node", o.Node, "listen", listener.Addr().String(), "seccomp", means.Seccomp, "landlock", means.Landlock, "confinement", means.Text)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return serve(ctx, listener, scanner.Handler(registry)) })
	g.Go(func() error { return connection.run(ctx) })
	g.Go(func() error { return watchDevices(ctx, scanner.Look, log) })
	g.Go(func() error {
		report.KeepLease(ctx, scanner.Ready, func(ctx context.Context, now time.Time) error {
			return report.RenewLease(ctx, connection.client, o.Namespace, o.Node, now)
		}, log)
		return nil
	})
	g.Go(func() error {
		if err := connection.notify(ctx, scanner.Judge); err != nil {
			return err
		}
		scanner.Run(ctx)
		return nil
	})
	return g.Wait()
}

// confinement tells by a metric what keeps discover from writing.
func confinement(means confine.Means) prometheus.Collector {
	held := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "seamount_discover_confined", Help: "1 where this means keeps discover from opening anything for writing."}, []string{"means"})
	for name, on := range map[string]bool{"seccomp": means.Seccomp, "landlock": means.Landlock} {
		value := 0.0
		if on {
			value = 1
		}
		held.WithLabelValues(name).Set(value)
	}
	return held
}

// The kernel announces one disk in several events. They are taken together, and not waited for longer than a person
// notices.
const quiet, longest = 200 * time.Millisecond, time.Second

// watchDevices asks for a look when the kernel announces a change. Where it does not let us listen, changes are found when
// the loop looks anyway.
func watchDevices(ctx context.Context, look func(), log logr.Logger) error {
	const waiting = 256 // events; the kernel keeps more, and says when it lost some
	changes := make(chan uevent.Event, waiting)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := uevent.Listen(ctx, func(e uevent.Event) {
			select {
			case changes <- e:
			case <-ctx.Done():
			}
		})
		if err != nil && ctx.Err() == nil {
			log.Error(err, "listen to the kernel: changes of devices are found later")
		}
		return nil
	})
	g.Go(func() error {
		uevent.Debounce(ctx, changes, quiet, longest, func(context.Context) { look() })
		return nil
	})
	return g.Wait()
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	const timeout = 10 * time.Second
	server := &http.Server{Handler: handler, ReadHeaderTimeout: timeout, ReadTimeout: timeout, WriteTimeout: 2 * timeout}
	stop := context.AfterFunc(ctx, func() { server.Close() }) //nolint:errcheck // nothing is left to be done about it
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes and metrics: %w", err)
	}
	return nil
}
