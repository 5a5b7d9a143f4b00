package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/controlplane"
	"github.com/seamount-dev/seamount/deploy/local/internal/node"
)

// clusterStatus is the answer of `status`.
type clusterStatus struct {
	Directory    string                `json:"directory"`
	APIServer    string                `json:"apiServer"`
	Kubeconfig   string                `json:"kubeconfig"`
	Programs     string                `json:"programs"`
	ControlPlane []controlplane.Status `json:"controlPlane"`
	Nodes        []nodeStatus          `json:"nodes"`
	// Healthy is true if everything runs and every node is Ready.
	Healthy bool `json:"healthy"`
}

type nodeStatus struct {
	node.Status
	// Ready is what Kubernetes says: True, False, or Unknown if it cannot be asked.
	Ready string `json:"ready"`
}

func newStatus() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell what runs; exit code 1 if something does not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			s, err := openCluster()
			if err != nil {
				return err
			}
			status := s.status(cmd.Context())
			if output == "json" {
				err = printJSON(cmd.OutOrStdout(), status)
			} else {
				err = printStatus(cmd.OutOrStdout(), status)
			}
			if err == nil && !status.Healthy {
				err = exitError(1)
			}
			return err
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (s *session) status(ctx context.Context) clusterStatus {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status := clusterStatus{
		Directory: s.dir.Path(), APIServer: s.config.Network.APIServer(), Kubeconfig: s.dir.Kubeconfig(),
		Programs: s.programs.BinDir, ControlPlane: s.plane().Status(), Healthy: true,
	}
	for _, d := range status.ControlPlane {
		status.Healthy = status.Healthy && d.Running
	}
	nodes, ready := s.nodes(), s.readiness(ctx)
	for _, n := range s.config.NodeNumbers() {
		one := nodeStatus{Status: nodes.Status(ctx, n)}
		one.Ready = ready(one.Name)
		status.Healthy = status.Healthy && one.State == node.Running && one.Ready == "True"
		status.Nodes = append(status.Nodes, one)
	}
	return status
}

// readiness asks Kubernetes once about all nodes.
func (s *session) readiness(ctx context.Context) func(string) string {
	unknown := func(string) string { return "Unknown" }
	api, err := s.plane().API()
	if err != nil {
		return unknown
	}
	ready, err := api.NodesReady(ctx)
	if err != nil {
		return unknown
	}
	return func(name string) string {
		if ready[name] {
			return "True"
		}
		return "False"
	}
}

func printStatus(w io.Writer, s clusterStatus) error {
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(table, format+"\n", args...) }
	row("CONTROL PLANE\tSTATE\tPID")
	for _, d := range s.ControlPlane {
		if d.Running {
			row("%s\tRunning\t%d", d.Name, d.PID)
		} else {
			row("%s\tStopped\t", d.Name)
		}
	}
	row("")
	row("NODE\tSTATE\tPID\tREADY\tADDRESS")
	for _, n := range s.Nodes {
		pid := ""
		if n.PID > 0 {
			pid = fmt.Sprint(n.PID)
		}
		row("%s\t%s\t%s\t%s\t%s", n.Name, n.State, pid, n.Ready, n.Address)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nAPI server   %s\nKUBECONFIG   %s\nprograms     %s\n", s.APIServer, s.Kubeconfig, s.Programs)
	return err
}
