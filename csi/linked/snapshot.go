package linked

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	csiprovisioner "github.com/kubernetes-csi/external-provisioner/v6/pkg/controller"
	snapshotscheme "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned/scheme"
	snapshotinformers "github.com/kubernetes-csi/external-snapshotter/client/v8/informers/externalversions"
	common "github.com/kubernetes-csi/external-snapshotter/v8/pkg/common-controller"
	snapshotmetrics "github.com/kubernetes-csi/external-snapshotter/v8/pkg/metrics"
	sidecar "github.com/kubernetes-csi/external-snapshotter/v8/pkg/sidecar-controller"
	"github.com/kubernetes-csi/external-snapshotter/v8/pkg/snapshotter"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

const (
	// snapshotPrefix is what a snapshot's name begins with. Its VolumeSnapshot's UID follows: handle.ImageOf knows it.
	snapshotPrefix = "snapshot"
	// snapshotGroup is the version of the kinds of snapshots that the controllers read.
	snapshotGroup = "snapshot.storage.k8s.io/v1"
	// lookForKinds is how often it is looked whether the kinds of snapshots have been installed.
	lookForKinds = 15 * time.Second
	// snapshotLease is the Lease of the controller that all drivers share, as the community's own Deployment of it has it.
	snapshotLease = "snapshot-controller-leader"
)

// snapshot takes snapshots and deletes them, as soon as Kubernetes has the kinds for it.
func (c *Controllers) snapshot(ctx context.Context, drivers []driver) {
	if wait.PollUntilContextCancel(ctx, lookForKinds, true, c.hasSnapshots) != nil {
		return // the context ended
	}
	factory := snapshotinformers.NewSharedInformerFactory(c.snapshots, resync)
	for _, d := range drivers {
		if d.can(csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT) {
			c.snapshotContents(ctx, d, factory)
		}
	}
	if c.options.SnapshotController {
		c.running.Go(func() { c.leadSnapshots(ctx, factory) })
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown()
}

// hasSnapshots says whether Kubernetes has the kinds of snapshots.
func (c *Controllers) hasSnapshots(context.Context) (bool, error) {
	_, err := c.core.Discovery().ServerResourcesForGroupVersion(snapshotGroup)
	if err != nil && !apierrors.IsNotFound(err) {
		klog.ErrorS(err, "look for the kinds of snapshots")
	}
	return err == nil, nil
}

// snapshotContents takes and deletes the snapshots of a driver.
func (c *Controllers) snapshotContents(ctx context.Context, d driver, factory snapshotinformers.SharedInformerFactory) {
	kinds := factory.Snapshot().V1()
	main := sidecar.NewCSISnapshotSideCarController(c.snapshots, c.core, d.Name, kinds.VolumeSnapshotContents(), kinds.VolumeSnapshotClasses(),
		snapshotter.NewSnapshotter(d.Conn), nil, callTimeout, resync, snapshotPrefix, wholeUID, "groupsnapshot", wholeUID,
		true, // names of snapshots, for people who read an image's record
		retries(), false, nil, nil, retries())
	c.running.Go(func() { main.Run(c.options.Workers, ctx.Done(), &c.running) })

	finalizers := csiprovisioner.NewSnapshotFinalizerController(c.snapshots, c.informers.Core().V1().PersistentVolumeClaims().Lister(), d.controller, orphanSweep)
	if finalizers != nil {
		c.finalizers.Do(func() { c.running.Go(func() { finalizers.Run(ctx, &c.running) }) })
	}
}

// leadSnapshots runs the controller that all drivers share while this process holds its Lease. The Lease is the one of the
// community's own Deployment: where that is installed in the same namespace, one of the two acts.
func (c *Controllers) leadSnapshots(ctx context.Context, factory snapshotinformers.SharedInformerFactory) {
	if err := snapshotscheme.AddToScheme(scheme.Scheme); err != nil {
		klog.ErrorS(err, "events of snapshots are not told")
	}
	kinds, core := factory.Snapshot().V1(), c.informers.Core().V1()
	main := common.NewCSISnapshotCommonController(c.snapshots, c.core, kinds.VolumeSnapshots(), kinds.VolumeSnapshotContents(), kinds.VolumeSnapshotClasses(),
		nil, nil, nil, core.PersistentVolumeClaims(), core.PersistentVolumes(), nil, snapshotmetrics.NewMetricsManager(), resync,
		retries(), retries(), retries(), retries(),
		false, // snapshots are not taken on nodes
		true,  // the mode of a snapshot's source stays
		false)
	factory.Start(ctx.Done())
	lead := func(ctx context.Context) { main.Run(c.options.Workers, ctx.Done(), &c.running) }
	if err := c.elect(ctx, lead); err != nil || ctx.Err() == nil {
		c.fail(errors.Join(errors.New("the controller of snapshots lost its Lease, and cannot be started twice in a process"), err))
	}
}

// elect runs a function while this process holds the Lease of the controller of snapshots. It ends with ctx, or when the
// Lease was lost: the controller cannot be started twice.
func (c *Controllers) elect(ctx context.Context, lead func(context.Context)) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of the pod: %w", err)
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Namespace: c.options.SnapshotControllerNamespace, Name: snapshotLease},
			Client:    c.core.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: host},
		},
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: lead, OnStoppedLeading: func() {}},
	})
	if err != nil {
		return fmt.Errorf("set up the election: %w", err)
	}
	elector.Run(ctx)
	return nil
}
