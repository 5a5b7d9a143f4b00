package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/ceph/rados/mds"
	"github.com/seamount-dev/seamount/operator/app"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

// operatorFlags are the flags of "seamount operator".
type operatorFlags struct {
	options   app.Options
	verbosity int
}

func newOperator() *cobra.Command {
	var flags operatorFlags
	cmd := &cobra.Command{
		Use:   "operator --node-image IMAGE",
		Short: "Run the operator: what turns StorageClusters into Ceph clusters",
		Long: `Run the operator until it is told to stop. It talks to the Kubernetes whose pod it runs in, or to the one that
KUBECONFIG names. Of several operators with --leader-elect one acts, and another follows when it stops.

SIGINT and SIGTERM end it after the steps under way. Killed at any time, another goes on where it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.run(cmd.Context()) },
	}
	flags.addTo(cmd)
	return cmd
}

// homeNamespace is where Seamount is installed when nothing says otherwise.
const homeNamespace = "seamount"

func (f *operatorFlags) addTo(cmd *cobra.Command) {
	o, flags := &f.options, cmd.Flags()
	flags.StringVar(&o.Namespace, "namespace", "", "namespace whose StorageClusters are reconciled; empty: all")
	flags.StringVar(&o.Home, "home-namespace", cmp.Or(os.Getenv("POD_NAMESPACE"), homeNamespace),
		"namespace of Seamount itself, where its Leases are (default: of its own pod)")
	flags.StringVar(&o.NodeImage, "node-image", os.Getenv("SEAMOUNT_NODE_IMAGE"), "image that brings seamount-node into the pods of Ceph")
	flags.BoolVar(&o.LeaderElection, "leader-elect", false, "act only while holding the leader's Lease")
	flags.StringVar(&o.MetricsAddress, "metrics-address", ":8080", `address that serves metrics; "0": none`)
	flags.StringVar(&o.HealthAddress, "health-address", ":8081", `address that serves /healthz and /readyz; "0": none`)
	flags.StringVar(&o.PprofAddress, "pprof-address", "", "address that serves profiles; empty: none")
	flags.DurationVar(&o.CommandTimeout, "ceph-timeout", session.DefaultTimeout, "how long an attempt to connect to Ceph, to read its state, or one step may take")
	flags.DurationVar(&o.MonGrace, "mon-failover-after", plan.DefaultMonGrace,
		"how long a mon must have been lost, with its node or its store, before another takes its place; longer than a node takes to restart")
	flags.IntVarP(&f.verbosity, "verbosity", "v", 0, "how much to log: 1 also says what was decided")
	if o.NodeImage == "" {
		if err := cmd.MarkFlagRequired("node-image"); err != nil {
			panic(err) // the flag is not defined: cannot be
		}
	}
}

func (f *operatorFlags) run(ctx context.Context) error {
	f.options.Log, f.options.Dial = newLogger(f.verbosity), dial
	mds.Use() // a fence ends sessions with metadata servers
	kubernetes, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find Kubernetes: %w", err)
	}
	operator, err := app.New(kubernetes, f.options)
	if err != nil {
		return err
	}
	f.options.Log.Info("starting", "version", version, "librados", rados.Version(), "namespace", f.options.Namespace)
	return operator.Start(ctx)
}

// newLogger writes JSON to stderr, for every library that logs.
func newLogger(verbosity int) logr.Logger {
	logger := zap.New(zap.Level(zapcore.Level(-verbosity)))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	return logger
}

// monPatience is how long librados waits for a mon's answer after the call itself was given up.
const monPatience = 30 * time.Second

// dial opens a session with a real cluster.
func dial(ctx context.Context, target session.Target) (ceph.Client, error) {
	client, err := rados.Connect(ctx, rados.Config{
		MonHosts: target.MonHosts, FSID: target.FSID, Entity: target.Entity, Key: target.Key,
		Timeouts: rados.Timeouts{Mon: monPatience},
	})
	if err != nil {
		return nil, err
	}
	return client, nil
}
