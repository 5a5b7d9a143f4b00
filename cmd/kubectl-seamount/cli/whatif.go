package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// whatIfFlags are the flags of "plan" that ask what an operation would do.
type whatIfFlags struct {
	kind, node, replacement, erase, cluster string
	timeout                                 time.Duration
}

// whatIfTypes are the operations that can be asked about. What Add would do is what plan shows without a flag.
func whatIfTypes() []v1alpha1.OperationType {
	return []v1alpha1.OperationType{
		v1alpha1.OperationRemove, v1alpha1.OperationDrain, v1alpha1.OperationReplace, v1alpha1.OperationWipe,
	}
}

func eraseModes() []v1alpha1.EraseMode {
	return []v1alpha1.EraseMode{v1alpha1.EraseNone, v1alpha1.EraseSignatures, v1alpha1.EraseFull}
}

func (f *whatIfFlags) addTo(a *App, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "what-if", "", "show what an operation of this type would do: remove, drain, replace or wipe")
	flags.StringVar(&f.node, "node", "", "with --what-if remove or drain: every disk of this node that has an OSD, in place of DISK")
	flags.StringVar(&f.replacement, "replacement", "", "with --what-if replace: the disk that takes the place")
	flags.StringVar(&f.erase, "erase", "", "with --what-if: how the disk would be erased: none, signatures (the default) or full")
	flags.StringVar(&f.cluster, "storagecluster", "", "with --what-if: the StorageCluster that is meant, if the disks do not say it")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "with --what-if: how long to wait for the operator's plan")
	completeFlag(cmd, "what-if", lowered(whatIfTypes()))
	completeFlag(cmd, "erase", lowered(eraseModes()))
	_ = cmd.RegisterFlagCompletionFunc("node", a.completeNodes)
	_ = cmd.RegisterFlagCompletionFunc("storagecluster", a.completeClusters)
}

func lowered[T ~string](values []T) []string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, strings.ToLower(string(v)))
	}
	return words
}

// among finds the value of an enumeration that a word means, in whatever case it is written.
func among[T ~string](values []T, word string) (T, bool) {
	at := slices.IndexFunc(values, func(v T) bool { return strings.EqualFold(string(v), word) })
	if at < 0 {
		return "", false
	}
	return values[at], true
}

// arguments takes disks with --what-if, and without it a cluster.
func (f *whatIfFlags) arguments(cmd *cobra.Command, args []string) error {
	if f.kind != "" {
		return nil
	}
	return arguments(cobra.MaximumNArgs(1))(cmd, args)
}

// check refuses flags that contradict each other, before anything is read.
func (f *whatIfFlags) check(disks []string, o output) error {
	_, known := among(whatIfTypes(), f.kind)
	_, erases := among(eraseModes(), f.erase)
	switch {
	case f.kind == "" && f.node+f.replacement+f.erase+f.cluster != "":
		return usage("such as --what-if remove", "--node, --replacement, --erase and --storagecluster go with --what-if")
	case f.kind == "":
		return nil
	case !known:
		return usage("one of "+strings.Join(lowered(whatIfTypes()), ", "), "--what-if=%s is unknown", f.kind)
	case o.watch:
		return usage("leave one of them out", "--what-if ends with the answer, and --watch does not end")
	case f.erase != "" && !erases:
		return usage("one of "+strings.Join(lowered(eraseModes()), ", "), "--erase=%s is unknown", f.erase)
	case f.timeout <= 0:
		return usage("such as --timeout 1m", "--timeout=%s is no time to wait", f.timeout)
	}
	return f.checkDisks(disks)
}

// checkDisks refuses what the API server would refuse of the disks and the node.
func (f *whatIfFlags) checkDisks(disks []string) error {
	kind, _ := among(whatIfTypes(), f.kind)
	switch {
	case (f.node == "") == (len(disks) == 0):
		return usage("kubectl seamount disks", "name either disks or --node")
	case f.node != "" && kind != v1alpha1.OperationRemove && kind != v1alpha1.OperationDrain:
		return usage("name the disks", "--node goes with --what-if remove or drain")
	case f.replacement != "" && (kind != v1alpha1.OperationReplace || len(disks) != 1):
		return usage("leave it out", "--replacement goes with --what-if replace of a single disk")
	}
	return nil
}

