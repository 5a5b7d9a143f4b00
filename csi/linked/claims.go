package linked

import (
	"maps"

	"k8s.io/client-go/tools/cache"
)

// claims is the informer of claims as provisioners are given it. The one of each driver adds the same index, by UID, and
// ends the process when it cannot; an informer refuses a second index of a name.
type claims struct{ cache.SharedIndexInformer }

// AddIndexers adds those indexes that are not there yet.
func (c claims) AddIndexers(indexers cache.Indexers) error {
	missing := maps.Clone(indexers)
	for name := range c.GetIndexer().GetIndexers() {
		delete(missing, name)
	}
	return c.SharedIndexInformer.AddIndexers(missing)
}
