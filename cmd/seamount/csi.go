package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/csi/app"
)

func newCSI() *cobra.Command {
	cmd := &cobra.Command{Use: "csi", Short: "Run the parts of the CSI driver that talk to Ceph"}
	cmd.AddCommand(newCSIController())
	return cmd
}

// csiFlags are the flags of "seamount csi controller".
type csiFlags struct {
	options            app.Options
	socket, fileSocket string
	verbosity          int
}

func newCSIController() *cobra.Command {
	var flags csiFlags
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Run the CSI controller: what makes, attaches, grows, snapshots and deletes volumes",
		Long: `Run the controllers of the CSI drivers rbd.csi.seamount.dev (block volumes) and cephfs.csi.seamount.dev (file volumes) until
it is told to stop, with the CSI community's provisioner, attacher, resizer and snapshotter of each in the same process. It reads the users of the clusters from the Secrets seamount-csi.

Of several with --leader-elect one acts. Killed at any time, another goes on where it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.run(cmd.Context()) },
	}
	flags.addTo(cmd)
	return cmd
}

func (f *csiFlags) addTo(cmd *cobra.Command) {
	o, flags := &f.options, cmd.Flags()
	flags.StringVar(&o.Home, "home-namespace", cmp.Or(os.Getenv("POD_NAMESPACE"), homeNamespace),
		"namespace of Seamount itself, where the leader's Lease is (default: of its own pod)")
	flags.StringSliceVar(&o.Namespaces, "namespaces", nil, "namespaces whose StorageClusters are served (default: the home namespace)")
	flags.BoolVar(&o.LeaderElection, "leader-elect", false, "act only while holding the leader's Lease")
	flags.StringVar(&o.MetricsAddress, "metrics-address", ":8080", `address that serves metrics; "0": none`)
	flags.StringVar(&o.HealthAddress, "health-address", ":8081", `address that serves /healthz and /readyz; "0": none`)
	flags.StringVar(&o.PprofAddress, "pprof-address", "", "address that serves profiles; empty: none")
	flags.StringVar(&f.socket, "socket", "", "unix socket on which the driver of block volumes also answers, for people and tests; empty: none")
	flags.StringVar(&f.fileSocket, "file-socket", "", "unix socket on which the driver of file volumes also answers, likewise")
	flags.Float32Var(&o.Linked.QPS, "kube-api-qps", 200, "requests to Kubernetes a second, of all controllers together")
	flags.IntVar(&o.Linked.Burst, "kube-api-burst", 400, "requests to Kubernetes at once, of all controllers together")
	flags.IntVar(&o.Linked.Workers, "workers", 32, "how many volumes each controller handles at once")
	flags.BoolVar(&o.Linked.SnapshotController, "snapshot-controller", true,
		"also run the controller of VolumeSnapshots that all drivers share, while no other one holds its Lease")
	flags.StringVar(&o.Linked.SnapshotControllerNamespace, "snapshot-controller-namespace", "kube-system", "namespace of that controller's Lease")
	flags.IntVarP(&f.verbosity, "verbosity", "v", 0, "how much to log: 1 also says each call that succeeded")
}

func (f *csiFlags) run(ctx context.Context) error {
	o := &f.options
	o.Sockets = map[string]string{v1alpha1.ProvisionerRBD: f.socket, v1alpha1.ProvisionerCephFS: f.fileSocket}
	o.Log, o.Dial, o.Version = newLogger(f.verbosity), dial, version
	if len(o.Namespaces) == 0 {
		o.Namespaces = []string{o.Home}
	}
	kubernetes, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find Kubernetes: %w", err)
	}
	controller, err := app.New(kubernetes, *o)
	if err != nil {
		return err
	}
	o.Log.Info("starting", "version", version, "librados", rados.Version(), "namespaces", o.Namespaces)
	return controller.Start(ctx)
}
