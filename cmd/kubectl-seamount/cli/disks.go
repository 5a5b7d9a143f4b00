package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newDisks(a *App) *cobra.Command {
	var o output
	var selector string
	var q answer.DiskQuery
	cmd := &cobra.Command{
		Use:   "disks",
		Short: "List the disks of every node: what each is for, and why",
		Long: `List the disks of every node: what each is, whether it may be used, what it is for, and why, in words.

Disks that nobody would miss are left out unless --all is given: those that were pulled and hold no OSD, and loop devices,
sticks and cards that no rule asks for.`,
		Example: `  kubectl seamount disks --node n3
  kubectl seamount disks -l osd.seamount.dev/12 -o wide`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := labels.Parse(selector)
			if err != nil {
				return usage("such as -l seamount.dev/media=HDD", "--selector: %w", err)
			}
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), k, o, a.disksQuery(q, parsed))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	cmd.Flags().StringVar(&q.Node, "node", "", "only the disks of this node")
	cmd.Flags().BoolVar(&q.All, "all", false, "also disks that nobody would miss")
	cmd.Flags().StringVarP(&selector, "selector", "l", "", "only the StorageDisks with these labels")
	_ = cmd.RegisterFlagCompletionFunc("node", a.completeNodes)
	return cmd
}

func (a *App) disksQuery(q answer.DiskQuery, selector labels.Selector) query {
	return query{
		parts: []part{disks(client.MatchingLabelsSelector{Selector: selector})},
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			found := answer.ListDisks(s, q)
			switch {
			case len(s.Disks) == 0 && selector.Empty():
				fmt.Fprintln(a.Err, "no node has reported a disk: is discover running? (kubectl get daemonsets -A -l app.kubernetes.io/component=discover)")
			case found.Hidden > 0:
				fmt.Fprintf(a.Err, "not shown: %d that nobody would miss (--all shows them)\n", found.Hidden)
			}
			return found, func(p *paper) { drawDisks(p, found.Disks) }, nil
		},
	}
}

func drawDisks(p *paper, found []answer.Disk) {
	if len(found) == 0 {
		return
	}
	table(p, "", found,
		column[answer.Disk]{name: "NAME", cell: func(d answer.Disk) string { return d.Name }},
		column[answer.Disk]{name: "NODE", cell: func(d answer.Disk) string { return d.Node }},
		column[answer.Disk]{name: "DEVICE", cell: func(d answer.Disk) string { return d.Device }},
		column[answer.Disk]{name: "SIZE", cell: func(d answer.Disk) string { return answer.Size(d.SizeBytes) }},
		column[answer.Disk]{name: "MEDIA", cell: func(d answer.Disk) string { return d.Media }},
		column[answer.Disk]{name: "TRANSPORT", cell: func(d answer.Disk) string { return d.Transport }, wide: true},
		column[answer.Disk]{name: "MODEL", cell: func(d answer.Disk) string { return d.Model }, wide: true},
		column[answer.Disk]{name: "SERIAL", cell: func(d answer.Disk) string { return d.Serial }, wide: true},
		column[answer.Disk]{name: "PATH", cell: func(d answer.Disk) string { return d.Path }, wide: true},
		column[answer.Disk]{name: "HEALTHY", cell: func(d answer.Disk) string { return d.Healthy }, wide: true},
		column[answer.Disk]{name: "VERDICT", cell: func(d answer.Disk) string { return d.Verdict }},
		column[answer.Disk]{name: "STATE", cell: func(d answer.Disk) string { return d.State }},
		column[answer.Disk]{name: "OSD", cell: func(d answer.Disk) string { return answer.Numbers(d.OSDs) }},
		column[answer.Disk]{name: "CLUSTER", cell: func(d answer.Disk) string { return d.Cluster }, wide: true},
		column[answer.Disk]{name: "PLAN", cell: func(d answer.Disk) string { return d.Action }, wide: true},
		column[answer.Disk]{name: "RULE", cell: func(d answer.Disk) string { return d.Rule }, wide: true},
		column[answer.Disk]{name: "REASON", cell: func(d answer.Disk) string { return d.Reason }},
		column[answer.Disk]{name: "MESSAGE", cell: func(d answer.Disk) string { return d.Message }},
		column[answer.Disk]{name: "REMEDY", cell: func(d answer.Disk) string { return d.Remedy }, wide: true},
	)
}
