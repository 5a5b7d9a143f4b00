package linked

import (
	"testing"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
)

func TestProvisionersShareAnIndex(t *testing.T) {
	t.Parallel()
	informer := informers.NewSharedInformerFactory(fake.NewClientset(), 0).Core().V1().PersistentVolumeClaims().Informer()
	none := func(any) ([]string, error) { return nil, nil }
	for range 2 { // the provisioners of two drivers
		if err := (claims{informer}).AddIndexers(cache.Indexers{"uid": none}); err != nil {
			t.Fatal(err)
		}
	}
	if err := (claims{informer}).AddIndexers(cache.Indexers{"uid": none, "class": none}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"uid", "class"} {
		if _, there := informer.GetIndexer().GetIndexers()[name]; !there {
			t.Errorf("there is no index %s", name)
		}
	}
	if err := informer.AddIndexers(cache.Indexers{"uid": none}); err == nil {
		t.Error("an informer accepts a second index of a name by itself: package linked need not help")
	}
}
