// Package app puts the CSI controller together: sessions with the clusters, the driver that uses them, the community's
// controllers that call it, and the audit. The driver always answers; of several processes one runs the controllers and the
// audit.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/audit"
	"github.com/seamount-dev/seamount/csi/calls"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/endpoint"
	"github.com/seamount-dev/seamount/csi/identity"
	"github.com/seamount-dev/seamount/csi/linked"
	"github.com/seamount-dev/seamount/csi/session"
	operator "github.com/seamount-dev/seamount/operator/session"
)

// LeaderElectionID is the name of the Lease that the process holds whose controllers act.
const LeaderElectionID = "seamount-csi-controller"

// How long leadership lasts without being renewed. A leader that stops gives it up at once.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// shutdownTimeout is how long calls under way may take when the process stops. Killed, they are repeated.
	shutdownTimeout = 25 * time.Second
)

// Options of the CSI controller.
type Options struct {
	// Namespaces whose StorageClusters are served.
	Namespaces []string
	// Home is the namespace of Seamount itself, where the Lease is.
	Home string
	// LeaderElection lets only one of several processes run the controllers and the audit.
	LeaderElection bool
	// Addresses that are listened on; "0": none.
	MetricsAddress, HealthAddress, PprofAddress string
	// Socket on which the driver also answers, for people and tests; empty: none.
	Socket string
	// Version of the program.
	Version string
	// Dial opens a session with a Ceph cluster.
	Dial operator.Dial
	// Linked are the options of the community's controllers: rates and workers.
	Linked linked.Options
	Log    logr.Logger
}

// New puts the CSI controller together. It runs with the manager's Start.
func New(config *rest.Config, options Options) (manager.Manager, error) {
	mgr, err := manager.New(config, managerOptions(options))
	if err != nil {
		return nil, fmt.Errorf("set up the manager: %w", err)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make the client of Kubernetes: %w", err)
	}
	sessions := session.New(options.Dial)
	synced, err := watchUsers(mgr, core, options.Namespaces, sessions)
	if err != nil {
		return nil, err
	}
	driver, err := newDriver(options, sessions, synced)
	if err != nil {
		return nil, err
	}
	options.Linked.Kubernetes, options.Linked.Drivers = config, []linked.Driver{{Name: v1alpha1.ProvisionerRBD, Conn: driver.conn}}
	controllers, err := linked.New(options.Linked)
	if err != nil {
		return nil, err
	}
	auditor := newAuditor(mgr, controllers, sessions, options.Log)
	return mgr, errors.Join(
		mgr.Add(always(driver.run)), mgr.Add(leading(controllers.Run)), mgr.Add(leading(auditor.Run)),
		publish(auditor),
		mgr.AddHealthzCheck("alive", healthz.Ping), mgr.AddReadyzCheck("users", func(*http.Request) error {
			if !synced() {
				return errors.New("the Secrets with the clusters' users are not read yet")
			}
			return nil
		}))
}

// publish publishes the findings of the audit. Those of a controller that ran before in this process make room.
func publish(auditor *audit.Auditor) error {
	metrics.Registry.Unregister(auditor)
	return metrics.Registry.Register(auditor)
}

func managerOptions(options Options) manager.Options {
	return manager.Options{
		Scheme: newScheme(), Logger: options.Log,
		LeaderElection: options.LeaderElection, LeaderElectionID: LeaderElectionID, LeaderElectionNamespace: options.Home,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(leaseDuration), RenewDeadline: ptr.To(renewDeadline), RetryPeriod: ptr.To(retryPeriod),
		Metrics: metricsserver.Options{BindAddress: options.MetricsAddress}, HealthProbeBindAddress: options.HealthAddress,
		PprofBindAddress: options.PprofAddress, GracefulShutdownTimeout: ptr.To(shutdownTimeout),
	}
}

// always runs in every process, leading in the one that holds the Lease.
type always func(context.Context) error

// Start implements manager.Runnable.
func (a always) Start(ctx context.Context) error { return a(ctx) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (always) NeedLeaderElection() bool { return false }

type leading func(context.Context) error

// Start implements manager.Runnable.
func (l leading) Start(ctx context.Context) error { return l(ctx) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (leading) NeedLeaderElection() bool { return true }

// watchUsers keeps the sessions as the Secrets say. The function that it returns tells whether all have been read.
func watchUsers(mgr manager.Manager, core kubernetes.Interface, namespaces []string, sessions *session.Pool) (func() bool, error) {
	var informers []cache.SharedIndexInformer
	for _, namespace := range namespaces {
		informer, err := session.Watch(core, namespace, sessions)
		if err != nil {
			return nil, err
		}
		informers = append(informers, informer)
		run := always(func(ctx context.Context) error {
			informer.RunWithContext(ctx)
			return nil
		})
		if err := mgr.Add(run); err != nil {
			return nil, fmt.Errorf("add the watch of namespace %s: %w", namespace, err)
		}
	}
	return func() bool {
		for _, informer := range informers {
			if !informer.HasSynced() {
				return false
			}
		}
		return true
	}, nil
}

// driver is the driver's gRPC server, which the controllers reach without leaving the process.
type driver struct {
	server   *grpc.Server
	listener *bufconn.Listener
	conn     *grpc.ClientConn
	socket   *endpoint.Endpoint
	sessions *session.Pool
	end      context.CancelFunc
}

// pipe is how many bytes are under way within the process.
const pipe = 1 << 20

func newDriver(options Options, sessions *session.Pool, ready func() bool) (*driver, error) {
	observer, err := calls.New(options.Log.WithName("csi"), metrics.Registry)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	service := controller.New(life, controller.Options{Sessions: sessions, Log: options.Log.WithName("csi")})
	register := func(to grpc.ServiceRegistrar) {
		csi.RegisterIdentityServer(to, &identity.Server{Name: v1alpha1.ProvisionerRBD, Version: options.Version, Ready: ready})
		csi.RegisterControllerServer(to, service)
	}
	observe := grpc.UnaryInterceptor(observer.Intercept(v1alpha1.ProvisionerRBD))
	d := &driver{server: grpc.NewServer(observe), listener: bufconn.Listen(pipe), sessions: sessions, end: end}
	register(d.server)
	if options.Socket != "" {
		d.socket = &endpoint.Endpoint{Path: options.Socket, Register: register, Options: []grpc.ServerOption{observe}}
	}
	d.conn, err = grpc.NewClient("passthrough:///"+v1alpha1.ProvisionerRBD, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return d.listener.DialContext(ctx) }))
	if err != nil {
		end()
		return nil, fmt.Errorf("connect to the driver: %w", err)
	}
	return d, nil
}

// run serves until ctx ends and the calls under way have ended.
func (d *driver) run(ctx context.Context) error {
	defer d.sessions.Close()
	defer d.end()
	served := make(chan error, 2)
	go func() { served <- d.server.Serve(d.listener) }()
	if d.socket != nil {
		go func() { served <- d.socket.Run(ctx) }()
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	d.server.GracefulStop()
	return nil
}

func newAuditor(mgr manager.Manager, controllers *linked.Controllers, sessions *session.Pool, log logr.Logger) *audit.Auditor {
	teller := &teller{reader: mgr.GetAPIReader(), events: mgr.GetEventRecorder(LeaderElectionID), log: log}
	return &audit.Auditor{
		Sessions: sessions, Now: time.Now, Log: log.WithName("audit"), Tell: teller.tell,
		Known: func(ctx context.Context) (audit.Known, error) {
			return audit.ReadKnown(ctx, controllers.Kubernetes(), controllers.Snapshots(), v1alpha1.ProvisionerRBD)
		},
	}
}
