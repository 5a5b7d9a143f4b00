// Package app puts the CSI controller together: sessions with the clusters, the drivers that use them, the community's
// controllers that call those, and the audits. The drivers always answer; of several processes one runs the controllers and the
// audits.
package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
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
	"github.com/seamount-dev/seamount/csi/linked"
	"github.com/seamount-dev/seamount/csi/session"
	operator "github.com/seamount-dev/seamount/operator/session"
)

// drivers are the CSI drivers that are served.
var drivers = []string{v1alpha1.ProvisionerRBD, v1alpha1.ProvisionerCephFS}

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
	// Sockets on which the drivers also answer, by their names, for people and tests; empty: none.
	Sockets map[string]string
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
	served, err := newDrivers(options, sessions, synced)
	if err != nil {
		return nil, err
	}
	options.Linked.Kubernetes, options.Linked.Drivers = config, served.linked()
	controllers, err := linked.New(options.Linked)
	if err != nil {
		return nil, err
	}
	for _, driver := range drivers {
		auditor := newAuditor(mgr, controllers, sessions, driver, options.Log)
		if err := errors.Join(mgr.Add(leading(auditor.Run)), publish(auditor)); err != nil {
			return nil, fmt.Errorf("add the audit of driver %s: %w", driver, err)
		}
	}
	return mgr, errors.Join(
		mgr.Add(always(served.run)), mgr.Add(leading(controllers.Run)),
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

func newAuditor(mgr manager.Manager, controllers *linked.Controllers, sessions *session.Pool, driver string, log logr.Logger) *audit.Auditor {
	teller := &teller{reader: mgr.GetAPIReader(), events: mgr.GetEventRecorder(LeaderElectionID), log: log}
	return &audit.Auditor{
		Driver: driver, Sessions: sessions, Now: time.Now, Log: log.WithName("audit").WithValues("driver", driver), Tell: teller.tell,
		Known: func(ctx context.Context) (audit.Known, error) {
			return audit.ReadKnown(ctx, controllers.Kubernetes(), controllers.Snapshots(), driver)
		},
	}
}
