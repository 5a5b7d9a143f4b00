package audit

import (
	"context"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	snapshots "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/pager"
)

// ReadKnown reads what Kubernetes knows of a driver's volumes and snapshots, from the server.
func ReadKnown(ctx context.Context, core kubernetes.Interface, others snapshots.Interface, driver string) (Known, error) {
	known := Known{Handles: map[string]string{}, Requests: map[string]bool{}}
	lists := []struct {
		list func(metav1.ListOptions) (runtime.Object, error)
		each func(runtime.Object)
	}{
		// Claims come first: one whose volume is made meanwhile is then in one of the two.
		{func(o metav1.ListOptions) (runtime.Object, error) {
			return core.CoreV1().PersistentVolumeClaims("").List(ctx, o)
		}, known.addClaim},
		{func(o metav1.ListOptions) (runtime.Object, error) {
			return core.CoreV1().PersistentVolumes().List(ctx, o)
		}, known.addVolume(driver)},
		{func(o metav1.ListOptions) (runtime.Object, error) {
			return others.SnapshotV1().VolumeSnapshots("").List(ctx, o)
		}, known.addSnapshot},
		{func(o metav1.ListOptions) (runtime.Object, error) {
			return others.SnapshotV1().VolumeSnapshotContents().List(ctx, o)
		}, known.addContent(driver)},
	}
	for _, l := range lists {
		err := pager.New(pager.SimplePageFunc(l.list)).EachListItem(ctx, metav1.ListOptions{}, func(o runtime.Object) error {
			l.each(o)
			return nil
		})
		if err != nil && !apierrors.IsNotFound(err) { // a cluster without the kinds of snapshots has none
			return Known{}, err
		}
	}
	return known, nil
}

func (k Known) addClaim(o runtime.Object) {
	if claim, is := o.(*corev1.PersistentVolumeClaim); is {
		k.Requests["pvc-"+string(claim.UID)] = true
	}
}

func (k Known) addVolume(driver string) func(runtime.Object) {
	return func(o runtime.Object) {
		if pv, is := o.(*corev1.PersistentVolume); is && pv.Spec.CSI != nil && pv.Spec.CSI.Driver == driver {
			k.Handles[pv.Spec.CSI.VolumeHandle] = "PersistentVolume " + pv.Name
		}
	}
}

func (k Known) addSnapshot(o runtime.Object) {
	if snapshot, is := o.(*snapshotv1.VolumeSnapshot); is {
		k.Requests["snapshot-"+string(snapshot.UID)] = true
	}
}

func (k Known) addContent(driver string) func(runtime.Object) {
	return func(o runtime.Object) {
		content, is := o.(*snapshotv1.VolumeSnapshotContent)
		if !is || content.Spec.Driver != driver {
			return
		}
		k.Requests["snapshot-"+string(content.Spec.VolumeSnapshotRef.UID)] = true
		name := "VolumeSnapshotContent " + content.Name
		if id := content.Spec.Source.SnapshotHandle; id != nil {
			k.Handles[*id] = name
		}
		if content.Status != nil && content.Status.SnapshotHandle != nil {
			k.Handles[*content.Status.SnapshotHandle] = name
		}
	}
}
