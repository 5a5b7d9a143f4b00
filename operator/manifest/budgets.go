package manifest

import (
	"cmp"
	"reflect"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Annotations of a PodDisruptionBudget: why it is as it is, and which failure domain is away, or may be. The second is how
// the next operator knows what this one has chosen.
const (
	AnnotationBecause = "seamount.dev/because"
	AnnotationDomain  = "seamount.dev/disrupted-domain"
)

// Budget is how many daemons of one kind evictions may take away.
type Budget struct {
	Component string
	// Filesystem that metadata servers are of; empty for all others.
	Filesystem string
	// Spare is how many pods may be away; below 0: somebody has changed by hand what the budget says.
	Spare int32
	// Without are daemons that the budget does not hold, such as osd.3, in the order of their numbers. They may be evicted.
	Without []string
	// Domain is the failure domain that is away, or may be.
	Domain string
	// Because says why.
	Because string
}

// changedByHand is the Spare of a budget that is not as Seamount makes them.
const changedByHand = -1

// Name of the budget among those of its cluster: its component, and the filesystem if it is for one.
func (b Budget) Name() string {
	if b.Filesystem == "" {
		return b.Component
	}
	return b.Component + "-" + b.Filesystem
}

// Compare orders budgets by what they are for.
func (b Budget) Compare(other Budget) int {
	return cmp.Or(cmp.Compare(b.Component, other.Component), cmp.Compare(b.Filesystem, other.Filesystem))
}

// BudgetName is the name of a PodDisruptionBudget.
func BudgetName(cluster string, b Budget) string { return prefix(cluster) + "-" + b.Name() }

// PodDisruptionBudget keeps evictions from taking more daemons away than Ceph can spare.
//
// There is one for the OSDs, and what it holds changes with what is away: an eviction of a pod that two budgets hold fails
// for good instead of being tried again, and between two objects there is always a moment with both or with none. A pod
// that is not ready does no work, and is no reason to hold up a drain.
func (c Cluster) PodDisruptionBudget(b Budget) *policyv1.PodDisruptionBudget {
	selector := &metav1.LabelSelector{MatchLabels: c.selector(b.Component, "")}
	if len(b.Without) > 0 {
		selector.MatchExpressions = []metav1.LabelSelectorRequirement{
			{Key: LabelDaemon, Operator: metav1.LabelSelectorOpNotIn, Values: b.Without},
		}
	}
	budget := &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "PodDisruptionBudget"},
		ObjectMeta: c.owned(BudgetName(c.Name, b), b.Component, ""),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: ptr.To(intstr.FromInt32(b.Spare)), Selector: selector,
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
	if b.Filesystem != "" {
		c.ofFilesystem(&budget.ObjectMeta, b.Filesystem)
		selector.MatchLabels[v1alpha1.LabelFilesystem] = v1alpha1.FilesystemLabelValue(b.Filesystem)
	}
	// Both are always there: what is not applied any more would be left as it is.
	metav1.SetMetaDataAnnotation(&budget.ObjectMeta, AnnotationBecause, b.Because)
	metav1.SetMetaDataAnnotation(&budget.ObjectMeta, AnnotationDomain, b.Domain)
	return budget
}

// BudgetOf reads what PodDisruptionBudget built; false: it is none of the cluster's.
func (c Cluster) BudgetOf(budget *policyv1.PodDisruptionBudget) (Budget, bool) {
	b := Budget{
		Component: budget.Labels[LabelComponent], Filesystem: FilesystemOf(budget.Annotations),
		Because: budget.Annotations[AnnotationBecause], Domain: budget.Annotations[AnnotationDomain],
	}
	if most := budget.Spec.MaxUnavailable; most != nil {
		b.Spare = most.IntVal
	}
	if selector := budget.Spec.Selector; selector != nil && len(selector.MatchExpressions) == 1 {
		b.Without = selector.MatchExpressions[0].Values
	}
	if !reflect.DeepEqual(c.PodDisruptionBudget(b).Spec, budget.Spec) {
		b.Spare = changedByHand
	}
	return b, budget.Name == BudgetName(c.Name, b)
}
