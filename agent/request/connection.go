package request

import (
	"context"
	"fmt"

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

// Run runs the agent of a node until ctx ends.
func Run(ctx context.Context, config *rest.Config, a *Agent) error {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	config = rest.CopyConfig(config)
	config.UserAgent = v1alpha1.ServiceAccountAgent
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.SchemeGroupVersion})
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.KindStorageDisk), meta.RESTScopeRoot)
	direct, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return fmt.Errorf("make a client of the API: %w", err)
	}
	// The disks of one node, whatever the size of the cluster.
	own, err := cache.New(config, cache.Options{
		Scheme: scheme, Mapper: mapper, DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.StorageDisk{}: {Field: fields.OneTermEqualSelector("status.node", a.Node)},
		},
	})
	if err != nil {
		return fmt.Errorf("make a cache of the API: %w", err)
	}
	a.Own, a.API = own, direct
	return a.watch(ctx, own)
}

// watch runs the cache beside the loop. Each ends with the other.
func (a *Agent) watch(ctx context.Context, own cache.Cache) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- own.Start(ctx); cancel() }()
	queue := newQueue()
	if err := notify(ctx, own, func(name string) { queue.Add(name) }); err != nil {
		return err
	}
	a.Log.Info("the agent starts", "node", a.Node)
	a.work(ctx, queue)
	cancel()
	if err := <-failed; err != nil {
		return fmt.Errorf("watch the API: %w", err)
	}
	return nil
}

// notify calls changed with the name of every StorageDisk that is there or changes.
func notify(ctx context.Context, own cache.Cache, changed func(name string)) error {
	informer, err := own.GetInformer(ctx, &v1alpha1.StorageDisk{})
	if err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the program ends
		}
		return fmt.Errorf("watch StorageDisks: %w", err)
	}
	tell := func(object any) {
		if d, ok := object.(*v1alpha1.StorageDisk); ok {
			changed(d.Name)
		}
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: tell, UpdateFunc: func(_, object any) { tell(object) },
	})
	if err != nil {
		return fmt.Errorf("watch StorageDisks: %w", err)
	}
	return nil
}
