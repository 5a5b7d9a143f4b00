package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/bundle"
)

func newBundleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Keep the programs that serve volumes in a directory of the host",
	}
	cmd.AddCommand(newLayCommand(), newPruneCommand(), newSealCommand())
	return cmd
}

func newLayCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "lay",
		Short: "Copy the bundle of this image to the host, under its digest, and print the directory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := bundle.Lay(cmd.Context(), from, to)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "/bundle", "directory with the bundle")
	cmd.Flags().StringVar(&to, "to", "", "directory of the host that holds bundles")
	require(cmd, "to")
	return cmd
}

func newPruneCommand() *cobra.Command {
	var dir, proc string
	var keep []string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove bundles that are not to be kept and that no process runs from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pruned, err := bundle.Prune(dir, proc, keep)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(pruned)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the host that holds bundles")
	cmd.Flags().StringVar(&proc, "proc", "/proc", "the host's /proc")
	cmd.Flags().StringSliceVar(&keep, "keep", nil, "digests of bundles to keep")
	require(cmd, "dir", "keep")
	return cmd
}

func newSealCommand() *cobra.Command {
	var release, linker string
	cmd := &cobra.Command{
		Use:   "seal DIR",
		Short: "Write the manifest of a bundle, when an image is built, and print its digest",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			digest, err := bundle.Seal(args[0], release, linker)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), digest)
			return nil
		},
	}
	cmd.Flags().StringVar(&release, "release", "", "Ceph release of the libraries, such as 20.2.4")
	cmd.Flags().StringVar(&linker, "linker", "", "file name of the dynamic linker in the bundle")
	require(cmd, "release", "linker")
	return cmd
}

// require marks flags that have no sensible default.
func require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag of that name was not defined above
		}
	}
}
