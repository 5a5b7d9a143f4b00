package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/node"
)

// nodeVerb is one command of `node`.
type nodeVerb struct {
	name, short string
	do          func(*node.Manager, context.Context, int) error
}

var nodeVerbs = []nodeVerb{
	{"stop", "Shut a node down in an orderly way; its disks and images stay", (*node.Manager).Stop},
	{"start", "Start a node that was stopped or killed", (*node.Manager).Start},
	{"kill", "Cut a node's power: everything in it ends at once", (*node.Manager).Kill},
	{"freeze", "Stop every process of a node where it is, as a hung machine does", (*node.Manager).Freeze},
	{"thaw", "Let a frozen node go on", (*node.Manager).Thaw},
	{"partition", "Unplug a node from the network", (*node.Manager).Partition},
	{"heal", "Plug a node into the network again", (*node.Manager).Heal},
	{"restart-kubelet", "Restart kubelet in a node; its pods go on running", (*node.Manager).RestartKubelet},
	{"restart-containerd", "Restart containerd in a node; its pods go on running", (*node.Manager).RestartContainerd},
}

func newNode() *cobra.Command {
	var verbs []*cobra.Command
	for _, v := range nodeVerbs {
		verbs = append(verbs, v.command())
	}
	return group("node", "Stop, start and hurt nodes", "", verbs...)
}

func (v nodeVerb) command() *cobra.Command {
	return &cobra.Command{
		Use:   v.name + " NODE...",
		Short: v.short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := changeCluster(cmd.Context(), "node "+v.name)
			if err != nil {
				return err
			}
			return errors.Join(v.run(cmd.Context(), s, args), s.close())
		},
	}
}

// run checks all names before it touches any node.
func (v nodeVerb) run(ctx context.Context, s *session, names []string) error {
	var numbers []int
	for _, name := range names {
		n, err := s.config.ParseNode(name)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	nodes := s.nodes()
	for _, n := range numbers {
		if err := v.do(nodes, ctx, n); err != nil {
			return err
		}
	}
	return nil
}