// question is the operation that is asked about. It is held, and labelled for what it is.
func (f *whatIfFlags) question(c *v1alpha1.StorageCluster, disks []string, token string) *v1alpha1.StorageOperation {
	kind, _ := among(whatIfTypes(), f.kind)
	erase, _ := among(eraseModes(), f.erase)
	return &v1alpha1.StorageOperation{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "what-if-", Namespace: c.Namespace, Labels: map[string]string{v1alpha1.LabelWhatIf: token},
		},
		Spec: v1alpha1.StorageOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: c.Name}, Type: kind, Disks: disks, Node: f.node,
			Replacement: f.replacement, Erase: erase, Intent: v1alpha1.IntentHold,
		},
	}
}

// clusterOf picks the cluster that the disks belong to, or the one that is named, or the only one.
func (f *whatIfFlags) clusterOf(s *answer.Snapshot, names []string, namespace string) (*v1alpha1.StorageCluster, error) {
	name, claims := f.cluster, map[v1alpha1.DiskClaim]bool{}
	for i := range s.Disks {
		d := &s.Disks[i]
		meant := slices.Contains(names, d.Name) || f.node != "" && d.Status.Node == f.node && len(d.Status.OSDs) > 0
		if claim := d.Status.Claim; meant && claim != nil {
			claims[v1alpha1.DiskClaim{Namespace: claim.Namespace, Name: claim.Name}] = true
		}
	}
	if err := pickClusters(s, namespace, name); err != nil {
		return nil, err
	}
	if name == "" && len(claims) > 0 {
		s.Clusters = slices.DeleteFunc(s.Clusters, func(c v1alpha1.StorageCluster) bool {
			return !claims[v1alpha1.DiskClaim{Namespace: c.Namespace, Name: c.Name}]
		})
	}
	switch len(s.Clusters) {
	case 0:
		return nil, hinted("kubectl seamount disks -o wide", "the disks belong to no StorageCluster that you see here")
	case 1:
		return &s.Clusters[0], nil
	}
	return nil, usage("name one with --storagecluster, and its namespace with -n", "there are several StorageClusters: %s", clusterNames(s))
}

// whatIf shows what an operation would do.
func (a *App) whatIf(ctx context.Context, k *Kubernetes, f whatIfFlags, names []string, o output) error {
	s, err := a.gather(ctx, k, []part{clusters(k.scope()), disks()})
	if err != nil {
		return err
	}
	c, err := f.clusterOf(s, names, k.scope())
	if err != nil {
		return err
	}
	planned, err := a.askOperator(ctx, k, f.question(c, names, newToken()), f.timeout)
	if planned == nil {
		return err
	}
	found := answer.AnswerWhatIf(planned, c)
	return errors.Join(o.write(a.Out, planned.Status.Plan, func(p *paper) { drawWhatIf(p, found) }), err)
}

func drawWhatIf(p *paper, found answer.WhatIf) {
	o := found.Operation
	p.linef("%s of %s in cluster %s/%s, plan %s", o.Type, o.Targets, o.Namespace, o.Cluster, o.PlanID)
	drawOperationPlan(p, o)
	p.linef("%s", found.Verdict)
	if found.Do == nil {
		p.linef("Nothing was changed. Do what is said above, and ask again.")
		return
	}
	p.linef("Nothing was changed. To do it, create it, read its plan, and approve that:")
	p.linef("")
	text, err := yaml.Marshal(found.Do)
	if err != nil {
		panic(err) // a type of the API: cannot fail
	}
	p.linef("kubectl create -f - <<END\n%sEND", text)
	p.linef("kubectl seamount operations")
	p.linef("kubectl seamount approve NAME")
}
