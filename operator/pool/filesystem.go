package pool

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Filesystems is the kind StorageFilesystem.
type Filesystems struct{}

type filesystemPass struct {
	in   plan.FilesystemObserved
	plan plan.FilesystemPlan
}

func (Filesystems) controller() string      { return "filesystems" }
func (Filesystems) owner() plan.OwnerKind   { return plan.StorageFilesystems() }
func (Filesystems) empty() client.Object    { return &v1alpha1.StorageFilesystem{} }
func (Filesystems) list() client.ObjectList { return &v1alpha1.StorageFilesystemList{} }

func (Filesystems) wants(object client.Object) (cluster string, classes []string) {
	filesystem, ok := object.(*v1alpha1.StorageFilesystem)
	if !ok {
		return "", nil
	}
	for _, class := range filesystem.Spec.StorageClasses {
		classes = append(classes, class.Name)
	}
	return filesystem.Spec.ClusterRef.Name, classes
}

func (Filesystems) pass(object client.Object, cluster plan.Cluster) pass {
	filesystem, ok := object.(*v1alpha1.StorageFilesystem)
	if !ok {
		return nil
	}
	return &filesystemPass{in: plan.FilesystemObserved{
		Spec: plan.ResolveFilesystem(&filesystem.Spec, cluster), Previous: &filesystem.Status,
	}}
}

func (p *filesystemPass) observed() *plan.OwnerObserved { return &p.in.OwnerObserved }

func (p *filesystemPass) gather(ctx context.Context, reader client.Reader) (err error) {
	p.in.Nodes, err = observe.MDSNodes(ctx, reader, plan.ClusterKey{Namespace: p.in.Key.Namespace, Name: p.in.Spec.Cluster})
	return err
}

func (p *filesystemPass) listable(snapshot *ceph.Snapshot) (ok bool, why string) {
	return plan.Listable(snapshot, p.in.Key.Name)
}

func (p *filesystemPass) content(ctx context.Context, session ceph.Client) plan.PoolContent {
	return observe.FilesystemContent(ctx, session, p.in.Key.Name)
}

func (p *filesystemPass) compute() ([]plan.Step, time.Duration) {
	p.plan = plan.ComputeFilesystem(p.in)
	return p.plan.Steps, p.plan.After
}

func (p *filesystemPass) report() report {
	status := plan.FilesystemStatus(p.in, p.plan)
	return report{
		before: *p.in.Previous, after: status,
		conditionsBefore: p.in.Previous.Conditions, conditionsAfter: status.Conditions,
		capacityBefore: p.in.Previous.Capacity, capacityAfter: status.Capacity,
	}
}
