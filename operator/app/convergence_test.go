package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

func eachName(list client.ObjectList, f func(string)) error {
	return meta.EachListItem(list, func(o runtime.Object) error {
		accessor, err := meta.Accessor(o)
		if err == nil {
			f(accessor.GetName())
		}
		return err
	})
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	m.Run()
}

func bringUp(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, append(nodesAndDisks(3, 1), mainCluster())...)
	w.live("three mons, two mgrs and three OSDs", w.healthy(3, 2, 3))
	return w
}

func TestBringUp(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	object := w.cluster()
	if object.Status.FSID != w.fsid || object.Status.FSID == "" {
		t.Errorf("fsid %q, want %q", object.Status.FSID, w.fsid)
	}
	want := []string{
		"ceph-main-mgr-a", "ceph-main-mgr-b", "ceph-main-mon-a", "ceph-main-mon-b", "ceph-main-mon-c",
		"ceph-main-osd-0", "ceph-main-osd-1", "ceph-main-osd-2",
	}
	if diff := cmp.Diff(want, w.names(&appsv1.DeploymentList{})); diff != "" {
		t.Errorf("Deployments (-want +got):\n%s", diff)
	}
	for disk, times := range w.prepared {
		if times != 1 {
			t.Errorf("disk %s was prepared %d times", disk, times)
		}
	}
}

// At rest nothing is written: not by this operator, nor by another that follows it.
func TestRestWritesNothing(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	rest := func(passes int) {
		for range passes {
			w.must(w.pass())
			w.kubelet()
			w.advance(10 * time.Second)
		}
	}
	rest(12) // what is written at intervals only has its turn
	w.writes = nil
	rest(5)
	w.start()
	rest(5)
	if len(w.writes) > 0 {
		t.Errorf("written at rest: %v", w.writes)
	}
}

var errKilled = errors.New("killed")

// killTwice kills the operator at the write after the next n, and at the one that follows: each was done, and the answer was lost.
func (w *world) killTwice(n int) {
	count := 0
	w.fail = func(string) error {
		if count++; count > n && count <= n+2 {
			return errKilled
		}
		return nil
	}
}

// killEvery is how many writes lie between two that are tried.
const killEvery = 5

// Killed at any write, and with a new operator after that, the end is the same: one identity, each disk prepared once.
func TestKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	whole := len(bringUp(t).writes)
	for n := 0; n < whole; n += killEvery {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, append(nodesAndDisks(3, 1), mainCluster())...)
			count := 0
			w.fail = func(string) error {
				if count++; count > n && count <= n+3 { // it was done, and the answer was lost
					return errKilled
				}
				return nil
			}
			for range 10 {
				if w.pass() != nil {
					w.start()
				}
				w.kubelet()
				w.advance(time.Second)
			}
			w.live("three mons, two mgrs and three OSDs", w.healthy(3, 2, 3))
		})
	}
}

func TestWhatIsTakenAwayComesBack(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	service := &corev1.Service{}
	key := client.ObjectKey{Namespace: namespace, Name: "ceph-main-mon-a"}
	w.must(w.api.Get(t.Context(), key, service))
	address := service.Spec.ClusterIP
	for _, object := range []client.Object{
		&appsv1.Deployment{}, &corev1.Service{},
	} {
		w.byHand(func() {
			w.must(w.api.Get(t.Context(), key, object))
			w.must(w.api.Delete(t.Context(), object))
		})
	}
	config := &corev1.ConfigMap{}
	w.byHand(func() {
		w.must(w.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "ceph-main-config"}, config))
		w.must(w.api.Delete(t.Context(), config))
	})
	w.must(w.pass())
	for _, object := range []client.Object{&appsv1.Deployment{}, service} {
		w.must(w.api.Get(t.Context(), key, object))
	}
	if service.Spec.ClusterIP != address {
		t.Errorf("the Service came back with the address %q, want %q", service.Spec.ClusterIP, address)
	}
	w.must(w.api.Get(t.Context(), client.ObjectKeyFromObject(config), config))
	w.live("all is well again", w.healthy(3, 2, 3))
}

// What OSDs write about themselves into Ceph's configuration changes nothing here, and what a hand writes shows.
func TestConfigThatOSDsWrite(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	set := func(who, option, value string) {
		w.must(w.ceph.Admin().SetConfig(t.Context(), who, option, value))
		for range 3 {
			w.must(w.pass())
			w.advance(time.Second)
		}
	}
	set("osd.0", "osd_mclock_max_capacity_iops_hdd", "315.64")
	set("osd.2", "osd_mclock_max_capacity_iops_ssd", "21500")
	if drift := w.cluster().Status.Drift; drift != nil {
		t.Errorf("drift: %+v", drift)
	}
	set("osd", "osd_max_backfills", "8")
	if drift := w.cluster().Status.Drift; drift == nil || drift.Count != 1 {
		t.Errorf("drift: %+v, want what was set by hand", drift)
	}
}

