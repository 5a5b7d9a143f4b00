package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
)

func newCeph() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ceph",
		Short: "Look at a Ceph cluster as the operator sees it",
	}
	cmd.AddCommand(newCheck())
	return cmd
}

// checkFlags are the flags of "seamount ceph check".
type checkFlags struct {
	monHosts []string
	fsid     string
	entity   string
	keyFile  string
	timeout  time.Duration
	output   output
}

func newCheck() *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:   "check --mon-host ADDRESS... --key-file FILE",
		Short: "Connect to a cluster and print its health, quorum and OSDs",
		Long: `Connect to a cluster, read its state once, and print its health, quorum, OSDs
and PGs. No ceph.conf and no keyring is read but what the flags name.

Exit code: 0 if the cluster is HEALTH_OK; 3 if it answers and is not; 1 if it
could not be asked, with the reason on stderr.`,
		Example: `  seamount ceph check --mon-host v2:10.0.0.7:3300,v2:10.0.0.8:3300 --key-file /etc/ceph-key/key
  seamount ceph check --mon-host mon-a.storage.svc --entity client.csi --key-file - -o json < key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags.addTo(cmd)
	return cmd
}

func (f *checkFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.monHosts, "mon-host", nil, "addresses of mons, as Ceph's mon_host takes them")
	cmd.Flags().StringVar(&f.entity, "entity", "client.admin", "cephx user")
	cmd.Flags().StringVar(&f.keyFile, "key-file", "", `file with the user's key, bare or in a keyring; "-" is stdin`)
	cmd.Flags().StringVar(&f.fsid, "fsid", "", "the cluster that is expected there")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 15*time.Second, "how long all of it may take")
	f.output.addTo(cmd)
	for _, name := range []string{"mon-host", "key-file"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is not defined: cannot be
		}
	}
}

func (f *checkFlags) run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	key, err := readKeyFile(f.keyFile, f.entity, stdin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	s, err := readSnapshot(ctx, rados.Config{MonHosts: f.monHosts, FSID: f.fsid, Entity: f.entity, Key: key})
	if err != nil {
		return err
	}
	r := newReport(s)
	if err := r.print(stdout, f.output); err != nil {
		return err
	}
	if s.Health.Status != ceph.HealthOK {
		return errUnhealthy
	}
	return nil
}

func readSnapshot(ctx context.Context, config rados.Config) (*ceph.Snapshot, error) {
	c, err := rados.Connect(ctx, config)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Snapshot(ctx)
}
