package report

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// maxOtherNodes is how many other nodes a StorageDisk names.
const maxOtherNodes = 8

func (r *Reporter) owner() string { return v1alpha1.FieldOwnerDiscover(r.node) }

// bring makes discover's part of an object what it is to be, if it differs.
func (r *Reporter) bring(ctx context.Context, live *v1alpha1.StorageDisk, status v1alpha1.StorageDiskStatus, labels map[string]string) error {
	if own := ownLabels(labels); !maps.Equal(own, ownLabels(live.Labels)) {
		after, err := r.apply(ctx, live.Name, own, nil)
		if err != nil {
			return err
		}
		live = after
	}
	if r.same(live, status) {
		return nil
	}
	after, err := r.apply(ctx, live.Name, nil, &status)
	if err != nil || r.same(after, status) {
		return err
	}
	// Something of discover's is there that this node did not write: what another node left, or a person.
	if after, err = r.clear(ctx, after); err != nil {
		return err
	}
	_, err = r.apply(ctx, after.Name, nil, &status)
	return err
}

// same compares what is discover's. The node that has a disk does not stand among the others.
func (r *Reporter) same(live *v1alpha1.StorageDisk, wanted v1alpha1.StorageDiskStatus) bool {
	return equality.Semantic.DeepEqual(ownPart(live.Status), wanted) && !slices.Contains(live.Status.OtherNodes, r.node)
}

// create makes the object of a disk that nobody saw before. If another node does so at the same time, both end up with
// the same object, and the first to write its status has the disk.
func (r *Reporter) create(ctx context.Context, s Sighting) (*v1alpha1.StorageDisk, error) {
	return r.apply(ctx, s.Name, labels(r.node, s.Disk.Hardware.Media), nil)
}

// takeOver makes this node the one that has the disk, unless somebody else changed the object since it was read.
func (r *Reporter) takeOver(ctx context.Context, live *v1alpha1.StorageDisk) (*v1alpha1.StorageDisk, error) {
	taken, err := r.clear(ctx, live)
	if err != nil {
		return nil, fmt.Errorf("take over from node %q: %w", live.Status.Node, err)
	}
	return taken, nil
}

// clear takes away all that discover wrote on any node, and says that this node has the disk. An update and not an
// apply: what other owners of fields wrote can only be taken away so.
func (r *Reporter) clear(ctx context.Context, live *v1alpha1.StorageDisk) (*v1alpha1.StorageDisk, error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": live.ResourceVersion},
		"status": map[string]any{
			"node": r.node, "presence": v1alpha1.PresencePresent,
			"identity": nil, "device": nil, "hardware": nil, "content": nil, "verdict": nil, "otherNodes": r.others(live),
		},
	})
	if err != nil {
		return nil, err
	}
	cleared := &v1alpha1.StorageDisk{}
	cleared.Name = live.Name
	err = r.api.Status().Patch(ctx, cleared, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(r.owner()))
	if err != nil {
		return nil, fmt.Errorf("write the status of StorageDisk %s: %w", live.Name, err)
	}
	r.written[live.Name] = cleared
	return cleared, nil
}

// enter puts this node's name on a disk that another node has.
func (r *Reporter) enter(ctx context.Context, live *v1alpha1.StorageDisk) error {
	if r.entered[live.Name] = true; slices.Contains(live.Status.OtherNodes, r.node) || len(live.Status.OtherNodes) >= maxOtherNodes {
		return nil
	}
	_, err := r.apply(ctx, live.Name, nil, &v1alpha1.StorageDiskStatus{OtherNodes: []string{r.node}})
	return err
}

// leave takes it off again.
func (r *Reporter) leave(ctx context.Context, name string) error {
	live, err := r.read(ctx, name)
	if err != nil {
		return err
	}
	if live != nil && slices.Contains(live.Status.OtherNodes, r.node) {
		if _, err := r.apply(ctx, name, nil, &v1alpha1.StorageDiskStatus{}); err != nil {
			return err
		}
	}
	delete(r.entered, name)
	return nil
}

// apply applies this node's labels, or its part of the status, and returns the object as the API has it then. It takes
// fields from others by force: what is applied here is what this node alone can know.
func (r *Reporter) apply(ctx context.Context, name string, labels map[string]string, status *v1alpha1.StorageDiskStatus) (*v1alpha1.StorageDisk, error) {
	after := &v1alpha1.StorageDisk{}
	err := r.sendApply(ctx, name, labels, status, after)
	if err != nil {
		return nil, fmt.Errorf("write StorageDisk %s: %w", name, err)
	}
	r.written[name] = after
	return after, nil
}

func (r *Reporter) sendApply(ctx context.Context, name string, labels map[string]string, status *v1alpha1.StorageDiskStatus, after *v1alpha1.StorageDisk) error {
	config := &unstructured.Unstructured{Object: map[string]any{}}
	config.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.KindStorageDisk))
	config.SetName(name)
	var err error
	if status == nil {
		config.SetLabels(labels)
		err = r.api.Apply(ctx, client.ApplyConfigurationFromUnstructured(config), client.FieldOwner(r.owner()), client.ForceOwnership)
	} else {
		fields, failed := runtime.DefaultUnstructuredConverter.ToUnstructured(status)
		if failed != nil {
			return failed
		}
		config.Object["status"] = fields
		err = r.api.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(config), client.FieldOwner(r.owner()), client.ForceOwnership)
	}
	if err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(config.Object, after) // the answer
}
