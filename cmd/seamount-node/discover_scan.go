package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/confine"
	"github.com/seamount-dev/seamount/discover/daemon"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/scan"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// scannedDisk is one line of `discover scan`.
type scannedDisk struct {
	Name    string                 `json:"name"`
	Device  string                 `json:"device"`
	Verdict v1alpha1.VerdictResult `json:"verdict"`
	Reasons []v1alpha1.Refusal     `json:"reasons,omitempty"`
	Content *v1alpha1.DiskContent  `json:"content,omitempty"`
	Disk    *disk.Disk             `json:"observed,omitempty"`
}

func newDiscoverScanCommand() *cobra.Command {
	var o daemon.Options
	var output string
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Print the disks of this machine and whether they may be used, without Kubernetes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := scanOnce(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printDisks(cmd.OutOrStdout(), found, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, or json with all that was observed")
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	cmd.Flags().StringVar(&o.Node, "node", host, "name of this node")
	readerFlags(cmd, &o)
	return cmd
}

// scanOnce reads all disks at the same time, as far as the readers allow. Which OSDs are known here, only the API knows.
func scanOnce(ctx context.Context, o daemon.Options) ([]scannedDisk, error) {
	sources, _ := o.Sources(o.Kubelet, confine.ReadOnly())
	disks, err := sources.Inventory.Read(ctx)
	if err != nil {
		return nil, err
	}
	c := verdict.Context{Node: o.Node, Kubelet: o.Kubelet, Unread: "this scan does not ask the API"}
	found := make([]scannedDisk, 0, len(disks))
	var readers sync.WaitGroup
	for _, d := range disks {
		if !scan.IsDisk(d) {
			continue
		}
		found = append(found, scannedDisk{Disk: &d})
	}
	for i := range found {
		readers.Go(func() { judgeOnce(ctx, sources, c, &found[i]) })
	}
	readers.Wait()
	return found, nil
}

func judgeOnce(ctx context.Context, sources scan.Sources, c verdict.Context, s *scannedDisk) {
	if !verdict.Unreadable(*s.Disk, c) {
		s.Disk.Content, s.Disk.Health = sources.Content.Read(ctx, *s.Disk), sources.Health.Read(ctx, *s.Disk)
	}
	j := verdict.Judge(*s.Disk, c)
	s.Name, _ = sources.Identify(*s.Disk, c.Node)
	s.Device, s.Verdict, s.Reasons, s.Content = s.Disk.Name, j.Result, j.Reasons, j.Content
}

func printDisks(w io.Writer, found []scannedDisk, output string) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(found)
	case "table":
		return printTable(w, found)
	}
	return fmt.Errorf("--output is table or json, not %q", output)
}

func printTable(w io.Writer, found []scannedDisk) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DISK\tDEVICE\tVERDICT\tREASON\tMESSAGE")
	for _, s := range found {
		var first v1alpha1.Refusal
		if len(s.Reasons) > 0 {
			first = s.Reasons[0]
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Device, s.Verdict, first.Reason, first.Message)
	}
	return table.Flush()
}
