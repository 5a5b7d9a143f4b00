package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// explained are the kinds that why knows, with the names that people have for them; the first is the usual one.
var explained = []struct {
	kind  string
	names []string
}{
	{answer.KindPod, []string{"pod", "pods", "po"}},
	{answer.KindClaim, []string{"pvc", "persistentvolumeclaim", "persistentvolumeclaims", "pvcs"}},
	{v1alpha1.KindStoragePool, []string{"storagepool", "storagepools", "sp", "pool"}},
	{v1alpha1.KindStorageFilesystem, []string{"storagefilesystem", "storagefilesystems", "sfs", "filesystem"}},
	{v1alpha1.KindStorageCluster, []string{"storagecluster", "storageclusters", "scl", "cluster"}},
	{v1alpha1.KindStorageDisk, []string{"disk", "storagedisk", "storagedisks", "sd", "disks"}},
	{v1alpha1.KindStorageOperation, []string{"storageoperation", "storageoperations", "sop", "operation"}},
	{answer.KindNode, []string{"node", "nodes", "no"}},
}

func newWhy(a *App) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "why KIND/NAME",
		Short: "Show what an object waits for, down to the disk, the daemon or the person",
		Long: `Show what an object waits for: each link of the chain with its reason, down to the disk, the daemon or the person, and
what to do.

KIND is pod, pvc, storagepool (sp), storagefilesystem (sfs), storagecluster (scl), disk (sd), storageoperation (sop) or
node. Pods and claims are looked for in the namespace of the context; objects of Seamount in every namespace, if -n names
none.`,
		Example: `  kubectl seamount why pod/web-0 -n shop
  kubectl seamount why disk/wwn-5000c50093282dee`,
		Args:              arguments(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: a.completeObjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, name, err := parseObject(args)
			if err != nil {
				return err
			}
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), k, o, whyQuery(k, kind, name))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	return cmd
}

// parseObject reads KIND/NAME, or KIND NAME.
func parseObject(args []string) (kind, name string, err error) {
	word, name, _ := strings.Cut(strings.Join(args, "/"), "/")
	word, _, _ = strings.Cut(strings.ToLower(word), ".")
	for _, e := range explained {
		if slices.Contains(e.names, word) && name != "" && !strings.Contains(name, "/") {
			return e.kind, name, nil
		}
	}
	return "", "", usage("such as pod/web-0; the kinds are "+strings.Join(usualKinds(), ", "), "%q names no object that can be explained", strings.Join(args, " "))
}

func usualKinds() []string {
	var names []string
	for _, e := range explained {
		names = append(names, e.names[0])
	}
	return names
}

func whyQuery(k *Kubernetes, kind, name string) query {
	return query{
		parts: whyParts(k, kind),
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			object, err := locate(s, k, kind, name)
			if err != nil {
				return nil, nil, err
			}
			why, err := answer.Explain(s, object)
			if missing := (answer.ErrNotFound{}); errors.As(err, &missing) {
				return nil, nil, hinted("look for it with kubectl get, and name its namespace with -n", "%w", err)
			}
			return why, func(p *paper) { drawWhy(p, why) }, err
		},
	}
}

// whyParts reads what a chain from such an object can touch. What lies in one namespace may depend on a cluster in any.
func whyParts(k *Kubernetes, kind string) []part {
	parts := []part{clusters(""), disks(), pools(""), filesystems(""), operations(""), nodes(), daemons()}
	if kind == answer.KindPod || kind == answer.KindClaim {
		parts = append(parts, pods(k.Namespace), claims(k.Namespace), volumes(), classes(), attachments(), warnings(k.Namespace))
	}
	return parts
}

