package linked

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	csiprovisioner "github.com/kubernetes-csi/external-provisioner/v6/pkg/controller"
	"k8s.io/client-go/util/workqueue"
	csitranslation "k8s.io/csi-translation-lib"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
	provisionmetrics "sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller/metrics"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

const (
	// namePrefix is what a volume's name begins with. Its claim's UID follows: handle.ImageOf knows it.
	namePrefix = "pvc"
	// wholeUID keeps the UID as it is.
	wholeUID = -1
	// orphanSweep is how often finalizers of snapshots that nothing is made from any more are looked for.
	orphanSweep = 5 * time.Minute
)

// provision makes volumes of claims and deletes those that are released.
func (c *Controllers) provision(ctx context.Context, d driver) error {
	classes := c.informers.Storage().V1().StorageClasses().Lister()
	known := c.informers.Core().V1().PersistentVolumeClaims()
	provisioner := csiprovisioner.NewCSIProvisioner(c.core, callTimeout, provisionerID(d.Name), namePrefix, wholeUID,
		d.Conn, c.snapshots, d.Name, d.plugin, d.controller, "",
		true,  // a pod's node alone says where its volume must be usable
		false, // and without a pod a volume may be anywhere: no node has to be there yet
		csitranslation.New(), classes,
		c.informers.Storage().V1().CSINodes().Lister(), c.informers.Core().V1().Nodes().Lister(), known.Lister(),
		c.informers.Storage().V1().VolumeAttachments().Lister(), nil,
		true, // names of claims, for people who read an image's record
		"", nil,
		false, // readers of a shared volume may also mount it for writing where the claim says so
		true,  // the mode of a snapshot's source stays
		csiprovisioner.NewInMemoryStore())
	counters := provisionmetrics.New("controller")
	if err := register(counters); err != nil {
		return err
	}
	main := controller.NewProvisionController(ctx, c.core, d.Name, provisioner,
		controller.LeaderElection(false), controller.FailedProvisionThreshold(0), controller.FailedDeleteThreshold(0),
		controller.RateLimiter(retries()), controller.CreateProvisionedPVLimiter(retries()), controller.RetryIntervalMax(retryMost),
		controller.Threadiness(c.options.Workers), controller.ClaimsInformer(claims{known.Informer()}), controller.AddFinalizer(true),
		controller.MetricsInstance(counters))
	main.ControllerWaitGroup(&c.running)
	c.running.Go(func() { main.Run(ctx) })

	clones := workqueue.NewTypedRateLimitingQueueWithConfig(retries(), workqueue.TypedRateLimitingQueueConfig[string]{Name: "clones-" + d.Name})
	protection := csiprovisioner.NewCloningProtectionController(c.core, known.Lister(), known.Informer(), clones, d.controller)
	if protection != nil {
		c.clones.Do(func() { c.running.Go(func() { protection.Run(ctx, 1, &c.running) }) })
	}
	return nil
}

// provisionerID is noted on each PersistentVolume that this process makes.
func provisionerID(name string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "-" + name
}

// register publishes the counters of a provisioner. Those of another driver are the same ones.
func register(counters provisionmetrics.Metrics) error {
	for _, one := range []prometheus.Collector{
		counters.PersistentVolumeClaimProvisionTotal, counters.PersistentVolumeClaimProvisionFailedTotal, counters.PersistentVolumeClaimProvisionDurationSeconds,
		counters.PersistentVolumeDeleteTotal, counters.PersistentVolumeDeleteFailedTotal, counters.PersistentVolumeDeleteDurationSeconds,
	} {
		if err := metrics.Registry.Register(one); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}
