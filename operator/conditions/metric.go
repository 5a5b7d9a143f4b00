// Package conditions publishes the conditions of Seamount's objects as metrics, so that an alert can tell a person of what
// stands in a status. It reads caches, and decides and writes nothing.
package conditions

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

var conditionDesc = prometheus.NewDesc("seamount_condition",
	"A condition of an object of Seamount: 1 for the status and reason that it has now.",
	[]string{"kind", "namespace", "name", "condition", "status", "reason"}, nil)

// Collector collects the conditions of StorageClusters, StoragePools and StorageFilesystems. Every operator publishes them, leading or not.
type Collector struct {
	// Cache has the objects. Until it is filled there are no metrics.
	Cache client.Reader
	Log   logr.Logger
}

var _ prometheus.Collector = (*Collector)(nil)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) { descs <- conditionDesc }

// patience bounds a look into the cache, which waits until that is filled.
const patience = time.Second

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	objects, err := c.objects(ctx)
	if err != nil {
		c.Log.Error(err, "no metrics of conditions")
		return
	}
	for _, o := range objects {
		for i := range o.conditions {
			condition := &o.conditions[i]
			metrics <- prometheus.MustNewConstMetric(conditionDesc, prometheus.GaugeValue, 1,
				o.kind, o.namespace, o.name, condition.Type, string(condition.Status), condition.Reason)
		}
	}
}

type object struct {
	kind, namespace, name string
	conditions            []metav1.Condition
}

func (c *Collector) objects(ctx context.Context) (objects []object, err error) {
	clusters, pools, filesystems := &v1alpha1.StorageClusterList{}, &v1alpha1.StoragePoolList{}, &v1alpha1.StorageFilesystemList{}
	for _, list := range []client.ObjectList{clusters, pools, filesystems} {
		if err := c.Cache.List(ctx, list); err != nil {
			return nil, fmt.Errorf("list %T: %w", list, err)
		}
	}
	for i := range clusters.Items {
		o := &clusters.Items[i]
		objects = append(objects, object{v1alpha1.KindStorageCluster, o.Namespace, o.Name, o.Status.Conditions})
	}
	for i := range pools.Items {
		o := &pools.Items[i]
		objects = append(objects, object{v1alpha1.KindStoragePool, o.Namespace, o.Name, o.Status.Conditions})
	}
	for i := range filesystems.Items {
		o := &filesystems.Items[i]
		objects = append(objects, object{v1alpha1.KindStorageFilesystem, o.Namespace, o.Name, o.Status.Conditions})
	}
	return objects, nil
}