// locate finds the namespace of an object: that of the context for Kubernetes' own, any for Seamount's.
func locate(s *answer.Snapshot, k *Kubernetes, kind, name string) (answer.Object, error) {
	var found []string
	note := func(namespace, has string) {
		if has == name && (!k.Named || namespace == k.Namespace) {
			found = append(found, namespace)
		}
	}
	switch kind {
	case v1alpha1.KindStorageDisk, answer.KindNode:
		return answer.Object{Kind: kind, Name: name}, nil
	case v1alpha1.KindStorageCluster:
		each(s.Clusters, func(c *v1alpha1.StorageCluster) { note(c.Namespace, c.Name) })
	case v1alpha1.KindStoragePool:
		each(s.Pools, func(p *v1alpha1.StoragePool) { note(p.Namespace, p.Name) })
	case v1alpha1.KindStorageFilesystem:
		each(s.Filesystems, func(f *v1alpha1.StorageFilesystem) { note(f.Namespace, f.Name) })
	case v1alpha1.KindStorageOperation:
		each(s.Operations, func(o *v1alpha1.StorageOperation) { note(o.Namespace, o.Name) })
	}
	switch len(found) {
	case 0:
		if kind != answer.KindPod && kind != answer.KindClaim && !k.Named {
			return answer.Object{}, hinted("look for it: kubectl get seamount -A", "%s %s does not exist in any namespace", kind, name)
		}
		return answer.Object{Kind: kind, Namespace: k.Namespace, Name: name}, nil
	case 1:
		return answer.Object{Kind: kind, Namespace: found[0], Name: name}, nil
	}
	return answer.Object{}, usage("name one with -n", "%s %s exists in the namespaces %s", kind, name, strings.Join(found, ", "))
}

func each[T any](list []T, do func(*T)) {
	for i := range list {
		do(&list[i])
	}
}

func drawWhy(p *paper, why answer.Why) {
	p.linef("%s", why.Summary)
	p.linef("")
	for _, link := range why.Links {
		p.linef("%s%s", strings.Repeat("  ", link.Depth), linkText(link))
	}
	p.linef("")
	if len(why.Todo) == 0 {
		p.linef("There is nothing for you to do.")
	} else {
		p.linef("What to do:")
	}
	for _, do := range why.Todo {
		p.linef("- %s", do)
	}
	drawRunbooks(p, why)
}

// drawRunbooks lists where the reasons are written about.
func drawRunbooks(p *paper, why answer.Why) {
	written := slices.DeleteFunc(slices.Clone(why.Links), func(link answer.Link) bool { return link.Runbook == "" })
	if len(written) == 0 {
		return
	}
	p.linef("")
	p.linef("What the reasons mean, and what not to do:")
	for _, link := range written {
		p.linef("- %s: %s", link.Reason, link.Runbook)
	}
}

// linkText is a link in a line: a mark, what it is about, and why.
func linkText(link answer.Link) string {
	mark := map[answer.State]string{answer.Well: "ok     ", answer.Waiting: "waits  ", answer.Unknown: "unknown"}[link.State]
	return fmt.Sprintf("%s  %s", mark, joined(": ", joined(" ", link.Object.String(), orNone("", link.Condition), inParentheses(link.Reason)), link.Message))
}

func inParentheses(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// completeObjects completes KIND/NAME: first the kind, then the name.
func (a *App) completeObjects(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	word, _, slash := strings.Cut(typed, "/")
	if len(args) > 0 || !slash {
		var kinds []string
		for _, kind := range usualKinds() {
			kinds = append(kinds, kind+"/")
		}
		return kinds, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	kind, _, err := parseObject([]string{word, "x"})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.names(cmd.Context(), func(k *Kubernetes) part { return partOf(k, kind) }, word+"/")
}

func partOf(k *Kubernetes, kind string) part {
	switch kind {
	case answer.KindPod:
		return pods(k.Namespace)
	case answer.KindClaim:
		return claims(k.Namespace)
	case answer.KindNode:
		return nodes()
	case v1alpha1.KindStoragePool:
		return pools(k.scope())
	case v1alpha1.KindStorageFilesystem:
		return filesystems(k.scope())
	case v1alpha1.KindStorageDisk:
		return disks()
	case v1alpha1.KindStorageOperation:
		return operations(k.scope())
	}
	return clusters(k.scope())
}
