package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/daemon"
	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// moduleDir holds the modules of the mgr in images of Ceph.
const moduleDir = "/usr/share/ceph/mgr"

func newMonCommand() *cobra.Command {
	var m daemon.Mon
	var bind bool
	cmd := daemonCommand("mon", "Make the store of a mon if there was none yet, and become ceph-mon", func(cmd *cobra.Command, args []string) error {
		m.Machine, m.Args = container(cmd), args
		if bind {
			m.BindAddresses = podAddresses()
		}
		return m.Start(cmd.Context())
	})
	cmd.Flags().StringVar(&m.Name, "name", "", "name of the mon, such as a")
	cmd.Flags().StringVar(&m.FSID, "fsid", "", "fsid of the cluster")
	cmd.Flags().StringVar(&m.Address, "address", "", "address that the mon is known by")
	cmd.Flags().BoolVar(&bind, "bind-pod-address", false, "listen on the pod's address: the mon's own leads to it through a Service")
	cmd.Flags().StringVar(&m.RecordDir, "record-dir", handover.MonsDir, "directory with the recorded mons")
	cmd.Flags().StringVar(&m.SecretDir, "secret-dir", handover.SecretDir, "directory with the keyring")
	cmd.Flags().StringVar(&m.Dir, "dir", handover.MonDir, "directory for the store")
	require(cmd, "name", "fsid", "address")
	return cmd
}

func newMgrCommand() *cobra.Command {
	var m daemon.Mgr
	cmd := daemonCommand("mgr", "Become ceph-mgr", func(cmd *cobra.Command, args []string) error {
		m.Machine, m.Args = container(cmd), args
		return m.Start(cmd.Context())
	})
	cmd.Flags().StringVar(&m.Name, "name", "", "name of the mgr, such as a")
	cmd.Flags().StringSliceVar(&m.Modules, "modules", nil, "modules that the mgr can load (default: all)")
	cmd.Flags().StringVar(&m.SecretDir, "secret-dir", handover.SecretDir, "directory with the keyring")
	cmd.Flags().StringVar(&m.Dir, "dir", handover.MgrDir, "directory for the mgr")
	cmd.Flags().StringVar(&m.ModuleDir, "module-dir", moduleDir, "directory with the modules")
	require(cmd, "name")
	return cmd
}

func newMDSCommand() *cobra.Command {
	var m daemon.MDS
	cmd := daemonCommand("mds", "Become ceph-mds", func(cmd *cobra.Command, args []string) error {
		m.Machine, m.Args = container(cmd), args
		return m.Start(cmd.Context())
	})
	cmd.Flags().StringVar(&m.Name, "name", "", "name of the MDS, such as shared-a")
	cmd.Flags().StringVar(&m.Filesystem, "filesystem", "", "filesystem that the MDS serves")
	cmd.Flags().StringVar(&m.SecretDir, "secret-dir", handover.SecretDir, "directory with the keyring")
	require(cmd, "name", "filesystem")
	return cmd
}

func newOSDCommand() *cobra.Command {
	var o daemon.OSD
	var root string
	var public bool
	cmd := daemonCommand("osd", "Prepare the disk of an OSD if it is blank and as it was judged, and become ceph-osd", func(cmd *cobra.Command, args []string) error {
		o.Machine, o.Args = container(cmd), args
		o.Disks = daemon.NodeDisks{
			Disks:  nodedisk.Disks{Inventory: inventory.Reader{Root: root}, Node: os.Getenv(handover.EnvNode)},
			Kernel: partition.Kernel{Sys: os.DirFS(filepath.Join(root, "sys"))},
			Dir:    filepath.Join(o.Dir, "slices"),
		}
		if public {
			o.PublicAddress = strings.Join(podAddresses()[:1], "")
		}
		return o.Start(cmd.Context())
	})
	cmd.Flags().Int32Var(&o.ID, "id", -1, "number of the OSD")
	cmd.Flags().StringVar(&o.Location, "location", "", `location in CRUSH, such as "root=default host=n1"`)
	cmd.Flags().StringVar(&o.DeviceClass, "device-class", "", "device class that the OSD gives itself if it has none")
	cmd.Flags().BoolVar(&public, "public-pod-address", false, "be known by the pod's address")
	cmd.Flags().StringVar(&root, "root", "/", "directory with the node's /sys and /dev")
	cmd.Flags().StringVar(&o.SecretDir, "secret-dir", handover.SecretDir, "directory with the reservation")
	cmd.Flags().StringVar(&o.Dir, "dir", handover.OSDDir, "directory for the OSD's own")
	require(cmd, "id", "location")
	return cmd
}

// daemonCommand is a command that passes what follows "--" on to a daemon.
func daemonCommand(name, short string, start func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " [flags] -- [arguments of ceph-" + name + "]",
		Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return fmt.Errorf("%q: arguments of ceph-%s follow \"--\"", args[0], name)
			}
			return nil
		},
		RunE: start,
	}
}

func container(cmd *cobra.Command) daemon.Machine { return daemon.Container{Log: cmd.ErrOrStderr()} }

// podAddresses are the addresses of the pod, in Kubernetes' order of preference.
func podAddresses() []string { return strings.Split(os.Getenv(handover.EnvPodIPs), ",") }
