package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func newDisk() *cobra.Command {
	return group("disk", "Plug disks into nodes and pull them out, while they run",
		`A disk is a sparse file behind a loop device that appears in the /dev of one node
only. It keeps its content and its place when the node restarts.`,
		newDiskAdd(), newDiskInsert(), newDiskRemove(), newDiskList())
}

func newDiskAdd() *cobra.Command {
	var size, file string
	cmd := &cobra.Command{
		Use:   "add NODE",
		Short: "Plug a new empty disk into a node, or one that is made of a file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bytes, err := disk.ParseSize(size)
			if err != nil {
				return err
			}
			return withDisks(cmd.Context(), "disk add", func(s *session, disks *disk.Manager) error {
				n, err := s.config.ParseNode(args[0])
				if err != nil {
					return err
				}
				var d disk.Disk
				if file != "" {
					d, err = disks.AddFile(cmd.Context(), n, file)
				} else {
					d, err = disks.Add(cmd.Context(), n, bytes)
				}
				if err != nil {
					return err
				}
				return printDisk(cmd.OutOrStdout(), d)
			})
		},
	}
	cmd.Flags().StringVar(&size, "size", "10G", "size of the disk; space is used as it is written")
	cmd.Flags().StringVar(&file, "file", "", "file that is the disk, with what is on it; it stays when the disk is removed")
	cmd.MarkFlagsMutuallyExclusive("size", "file")
	return cmd
}

func newDiskInsert() *cobra.Command {
	return &cobra.Command{
		Use:   "insert NODE DISK",
		Short: "Plug a disk that was removed with --keep into a node, the same or another",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDisks(cmd.Context(), "disk insert", func(s *session, disks *disk.Manager) error {
				n, err := s.config.ParseNode(args[0])
				if err != nil {
					return err
				}
				d, err := disks.Insert(cmd.Context(), n, args[1])
				if err != nil {
					return err
				}
				return printDisk(cmd.OutOrStdout(), d)
			})
		},
	}
}

func newDiskRemove() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "remove DISK...",
		Short: "Pull disks out of their nodes, and delete them unless --keep is given",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDisks(cmd.Context(), "disk remove", func(_ *session, disks *disk.Manager) error {
				for _, name := range args {
					if err := disks.Remove(cmd.Context(), name, keep); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the content, for `disk insert`")
	return cmd
}

func newDiskList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the disks of all nodes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			s, err := openCluster()
			if err != nil {
				return err
			}
			all, err := s.disks().List()
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), diskViews(all))
			}
			return printDisks(cmd.OutOrStdout(), all)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func withDisks(ctx context.Context, command string, work func(*session, *disk.Manager) error) error {
	s, err := changeCluster(ctx, command)
	if err != nil {
		return err
	}
	return errors.Join(work(s, s.disks()), s.close())
}

func printDisk(w io.Writer, d disk.Disk) error {
	_, err := fmt.Fprintf(w, "%s %s %s\n", d.ID, state.NodeName(d.Node), d.Device())
	return err
}

func printDisks(w io.Writer, all []disk.Disk) error {
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "DISK\tNODE\tDEVICE\tSIZE")
	for _, v := range diskViews(all) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.ID, cmp.Or(v.Node, "-"), cmp.Or(v.Device, "-"), disk.FormatSize(v.Bytes))
	}
	return table.Flush()
}

// diskView is a disk as programs read it.
type diskView struct {
	ID     string `json:"id"`
	Node   string `json:"node,omitempty"`
	Device string `json:"device,omitempty"`
	Bytes  int64  `json:"bytes"`
}

func diskViews(all []disk.Disk) []diskView {
	views := []diskView{}
	for _, d := range all {
		v := diskView{ID: d.ID, Bytes: d.Bytes}
		if d.Node > 0 {
			v.Node, v.Device = state.NodeName(d.Node), d.Device()
		}
		views = append(views, v)
	}
	return views
}

func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "json for programs, nothing for people")
}

func checkOutput(output string) error {
	if output != "" && output != "json" {
		return fmt.Errorf("-o %s is not known: choose json, or leave it out", output)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
