package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newStatus(a *App) *cobra.Command {
	var o output
	var check bool
	cmd := &cobra.Command{
		Use:   "status [CLUSTER]",
		Short: "Show how the storage is, and what waits for you",
		Long: `Show on one screen how a cluster is: health in words, capacity, mons, OSDs by host, pools, what goes on by itself,
and what waits for you. Without a name, every cluster is shown.`,
		Example: `  kubectl seamount status
  kubectl seamount status main --check && echo healthy`,
		Args:              arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			if check && o.watch {
				return usage("leave one of them out", "--check ends with the answer, and --watch does not end")
			}
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), k, o, statusQuery(k, argument(args), check))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "end with exit code 3 unless every cluster that is shown is healthy")
	return cmd
}

// argument is the one that may be left out.
func argument(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// statusQuery comes to errUnhealthy if a cluster is not healthy and check is set.
func statusQuery(k *Kubernetes, name string, check bool) query {
	ns, sick := k.scope(), false
	return query{
		after: func() error {
			if check && sick {
				return errUnhealthy
			}
			return nil
		},
		parts: []part{clusters(ns), disks(), pools(ns), filesystems(ns), operations(ns), nodes(), daemons()},
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			if err := pickClusters(s, ns, name); err != nil {
				return nil, nil, err
			}
			status := answer.MakeStatus(s)
			sick = !status.Healthy()
			return status, func(p *paper) { drawStatus(p, status) }, nil
		},
	}
}

// pickClusters leaves only the cluster that was named in a snapshot, and says so when there is none.
func pickClusters(s *answer.Snapshot, namespace, name string) error {
	where := "in this Kubernetes cluster"
	if namespace != "" {
		where = "in namespace " + namespace
	}
	if len(s.Clusters) == 0 {
		return hinted("make one: deploy/examples/minimal.yaml is six lines; or look elsewhere with -n or --context",
			"there is no StorageCluster %s", where)
	}
	var picked []v1alpha1.StorageCluster
	var names []string
	for _, c := range s.Clusters {
		names = append(names, c.Name)
		if name == "" || c.Name == name {
			picked = append(picked, c)
		}
	}
	if len(picked) == 0 {
		return hinted("there is "+strings.Join(names, ", "), "there is no StorageCluster %s %s", name, where)
	}
	s.Clusters = picked
	return nil
}

func drawStatus(p *paper, status answer.Status) {
	for i, c := range status.Clusters {
		if i > 0 {
			p.linef("")
		}
		drawCluster(p, c)
	}
}

func drawCluster(p *paper, c answer.ClusterStatus) {
	p.linef("%s/%s: %s", c.Namespace, c.Name, c.Health)
	p.linef("")
	p.linef("  Ceph:      %s", orDash(joined(", ", orNone("HEALTH_", c.CephHealth), orNone("version ", c.Version), orNone("fsid ", onlyWide(p, c.FSID)))))
	p.linef("  Capacity:  %s", capacityLine(c.Capacity))
	p.linef("  OSDs:      %s", orDash(orSuffix(c.OSDsUp, " up")))
	for _, line := range c.Activity {
		p.linef("  Now:       %s", line)
	}
	section(p, c.Mons,
		column[answer.Mon]{name: "MON", cell: func(m answer.Mon) string { return m.Name }},
		column[answer.Mon]{name: "STATE", cell: func(m answer.Mon) string { return m.State }},
		column[answer.Mon]{name: "NODE", cell: func(m answer.Mon) string { return m.Node }},
		column[answer.Mon]{name: "ADDRESS", cell: func(m answer.Mon) string { return m.Address }, wide: true},
		column[answer.Mon]{name: "WHY", cell: func(m answer.Mon) string { return m.Why }},
	)
	drawHosts(p, c)
	drawPools(p, c.Pools)
	drawTasks(p, c)
}

// section is a table with an empty line before it; without rows it is not there.
func section[T any](p *paper, rows []T, columns ...column[T]) {
	if len(rows) == 0 {
		return
	}
	p.linef("")
	table(p, "  ", rows, columns...)
}

