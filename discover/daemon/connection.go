package daemon

import (
	"context"
	"errors"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// A node with hundreds of disks writes two objects for each when it starts, and none later.
const requestsPerSecond, burst = 50, 100

// connection to the API. The cache holds the StorageDisks of one node and all StorageClusters: whatever the size of the
// Kubernetes cluster, it costs the node no memory, and the API nothing when other nodes' disks change.
type connection struct {
	client client.Client
	cache  cache.Cache
}

func connect(config *rest.Config, node string) (*connection, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.UserAgent = requestsPerSecond, burst, v1alpha1.ServiceAccountDiscover
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	mapper := kinds()
	direct, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("make a client of the API: %w", err)
	}
	cached, err := cache.New(config, cache.Options{
		Scheme: scheme, Mapper: mapper, DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.StorageDisk{}: {Field: fields.OneTermEqualSelector("status.node", node)},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make a cache of the API: %w", err)
	}
	return &connection{client: direct, cache: cached}, nil
}

// kinds are those that discover uses. To know them spares it to ask the API for all kinds that there are.
func kinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.SchemeGroupVersion, coordinationv1.SchemeGroupVersion})
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.KindStorageDisk), meta.RESTScopeRoot)
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.KindStorageCluster), meta.RESTScopeNamespace)
	mapper.Add(coordinationv1.SchemeGroupVersion.WithKind("Lease"), meta.RESTScopeNamespace)
	return mapper
}

func (c *connection) run(ctx context.Context) error {
	if err := c.cache.Start(ctx); err != nil {
		return fmt.Errorf("watch the API: %w", err)
	}
	return nil
}

// notify calls changed for every change of what the cache holds, and returns when the cache is filled.
func (c *connection) notify(ctx context.Context, changed func()) error {
	handler := toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { changed() }, UpdateFunc: func(any, any) { changed() }, DeleteFunc: func(any) { changed() },
	}
	for _, kind := range []client.Object{&v1alpha1.StorageDisk{}, &v1alpha1.StorageCluster{}} {
		informer, err := c.cache.GetInformer(ctx, kind)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the program ends
			}
			return fmt.Errorf("watch %T: %w", kind, err)
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch %T: %w", kind, err)
		}
	}
	c.cache.WaitForCacheSync(ctx)
	return nil
}
