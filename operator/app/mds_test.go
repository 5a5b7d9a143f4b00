package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
)

// mdsDeployments lists the MDSs that are deployed, as Ceph names them.
func (w *world) mdsDeployments() string {
	var found []string
	for _, name := range w.names(&appsv1.DeploymentList{}) {
		if mds, is := strings.CutPrefix(name, "ceph-main-mds-"); is {
			found = append(found, mds)
		}
	}
	return strings.Join(found, " ")
}

// serves says whether as many ranks of the filesystem are active.
func (w *world) serves(ranks int) bool {
	all, err := w.ceph.Admin().Filesystems(w.Context())
	if err != nil || len(all) != 1 {
		return false
	}
	active := 0
	for _, mds := range all[0].Ranks {
		if mds.State == "up:active" {
			active++
		}
	}
	return active == ranks
}

func (w *world) reached(node string) []keys.Files {
	entity, err := w.ceph.Admin().Entity(w.Context(), keys.NameNode(node))
	w.must(err)
	return keys.FilesOf(entity.Caps)
}

// A StorageFilesystem has its metadata servers, they follow what it asks for, restart without a rank ever being without a server
// that takes over, and go after the CephFS has gone. The pools and the CephFS are made by hand here.
func TestMetadataServers(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	object := &v1alpha1.StorageFilesystem{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "home", Generation: 1},
		Spec: v1alpha1.StorageFilesystemSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "main"}, DataPools: []v1alpha1.FilesystemDataPool{{Name: "data"}},
			StorageClasses: []v1alpha1.FilesystemStorageClass{{Name: "home-class"}},
		},
	}
	admin := w.ceph.Admin()
	for _, pool := range []string{"home-metadata", "home-data"} {
		w.must(admin.CreatePool(t.Context(), ceph.PoolSpec{Name: pool, Type: ceph.Replicated, PGs: 4}))
	}
	w.must(admin.CreateFilesystem(t.Context(), "home", "home-metadata", "home-data"))
	w.byHand(func() { w.must(w.api.Create(t.Context(), object)) })
	w.live("two metadata servers", func() bool { return w.mdsDeployments() == "home-a home-b" && w.serves(1) })
	w.live("nodes reach the group", func() bool {
		return slices.EqualFunc(w.reached("n1"), []keys.Files{{Filesystem: "home", Groups: []string{"home-class"}}},
			func(a, b keys.Files) bool { return a.Filesystem == b.Filesystem && slices.Equal(a.Groups, b.Groups) })
	})

	w.change(object, func() { object.Spec.MDS = &v1alpha1.MDSSpec{Active: 2, Standby: v1alpha1.StandbyShared} })
	w.live("a third", func() bool { return w.mdsDeployments() == "home-a home-b home-c" })
	w.must(admin.SetFilesystemOption(t.Context(), "home", "max_mds", "2"))
	w.live("two ranks", func() bool { return w.serves(2) })

	w.change(object, func() { object.Spec.MDS = &v1alpha1.MDSSpec{Active: 1, Standby: v1alpha1.StandbyNone} })
	w.live("one less, and none that holds a rank", func() bool { return w.mdsDeployments() == "home-a home-b" && w.serves(2) })
	w.must(admin.SetFilesystemOption(t.Context(), "home", "max_mds", "1"))
	w.live("one", func() bool { return !strings.Contains(w.mdsDeployments(), " ") && w.serves(1) })

	w.byHand(func() { w.must(w.api.Delete(t.Context(), object)) })
	w.must(w.pass())
	w.advance(time.Minute)
	w.must(w.pass())
	if w.mdsDeployments() == "" {
		t.Fatal("a CephFS without a StorageFilesystem has lost its metadata server")
	}
	w.must(admin.FailFilesystem(t.Context(), "home"))
	w.must(admin.RemoveFilesystem(t.Context(), "home"))
	w.live("none", func() bool { return w.mdsDeployments() == "" })
	for _, name := range []string{"mds.home-a", "mds.home-b", "mds.home-c"} {
		if _, err := admin.Entity(t.Context(), name); err == nil {
			t.Errorf("the user %s is left", name)
		}
	}
	w.live("nodes reach no files", func() bool { return len(w.reached("n1")) == 0 })
}

// change changes an object as people do.
func (w *world) change(object *v1alpha1.StorageFilesystem, change func()) {
	w.byHand(func() {
		change()
		object.Generation++
		w.must(w.api.Update(w.Context(), object))
	})
}
