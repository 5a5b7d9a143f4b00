package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/cluster"
	"github.com/seamount-dev/seamount/operator/conditions"
	"github.com/seamount-dev/seamount/operator/disk"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
	"github.com/seamount-dev/seamount/operator/trigger"
)

// LeaderElectionID is the name of the Lease that the leader holds.
const LeaderElectionID = v1alpha1.FieldOwnerOperator

// How long leadership lasts without being renewed. A leader that stops gives it up at once; one that dies is replaced
// after leaseDuration.
const (
	leaseDuration = 10 * time.Second
	renewDeadline = 6 * time.Second
	retryPeriod   = time.Second
	// shutdownTimeout is how long steps under way may take when the operator stops. Killed, they are done again.
	shutdownTimeout = 20 * time.Second
)

// Requests to Kubernetes: a cluster comes up by some dozens at once. The server has its own way to be fair.
const (
	requestsPerSecond = 200
	requestBurst      = 400
)

// Options of the operator.
type Options struct {
	// Namespace whose StorageClusters are reconciled; empty: all.
	Namespace string
	// Home is the namespace of Seamount itself: of the leader's Lease and of those of discover.
	Home string
	// LeaderElection lets only one of several operators act.
	LeaderElection bool
	// Addresses that are listened on; "0": none.
	MetricsAddress, HealthAddress, PprofAddress string
	// NodeImage is the image that brings seamount-node into the pods of Ceph.
	NodeImage string
	// Dial opens a session with a Ceph cluster.
	Dial session.Dial
	// CommandTimeout bounds an attempt to connect, to read a snapshot, and each step. Zero: session.DefaultTimeout.
	CommandTimeout time.Duration
	// MonGrace is how long a mon must have been lost before another takes its place. Zero: plan.DefaultMonGrace.
	MonGrace time.Duration
	Log      logr.Logger
}

// New puts the operator together. It runs with the manager's Start.
func New(kubernetes *rest.Config, options Options) (manager.Manager, error) {
	if options.NodeImage == "" {
		return nil, errors.New("the image of seamount-node is not given")
	}
	if options.MonGrace < 0 {
		return nil, fmt.Errorf("a mon cannot be replaced %s after it was lost: choose a time that is not negative", options.MonGrace)
	}
	if options.CommandTimeout == 0 {
		options.CommandTimeout = session.DefaultTimeout
	}
	kubernetes = rest.CopyConfig(kubernetes)
	kubernetes.QPS, kubernetes.Burst = requestsPerSecond, requestBurst
	mgr, err := manager.New(kubernetes, managerOptions(options))
	if err != nil {
		return nil, fmt.Errorf("set up the manager: %w", err)
	}
	if err := add(mgr, options); err != nil {
		return nil, err
	}
	return mgr, nil
}

func managerOptions(options Options) manager.Options {
	return manager.Options{
		Scheme: newScheme(), Cache: cacheOptions(options), Logger: options.Log,
		LeaderElection: options.LeaderElection, LeaderElectionID: LeaderElectionID, LeaderElectionNamespace: options.Home,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(leaseDuration), RenewDeadline: ptr.To(renewDeadline), RetryPeriod: ptr.To(retryPeriod),
		Metrics: metricsserver.Options{BindAddress: options.MetricsAddress}, HealthProbeBindAddress: options.HealthAddress,
		PprofBindAddress: options.PprofAddress, GracefulShutdownTimeout: ptr.To(shutdownTimeout),
		// Operators may follow each other in one process: their controllers have the same names.
		Controller: config.Controller{EnableWarmup: ptr.To(true), SkipNameValidation: ptr.To(true)},
	}
}

// add gives the manager the sessions and every controller there is.
func add(mgr manager.Manager, options Options) error {
	var clusters trigger.Trigger[reconcile.Request]
	var disks trigger.Trigger[disk.Request]
	pools, operations := poolControllers(), &operationController{}
	sessions := session.New(session.Options{
		Dial: options.Dial, Timeout: options.CommandTimeout, Log: options.Log.WithName("session"),
		Changed: func(name types.NamespacedName) {
			clusters.Fire(reconcile.Request{NamespacedName: name})
			disks.Fire(disk.Request{})
			for _, controller := range pools {
				controller.wake(name)
			}
			operations.wake(name)
		},
	})
	plans := disk.NewPlans(func(key plan.ClusterKey) {
		clusters.Fire(reconcile.Request{NamespacedName: types.NamespacedName(key)})
	})
	events := mgr.GetEventRecorder(v1alpha1.FieldOwnerOperator)
	executor := &execute.Executor{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Applier: execute.NewApplier(mgr.GetClient()), Events: events,
		NodeImage: options.NodeImage, CommandTimeout: options.CommandTimeout,
	}
	if err := mgr.Add(sessions); err != nil {
		return fmt.Errorf("add the sessions: %w", err)
	}
	if err := (&disk.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: options.Home, Sessions: sessions, Plans: plans, Events: events, Now: time.Now,
	}).SetUp(mgr, &disks); err != nil {
		return fmt.Errorf("set up the controller of disks: %w", err)
	}
	if err := (&cluster.Reconciler{
		Client: mgr.GetClient(), Namespace: options.Home, Executor: executor, Sessions: sessions, Disks: plans,
		Dial: options.Dial, Memory: &cluster.Memory{}, Now: time.Now, MonGrace: options.MonGrace,
	}).SetUp(mgr, &clusters); err != nil {
		return fmt.Errorf("set up the controller of clusters: %w", err)
	}
	for _, controller := range pools {
		if err := controller.setUp(mgr, executor, sessions); err != nil {
			return fmt.Errorf("set up the controllers of pools and filesystems: %w", err)
		}
	}
	if err := operations.setUp(mgr, executor, options.Home, sessions); err != nil {
		return fmt.Errorf("set up the controller of operations: %w", err)
	}
	reported := &conditions.Collector{Cache: mgr.GetClient(), Log: options.Log.WithName("conditions")}
	return errors.Join(register(sessions), register(reported), addChecks(mgr))
}

// register publishes metrics. Those of an operator that ran before in this process make room.
func register(collector prometheus.Collector) error {
	metrics.Registry.Unregister(collector)
	if err := metrics.Registry.Register(collector); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

// readyWithin is how long a check of readiness may take.
const readyWithin = time.Second

func addChecks(mgr manager.Manager) error {
	ready := func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), readyWithin)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the caches are not filled yet")
		}
		return nil
	}
	return errors.Join(mgr.AddHealthzCheck("alive", healthz.Ping), mgr.AddReadyzCheck("caches", ready))
}
