// Package linked runs the controllers of the CSI community, which make PersistentVolumes of claims, attach, resize and snapshot
// them, inside of this process: one cache of each kind of object, one connection to each driver, and rates that are fit for
// storage, instead of a sidecar container for each. It wires them, and decides nothing of its own.
//
// A driver is known by its name and a connection: several can be served at once.
package linked

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-lib-utils/rpc"
	snapshots "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	"google.golang.org/grpc"
	"k8s.io/apimachinery/pkg/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
)

// Driver is a CSI driver, whose controller service answers on a connection.
type Driver struct {
	Name string
	Conn *grpc.ClientConn
}

// Options of the controllers.
type Options struct {
	Kubernetes *rest.Config
	Drivers    []Driver
	// QPS and Burst bound the requests to Kubernetes of all controllers together. Zero: 200 and 400. The server has its own
	// way to be fair.
	QPS   float32
	Burst int
	// Workers of each controller of each driver: so many calls of a kind are under way at once. Zero: 32.
	Workers int
	// SnapshotController says whether the controller that all drivers share is run here too, as far as no other one is.
	SnapshotController bool
	// SnapshotControllerNamespace is where that controller's Lease is, by which those of others know it.
	SnapshotControllerNamespace string
}

func (o Options) withDefaults() Options {
	if o.QPS == 0 {
		o.QPS = 200
	}
	if o.Burst == 0 {
		o.Burst = 400
	}
	if o.Workers == 0 {
		o.Workers = 32
	}
	return o
}

const (
	// callTimeout is how long a controller waits for a driver. The drivers answer sooner, and say why.
	callTimeout = time.Minute
	// What failed is tried again after a time that doubles.
	retryFirst, retryMost = 500 * time.Millisecond, time.Minute
	// resync is how often all objects are looked at again without a change.
	resync = 15 * time.Minute
)

// retries is how soon what failed is tried again. It bounds nothing else: the requests to Kubernetes are bounded by the client.
func retries() workqueue.TypedRateLimiter[string] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryFirst, retryMost)
}

// Controllers are the controllers of all drivers.
type Controllers struct {
	options   Options
	core      kubernetes.Interface
	snapshots snapshots.Interface
	informers informers.SharedInformerFactory
	// clones and finalizers look after objects of all drivers, and run once.
	clones, finalizers sync.Once
	// running are the controllers and their workers.
	running sync.WaitGroup
	// fail ends all of them.
	fail context.CancelCauseFunc
}

// New makes the clients and caches that the controllers share.
func New(options Options) (*Controllers, error) {
	options = options.withDefaults()
	config := rest.CopyConfig(options.Kubernetes)
	config.QPS, config.Burst = options.QPS, options.Burst
	others, err := snapshots.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make the client of snapshots: %w", err)
	}
	config.ContentType = runtime.ContentTypeProtobuf
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make the client of Kubernetes: %w", err)
	}
	return &Controllers{
		options: options, core: core, snapshots: others, informers: informers.NewSharedInformerFactory(core, resync),
	}, nil
}

// Kubernetes is the client that the controllers share.
func (c *Controllers) Kubernetes() kubernetes.Interface { return c.core }

// Snapshots is the client of snapshots that the controllers share.
func (c *Controllers) Snapshots() snapshots.Interface { return c.snapshots }

// waitForWorkers makes the controllers count their workers, so that Run ends when none of them does anything any more.
func waitForWorkers() error {
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{"ReleaseLeaderElectionOnExit": true}); err != nil {
		return fmt.Errorf("make the controllers wait for their workers: %w", err)
	}
	return nil
}

// Run runs all controllers until the context ends, and returns when their calls have ended. It may run once in a process, and by one
// process of a cluster at a time.
func (c *Controllers) Run(parent context.Context) error {
	if err := waitForWorkers(); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(parent)
	defer fail(nil)
	c.fail = fail
	if err := c.start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	c.running.Wait()
	c.informers.Shutdown()
	if parent.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

func (c *Controllers) start(ctx context.Context) error {
	var known []driver
	for _, d := range c.options.Drivers {
		described, err := describe(ctx, d)
		if err != nil {
			return err
		}
		known = append(known, described)
		for _, start := range []func(context.Context, driver) error{c.provision, c.attach, c.resize} {
			if err := start(ctx, described); err != nil {
				return fmt.Errorf("driver %s: %w", d.Name, err)
			}
		}
	}
	c.informers.Start(ctx.Done())
	c.running.Go(func() { c.snapshot(ctx, known) })
	return nil
}

// driver is a driver and what it can.
type driver struct {
	Driver
	plugin     rpc.PluginCapabilitySet
	controller rpc.ControllerCapabilitySet
}

func (d driver) can(capability csi.ControllerServiceCapability_RPC_Type) bool {
	return d.controller[capability]
}

// describe asks a driver what it can.
func describe(ctx context.Context, d Driver) (driver, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	name, err := rpc.GetDriverName(ctx, d.Conn)
	if err == nil && name != d.Name {
		err = fmt.Errorf("it calls itself %s", name)
	}
	if err != nil {
		return driver{}, fmt.Errorf("ask driver %s who it is: %w", d.Name, err)
	}
	plugin, err := rpc.GetPluginCapabilities(ctx, d.Conn)
	if err != nil {
		return driver{}, fmt.Errorf("ask driver %s what it can: %w", d.Name, err)
	}
	controller, err := rpc.GetControllerCapabilities(ctx, d.Conn)
	if err != nil {
		return driver{}, fmt.Errorf("ask driver %s what its controller can: %w", d.Name, err)
	}
	return driver{d, plugin, controller}, nil
}
