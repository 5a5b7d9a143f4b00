package report

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/verdict"
)

const (
	fsid   = "8b1c6d2e-0000-4000-8000-000000000001"
	uuid12 = "5f0e0000-0000-4000-8000-000000000012"
)

func label(id int, uuid, fsid string) disk.Label {
	return disk.Label{Device: "sdb", OSDID: id, OSDUUID: uuid, FSID: fsid, Valid: true, Ready: true}
}

// withCluster makes a StorageCluster, and a disk in another node with osd.12 of it.
func (w *world) withCluster() {
	w.Helper()
	cluster := &v1alpha1.StorageCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "main"}, Status: v1alpha1.StorageClusterStatus{FSID: fsid}}
	d := &v1alpha1.StorageDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "path-n4-1", Labels: map[string]string{v1alpha1.OSDLabel(12): v1alpha1.OSDLabelData}},
		Status: v1alpha1.StorageDiskStatus{
			Claim: &v1alpha1.DiskClaim{Namespace: "seamount", Name: "main", FSID: fsid},
			OSDs:  []v1alpha1.DiskOSD{{ID: 12, Role: v1alpha1.OSDRoleData, UUID: uuid12}},
		},
	}
	for _, obj := range []client.Object{cluster, d} {
		status := obj.DeepCopyObject().(client.Object)
		if err := w.Create(w.Context(), obj); err != nil {
			w.Fatal(err)
		}
		status.SetResourceVersion(obj.GetResourceVersion())
		if err := w.Client.Status().Update(w.Context(), status); err != nil {
			w.Fatal(err)
		}
	}
}

// withoutDisks is a cache that holds no StorageDisk, because none is in this node.
func (w *world) withoutDisks() client.Reader {
	return interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, disks := list.(*v1alpha1.StorageDiskList); disks {
				return nil
			}
			return c.List(ctx, list, opts...)
		},
	})
}

// counted counts the lists that are asked for.
func (w *world) counted(lists *int) client.Reader {
	return interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			*lists++
			return c.List(ctx, list, opts...)
		},
	})
}

func TestWhatIsKnownOfOSDs(t *testing.T) {
	t.Parallel()
	known := map[string]verdict.OSD{uuid12: {ID: 12, FSID: fsid}}
	for name, c := range map[string]struct {
		label disk.Label
		want  map[string]verdict.OSD
		lists int
	}{
		"its disk moved here":          {label(12, uuid12, fsid), known, 1},
		"its DB moved here":            {label(-1, uuid12, ""), known, 1},
		"nobody knows it":              {label(12, "another", fsid), map[string]verdict.OSD{}, 1},
		"of another cluster":           {label(12, "another", "deadbeef"), map[string]verdict.OSD{}, 0},
		"a label that is damaged":      {disk.Label{OSDID: 12, OSDUUID: uuid12, FSID: fsid}, map[string]verdict.OSD{}, 0},
		"a label that says no OSD":     {label(12, "", fsid), map[string]verdict.OSD{}, 0},
		"another number than is known": {label(13, uuid12, fsid), map[string]verdict.OSD{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.withCluster()
			var lists int
			k := NewKnowledge(w.withoutDisks(), w.counted(&lists), func() time.Time { return w.time })
			for range 3 {
				got := k.Context(t.Context(), verdict.Context{Node: "n3"}, []disk.Label{c.label})
				if diff := cmp.Diff(c.want, got.OSDs); diff != "" || got.Unread != "" {
					t.Errorf("known OSDs (-want +got):\n%s%s", diff, got.Unread)
				}
				if (got.Clusters[fsid] != verdict.Cluster{Namespace: "seamount", Name: "main"}) {
					t.Errorf("known clusters: %v", got.Clusters)
				}
			}
			if lists != c.lists {
				t.Errorf("%d lists of StorageDisks for three scans, want %d", lists, c.lists)
			}
			w.time = w.time.Add(2 * forgetAfter)
			k.Context(t.Context(), verdict.Context{}, []disk.Label{c.label})
			if lists != 2*c.lists {
				t.Errorf("what is known was not asked for again: %d lists", lists)
			}
		})
	}
}

// An OSD that was just reserved for a disk of this node is known without asking.
func TestWhatDisksOfTheNodeKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withCluster()
	var lists int
	k := NewKnowledge(w.Client, w.counted(&lists), func() time.Time { return w.time })
	got := k.Context(t.Context(), verdict.Context{}, []disk.Label{label(12, uuid12, fsid)})
	if len(got.OSDs) != 1 || lists != 0 {
		t.Errorf("known are %v, after %d lists", got.OSDs, lists)
	}
}

// A cluster whose object is gone keeps its OSDs while disks are claimed for it.
func TestADeletedClusterKeepsItsOSDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withCluster()
	if err := w.Delete(t.Context(), &v1alpha1.StorageCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "main"}}); err != nil {
		t.Fatal(err)
	}
	for _, own := range []client.Reader{w.Client, w.withoutDisks()} {
		k := NewKnowledge(own, w.Client, func() time.Time { return w.time })
		got := k.Context(t.Context(), verdict.Context{}, []disk.Label{label(-1, uuid12, "")})
		if (got.Clusters[fsid] != verdict.Cluster{Namespace: "seamount", Name: "main"}) || len(got.OSDs) != 1 {
			t.Errorf("known are %v and %v", got.Clusters, got.OSDs)
		}
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refusing := interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("forbidden")
		},
	})
	got := NewKnowledge(refusing, w.Client, time.Now).Context(t.Context(), verdict.Context{}, nil)
	if got.Unread != "list StorageClusters: forbidden" {
		t.Errorf("unread is %q", got.Unread)
	}
}
