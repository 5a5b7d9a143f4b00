package pool

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Kind is what is done differently for StoragePools and for StorageFilesystems.
type Kind interface {
	// controller is the name of the controller.
	controller() string
	owner() plan.OwnerKind
	empty() client.Object
	list() client.ObjectList
	// wants returns the cluster that an object names, and the classes that it asks for.
	wants(client.Object) (cluster string, classes []string)
	// pass begins a pass over an object in a cluster, whose defaults are given.
	pass(object client.Object, cluster plan.Cluster) pass
}

// pass is one pass over one object.
type pass interface {
	// observed is what all kinds observe, to be filled in.
	observed() *plan.OwnerObserved
	// gather reads what only this kind needs from Kubernetes.
	gather(context.Context, client.Reader) error
	// listable says that there is something in Ceph whose content can be listed. If there is, and it cannot, why says so.
	listable(*ceph.Snapshot) (ok bool, why string)
	content(context.Context, ceph.Client) plan.PoolContent
	// compute plans, and says when to plan again.
	compute() ([]plan.Step, time.Duration)
	report() report
}

// report is a status before and after a pass.
type report struct {
	before, after any
	// conditions and capacity in them.
	conditionsBefore, conditionsAfter []metav1.Condition
	capacityBefore, capacityAfter     *v1alpha1.PoolCapacity
}

// Pools is the kind StoragePool.
type Pools struct{}

type poolPass struct {
	in   plan.PoolObserved
	plan plan.PoolPlan
}

func (Pools) controller() string      { return "pools" }
func (Pools) owner() plan.OwnerKind   { return plan.StoragePools() }
func (Pools) empty() client.Object    { return &v1alpha1.StoragePool{} }
func (Pools) list() client.ObjectList { return &v1alpha1.StoragePoolList{} }

func (Pools) wants(object client.Object) (cluster string, classes []string) {
	pool, ok := object.(*v1alpha1.StoragePool)
	if !ok {
		return "", nil
	}
	for _, class := range pool.Spec.StorageClasses {
		classes = append(classes, class.Name)
	}
	return pool.Spec.ClusterRef.Name, classes
}

func (Pools) pass(object client.Object, cluster plan.Cluster) pass {
	pool, ok := object.(*v1alpha1.StoragePool)
	if !ok {
		return nil
	}
	return &poolPass{in: plan.PoolObserved{Spec: plan.ResolvePool(&pool.Spec, cluster), Previous: &pool.Status}}
}

func (p *poolPass) observed() *plan.OwnerObserved               { return &p.in.OwnerObserved }
func (p *poolPass) gather(context.Context, client.Reader) error { return nil }

func (p *poolPass) listable(snapshot *ceph.Snapshot) (ok bool, why string) {
	return slices.ContainsFunc(snapshot.Pools, func(pool ceph.Pool) bool { return pool.Name == p.in.Key.Name }), ""
}

func (p *poolPass) content(ctx context.Context, session ceph.Client) plan.PoolContent {
	return observe.PoolContent(ctx, session, p.in.Key.Name)
}

func (p *poolPass) compute() ([]plan.Step, time.Duration) {
	p.plan = plan.ComputePool(p.in)
	return p.plan.Steps, p.plan.After
}

func (p *poolPass) report() report {
	status := plan.PoolStatus(p.in, p.plan)
	return report{
		before: *p.in.Previous, after: status,
		conditionsBefore: p.in.Previous.Conditions, conditionsAfter: status.Conditions,
		capacityBefore: p.in.Previous.Capacity, capacityAfter: status.Capacity,
	}
}