// A Deployment that somebody changed by hand is put right.
func TestHandMadeChangeIsPutRight(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	deployment := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: namespace, Name: "ceph-main-osd-1"}
	w.byHand(func() {
		w.must(w.api.Get(t.Context(), key, deployment))
		deployment.Spec.Replicas = new(int32)
		w.must(w.api.Update(t.Context(), deployment))
	})
	w.must(w.pass())
	w.must(w.api.Get(t.Context(), key, deployment))
	if *deployment.Spec.Replicas != 1 {
		t.Errorf("%d replicas", *deployment.Spec.Replicas)
	}
}

// A disk that is added later becomes an OSD, through Ceph.
func TestNewDiskJoins(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	w.byHand(func() { w.must(w.api.Create(t.Context(), emptyDisk("n2", 7))) })
	w.live("a fourth OSD", w.healthy(3, 2, 4))
}

// Deleted with Retain and applied again, it is the same cluster with the same OSDs.
func TestRetainAndApplyAgain(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	before := slices.DeleteFunc(w.names(&corev1.SecretList{}), func(name string) bool {
		return name == handover.CSISecretName // nobody uses volumes of a cluster that is gone
	})
	fsid := w.fsid
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.cluster())) })
	w.live("the object is gone", func() bool { return w.cluster().Name == "" })
	w.byHand(func() { // the garbage collector takes what the object owned
		for _, name := range w.names(&appsv1.DeploymentList{}) {
			t.Errorf("Deployment %s was left running", name)
		}
	})
	mon := slices.IndexFunc(w.writes, func(write string) bool { return strings.HasPrefix(write, "delete Deployment ceph-main-mon-") })
	for i, write := range w.writes {
		if strings.HasPrefix(write, "delete Deployment ceph-main-") && !strings.Contains(write, "-mon-") && i > mon {
			t.Errorf("%s comes after a mon was stopped", write)
		}
	}
	if diff := cmp.Diff(before, w.names(&corev1.SecretList{})); diff != "" {
		t.Errorf("Secrets after the deletion (-before +after):\n%s", diff)
	}
	w.kubelet()
	again := mainCluster()
	again.UID = "2"
	w.start()
	w.byHand(func() { w.must(w.api.Create(t.Context(), again)) })
	w.live("the same cluster is back", w.healthy(3, 2, 3))
	if got := w.cluster().Status.FSID; got != fsid {
		t.Errorf("fsid %s, want %s", got, fsid)
	}
}

// Without the Secret with its identity, and with traces of it, no second cluster is made.
func TestNoSecondIdentity(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	identity := &corev1.Secret{}
	key := client.ObjectKey{Namespace: namespace, Name: manifest.IdentityName("main")}
	w.byHand(func() {
		w.must(w.api.Get(t.Context(), key, identity))
		identity.Finalizers = nil
		w.must(w.api.Update(t.Context(), identity))
		w.must(w.api.Delete(t.Context(), identity))
	})
	for range 5 {
		w.must(w.pass())
		w.advance(time.Second)
	}
	stored, err := observe.Read(t.Context(), w.api, w.api, plan.ClusterKey(theCluster))
	w.must(err)
	if stored.Identity != nil {
		t.Error("another identity was made")
	}
	if len(stored.Deployed) != 8 {
		t.Errorf("%d daemons are left of 8", len(stored.Deployed))
	}
}

// What was lost keeps nobody from deleting what is left.
func TestDeletedWithoutItsIdentity(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	identity := &corev1.Secret{}
	w.byHand(func() {
		w.must(w.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifest.IdentityName("main")}, identity))
		identity.Finalizers = nil
		w.must(w.api.Update(t.Context(), identity))
		w.must(w.api.Delete(t.Context(), identity))
		w.must(w.api.Delete(t.Context(), w.cluster()))
	})
	w.live("the object is gone", func() bool { return w.cluster().Name == "" })
}

func TestFinalizerIsThereBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	first := slices.IndexFunc(w.writes, func(write string) bool { return write == "patch StorageCluster" })
	identity := slices.Index(w.writes, "create Secret "+manifest.IdentityName("main"))
	if !slices.Contains(w.cluster().Finalizers, execute.FinalizerCluster) || identity < 0 || first > identity {
		t.Errorf("finalizers %v; writes %v", w.cluster().Finalizers, w.writes)
	}
}

// What is not available is refused before anything is made.
func TestNotAvailable(t *testing.T) {
	t.Parallel()
	object := mainCluster()
	object.Spec.Mon = &v1alpha1.MonSpec{Volume: &v1alpha1.MonVolume{}}
	w := newWorld(t, append(nodesAndDisks(3, 1), object)...)
	for range 3 {
		w.must(w.pass())
	}
	if got := w.condition(v1alpha1.ConditionReady); got.Reason != v1alpha1.ReasonNotAvailable {
		t.Errorf("Ready is %+v", got)
	}
	if names := w.names(&corev1.SecretList{}); len(names) > 0 {
		t.Errorf("made: %v", names)
	}
}
