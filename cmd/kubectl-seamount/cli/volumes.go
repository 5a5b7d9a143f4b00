package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newVolumes(a *App) *cobra.Command {
	var o output
	var all bool
	cmd := &cobra.Command{
		Use:   "volumes [PVC]",
		Short: "Show which claim is which image or subvolume of Ceph, in which pods and on which nodes",
		Long: `Show which PersistentVolumeClaim is which image (pool/image) or subvolume (filesystem/group/subvolume) of Ceph, which pods use
it, and which nodes it is attached to.

With -A the claims of every namespace are shown, and volumes whose claim is gone.`,
		Example: `  kubectl seamount volumes -n shop
  kubectl seamount volumes -A -o wide`,
		Args:              arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeClaims,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return usage("leave out -A, or name the namespace with -n", "a claim is named together with its namespace, not with -A")
			}
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			namespace := k.Namespace
			if all {
				namespace = ""
			}
			return a.ask(cmd.Context(), k, o, a.volumesQuery(namespace, argument(args)))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "the claims of every namespace, and volumes without a claim")
	return cmd
}

func (a *App) volumesQuery(namespace, name string) query {
	return query{
		parts: []part{claims(namespace), volumes(), classes(), pods(namespace), attachments()},
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			found := answer.ListVolumes(s, namespace == "")
			if name != "" {
				picked := answer.Volumes{}
				for _, v := range found.Volumes {
					if v.Claim == name {
						picked.Volumes = append(picked.Volumes, v)
					}
				}
				if len(picked.Volumes) == 0 {
					return nil, nil, hinted("kubectl seamount volumes -n "+namespace, "namespace %s has no claim %s with a volume of Seamount", namespace, name)
				}
				found = picked
			}
			if len(found.Volumes) == 0 {
				fmt.Fprintln(a.Err, nothingIn(namespace))
			}
			return found, func(p *paper) { drawVolumes(p, found.Volumes) }, nil
		},
	}
}

func nothingIn(namespace string) string {
	if namespace == "" {
		return "there are no volumes of Seamount"
	}
	return fmt.Sprintf("there are no volumes of Seamount in namespace %s; -A looks in every namespace", namespace)
}

func drawVolumes(p *paper, found []answer.Volume) {
	if len(found) == 0 {
		return
	}
	table(p, "", found,
		column[answer.Volume]{name: "NAMESPACE", cell: func(v answer.Volume) string { return v.Namespace }},
		column[answer.Volume]{name: "CLAIM", cell: func(v answer.Volume) string { return v.Claim }},
		column[answer.Volume]{name: "PHASE", cell: func(v answer.Volume) string { return v.Phase }},
		column[answer.Volume]{name: "SIZE", cell: func(v answer.Volume) string { return v.Capacity }},
		column[answer.Volume]{name: "ACCESS", cell: func(v answer.Volume) string { return strings.Join(v.AccessModes, ",") }, wide: true},
		column[answer.Volume]{name: "STORAGECLASS", cell: func(v answer.Volume) string { return v.StorageClass }, wide: true},
		column[answer.Volume]{name: "VOLUME", cell: func(v answer.Volume) string { return v.Volume }, wide: true},
		column[answer.Volume]{name: "CLUSTER", cell: func(v answer.Volume) string { return v.Cluster }, wide: true},
		column[answer.Volume]{name: "PLACE", cell: placeCell},
		column[answer.Volume]{name: "PODS", cell: podCell},
		column[answer.Volume]{name: "NODES", cell: nodeCell},
	)
}

// placeCell is where the data is, as the commands of Ceph write it.
func placeCell(v answer.Volume) string {
	if v.Filesystem != "" {
		return strings.Join([]string{v.Filesystem, v.Group, v.Subvolume}, "/")
	}
	return strings.Trim(v.Pool+"/"+v.Image, "/")
}

func podCell(v answer.Volume) string {
	var names []string
	for _, p := range v.Pods {
		name := p.Name
		if p.Phase != "Running" {
			name += " (" + p.Phase + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ",")
}

func nodeCell(v answer.Volume) string {
	var names []string
	for _, n := range v.Nodes {
		switch {
		case n.Message != "":
			names = append(names, fmt.Sprintf("%s (%s)", n.Name, n.Message))
		case !n.Attached:
			names = append(names, n.Name+" (attaching)")
		default:
			names = append(names, n.Name)
		}
	}
	return strings.Join(names, ",")
}