func drawHosts(p *paper, c answer.ClusterStatus) {
	section(p, c.Hosts,
		column[answer.Host]{name: "HOST", cell: func(h answer.Host) string { return h.Node }},
		column[answer.Host]{name: "OSDS UP", cell: func(h answer.Host) string { return fmt.Sprintf("%d/%d", h.Up, h.OSDs) }},
		column[answer.Host]{name: "DISKS", cell: func(h answer.Host) string { return fmt.Sprint(h.Disks) }},
		column[answer.Host]{name: "SIZE", cell: func(h answer.Host) string { return answer.Size(h.SizeBytes) }},
		column[answer.Host]{name: "TROUBLE", cell: func(h answer.Host) string { return strings.Join(h.Trouble, "; ") }},
	)
	if !p.wide() {
		return
	}
	section(p, c.Classes,
		column[answer.Class]{name: "CLASS", cell: func(c answer.Class) string { return c.Name }},
		column[answer.Class]{name: "OSDS UP", cell: func(c answer.Class) string { return fmt.Sprintf("%d/%d", c.Up, c.OSDs) }},
		column[answer.Class]{name: "SIZE", cell: func(c answer.Class) string { return answer.Size(c.RawBytes) }},
		column[answer.Class]{name: "USED", cell: func(c answer.Class) string { return answer.Percent(c.UsedPercent) }},
		column[answer.Class]{name: "FULLEST OSD", cell: func(c answer.Class) string { return answer.Percent(c.FullestPercent) }},
	)
}

func drawPools(p *paper, pools []answer.Pool) {
	section(p, pools,
		column[answer.Pool]{name: "POOL", cell: func(l answer.Pool) string { return l.Name }},
		column[answer.Pool]{name: "KIND", cell: func(l answer.Pool) string { return l.Kind }, wide: true},
		column[answer.Pool]{name: "READY", cell: func(l answer.Pool) string { return l.Ready }},
		column[answer.Pool]{name: "LAYOUT", cell: func(l answer.Pool) string { return l.Layout }},
		column[answer.Pool]{name: "USED", cell: func(l answer.Pool) string { return answer.Percent(l.UsedPercent) }},
		column[answer.Pool]{name: "AVAILABLE", cell: availableCell},
		column[answer.Pool]{name: "VOLUMES", cell: func(l answer.Pool) string { return number(l.Volumes) }},
		column[answer.Pool]{name: "STORAGECLASSES", cell: func(l answer.Pool) string { return strings.Join(l.StorageClasses, ",") }},
		column[answer.Pool]{name: "MESSAGE", cell: func(l answer.Pool) string { return l.Message }, wide: true},
	)
}

// availableCell tells nothing left from nothing known.
func availableCell(l answer.Pool) string {
	if l.UsedPercent != nil && l.AvailableBytes == 0 {
		return "0 B"
	}
	return answer.Size(l.AvailableBytes)
}

func drawTasks(p *paper, c answer.ClusterStatus) {
	p.linef("")
	if len(c.NeedsYou) == 0 {
		p.linef("  Nothing waits for you.")
		return
	}
	p.linef("  What waits for you:")
	for _, t := range c.NeedsYou {
		p.linef("  - %s (%s): %s", t.Object, t.Reason, t.Message)
		if t.Do != "" {
			p.linef("    do: %s", t.Do)
		}
	}
}

func capacityLine(c answer.Capacity) string {
	if c.RawBytes == 0 {
		return "-"
	}
	line := fmt.Sprintf("%s of %s raw space used (%s)", answer.Size(c.UsedBytes), answer.Size(c.RawBytes), answer.Percent(c.UsedPercent))
	if c.DaysToFull != nil {
		line += fmt.Sprintf(", full in about %d days", *c.DaysToFull)
	}
	return line
}

func number(n *int32) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

// orNone puts a prefix before a text, if there is one.
func orNone(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func orSuffix(text, suffix string) string {
	if text == "" {
		return ""
	}
	return text + suffix
}

func onlyWide(p *paper, text string) string {
	if p.wide() {
		return text
	}
	return ""
}

// joined puts texts that are not empty in a row.
func joined(separator string, texts ...string) string {
	var said []string
	for _, text := range texts {
		if text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, separator)
}
