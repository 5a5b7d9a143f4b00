package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// readStores runs the pods that read stores of mons.
func (w *world) readStores() {
	var pods corev1.PodList
	w.must(w.api.List(w.Context(), &pods, client.MatchingLabels{manifest.LabelComponent: manifest.ComponentRecovery}))
	for i := range pods.Items {
		if pod := &pods.Items[i]; pod.Status.Phase == "" {
			pod.CreationTimestamp = metav1.NewTime(w.now)
			w.must(w.api.Update(w.Context(), pod))
			w.readStore(pod)
			w.must(w.api.Status().Update(w.Context(), pod))
		}
	}
}

func (w *world) readStore(pod *corev1.Pod) {
	key, found := w.stores[manifest.RecoveryMonOf("main", pod)]
	if !found {
		refusal := handover.TerminationMessage(v1alpha1.Refusal{Reason: handover.ReasonStoreMissing, Message: "the store is gone"})
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: handover.ExitRefused, Message: refusal},
		}}}
		return
	}
	secret := &corev1.Secret{}
	if err := w.api.Get(w.Context(), w.named(manifest.RecoveryName), secret); err != nil {
		return // it was taken away meanwhile
	}
	secret.Data = map[string][]byte{handover.RecoveredMonKey: []byte(key.Reveal())}
	w.must(w.api.Update(w.Context(), secret))
	pod.Status.Phase = corev1.PodSucceeded
}

func (w *world) named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// identity is what is stored; the Secret is damaged or gone when it is not found.
func (w *world) identity() (manifest.Identity, bool) {
	secret := &corev1.Secret{}
	if err := w.api.Get(w.Context(), w.named(manifest.IdentityName("main")), secret); err != nil {
		w.must(client.IgnoreNotFound(err))
		return manifest.Identity{}, false
	}
	identity, err := manifest.IdentityOf(secret)
	return identity, err == nil && slices.Contains(secret.Finalizers, manifest.FinalizerIdentity) && *secret.Immutable
}

// take takes an object away as a person would who wants it gone, and with a change puts another in its place.
func (w *world) take(object client.Object, name string, change func()) {
	w.byHand(func() {
		w.must(w.api.Get(w.Context(), w.named(name), object))
		object.SetFinalizers(nil)
		w.must(w.api.Update(w.Context(), object))
		w.must(w.api.Delete(w.Context(), object))
		if change != nil {
			change()
			object.SetResourceVersion("")
			w.must(w.api.Create(w.Context(), object))
		}
	})
}

// rebuilt says that the identity is what it was, that nothing is left of the rebuilding, and that all is well.
func (w *world) rebuilt(before manifest.Identity) func() bool {
	return func() bool {
		now, found := w.identity()
		secret := &corev1.Secret{}
		left := client.IgnoreNotFound(w.api.Get(w.Context(), w.named(manifest.RecoveryName), secret)) != nil || secret.Name != ""
		var pods corev1.PodList
		w.must(w.api.List(w.Context(), &pods, client.MatchingLabels{manifest.LabelComponent: manifest.ComponentRecovery}))
		return found && now == before && !left && len(pods.Items) == 0 && w.healthy(3, 2, 3)()
	}
}

// ways in which an identity is lost.
func ways(w *world) map[string]func() {
	secret, name := &corev1.Secret{}, manifest.IdentityName("main")
	damage := func(key, value string) func() {
		return func() { w.take(secret, name, func() { secret.Data[key] = []byte(value) }) }
	}
	return map[string]func(){
		"gone":                 func() { w.take(secret, name, nil) },
		"without a key":        damage("mon-key", ""),
		"with another fsid":    damage("fsid", "8b1c2d3e-0000-4000-8000-00000000ffff"),
		"with another admin":   damage("admin-key", keys.New(ceph.CipherAES).Reveal()),
		"admin changed inside": func() { w.byHand(func() { w.rotateAdmin() }) },
		"and all that was kept": func() {
			w.byHand(w.labelDisks)
			w.take(secret, name, nil)
			w.take(secret, manifest.SeedName("main"), nil)
			for _, mgr := range []string{"a", "b"} {
				w.take(secret, manifest.MgrName("main", mgr), nil)
			}
			for id := range 3 {
				w.take(secret, manifest.OSDName("main", int32(id)), nil)
			}
			w.take(&corev1.ConfigMap{}, manifest.MonsName("main"), nil)
		},
	}
}

// labelDisks says of all disks with OSDs what discover says of them: that they hold these.
func (w *world) labelDisks() {
	var disks v1alpha1.StorageDiskList
	w.must(w.api.List(w.Context(), &disks))
	for i := range disks.Items {
		status := &disks.Items[i].Status
		osd := status.OSDs[0]
		status.Content = &v1alpha1.DiskContent{Kind: v1alpha1.ContentBlueStore,
			BlueStore: &v1alpha1.BlueStoreLabel{FSID: w.fsid, OSDID: &osd.ID, OSDUUID: osd.UUID}}
		status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Seal: "sha256:osd",
			Reasons: []v1alpha1.Refusal{{Reason: v1alpha1.ReasonForeignOSD, Message: "it holds an OSD"}}}
		w.must(w.api.Status().Update(w.Context(), &disks.Items[i]))
	}
}

// rotateAdmin gives client.admin another key in Ceph itself, as a person may.
func (w *world) rotateAdmin() {
	admin := w.ceph.Admin()
	w.must(admin.RemoveEntity(w.Context(), keys.NameAdmin))
	w.must(admin.ImportEntity(w.Context(), keys.Admin(keys.New(ceph.CipherAES))))
}

// Law C1: what was lost is rebuilt from the store of a mon, with the operator that knew it and with another that did not;
// and no daemon is touched for it.
func TestLostIdentityIsRebuilt(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		for name := range ways(nil) {
			t.Run(fmt.Sprintf("%s, operator started anew: %v", name, restart), func(t *testing.T) {
				t.Parallel()
				w := bringUp(t)
				before, _ := w.identity()
				secrets, daemons := w.names(&corev1.SecretList{}), w.deployments()
				ways(w)[name]()
				if restart {
					w.start()
				}
				if name == "admin changed inside" {
					before.Admin = w.adminInCeph()
				}
				w.live("the identity is rebuilt", w.rebuilt(before))
				w.live("all Secrets are back", func() bool { return slices.Equal(secrets, w.names(&corev1.SecretList{})) })
				if diff := cmp.Diff(daemons, w.deployments()); diff != "" {
					t.Errorf("daemons were changed (-before +after):\n%s", diff)
				}
				if got := w.cluster().Status.FSID; got != before.FSID {
					t.Errorf("fsid %s, was %s", got, before.FSID)
				}
			})
		}
	}
}

func (w *world) adminInCeph() ceph.Secret {
	entity, err := w.ceph.Admin().Entity(w.Context(), keys.NameAdmin)
	w.must(err)
	return entity.Key
}

// deployments are the templates of all, part by part, by name.
func (w *world) deployments() map[string]string {
	var list appsv1.DeploymentList
	w.must(w.api.List(w.Context(), &list))
	hashes := map[string]string{}
	for i := range list.Items {
		hashes[list.Items[i].Name] = list.Items[i].Annotations[plan.AnnotationTemplate]
	}
	return hashes
}

// Killed at any write of the rebuilding, and with a new operator after that, the end is the same.
func TestKilledWhileTheIdentityIsRebuilt(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"gone", "with another admin"} {
		for n := 0; n < 12; n += killStride {
			t.Run(fmt.Sprint(way, n), func(t *testing.T) {
				t.Parallel()
				w := bringUp(t)
				before, _ := w.identity()
				ways(w)[way]()
				count, killed := 0, false
				w.fail = func(string) error {
					if count++; count == n+1 {
						killed = true
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
				w.live("the identity is rebuilt", w.rebuilt(before))
				if n < 6 && !killed {
					t.Errorf("only %d writes", count)
				}
			})
		}
	}
}

// Deleted with Retain, then the identity is lost: applied again, its mons are started to ask them.
func TestRetainedAndLost(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	before, _ := w.identity()
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.cluster())) })
	w.live("the object is gone", func() bool { return w.cluster().Name == "" })
	w.kubelet()
	w.take(&corev1.Secret{}, manifest.IdentityName("main"), nil)
	w.take(&corev1.Secret{}, manifest.SeedName("main"), nil)
	w.start()
	again := mainCluster()
	again.UID = "2"
	w.byHand(func() { w.must(w.api.Create(t.Context(), again)) })
	w.live("the same cluster is back", w.rebuilt(before))
}

// One store after the other is tried, and what a store lacks is told.
func TestStoresAreTriedInTurn(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	before, _ := w.identity()
	key := w.stores["c"]
	clear(w.stores)
	ways(w)["gone"]()
	w.live("all stores were tried", func() bool {
		message := w.condition(v1alpha1.ConditionReady).Message
		return strings.Contains(message, "mon.a: StoreMissing") && strings.Contains(message, "mon.c: StoreMissing")
	})
	if _, found := w.identity(); found || w.condition(v1alpha1.ConditionReady).Status != "False" {
		t.Errorf("another identity was made, or all is said to be well: %s", w.describe())
	}
	w.stores["c"] = key
	for range 3 {
		w.advance(time.Minute)
	}
	w.live("the identity is rebuilt", w.rebuilt(before))
}

// A key that is not this cluster's brings nothing back, and that is told.
func TestAnotherClustersStore(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	for mon := range w.stores {
		w.stores[mon] = keys.New(ceph.CipherAES)
	}
	ways(w)["gone"]()
	for range 20 {
		_ = w.pass() // the step fails each time
		w.kubelet()
		w.advance(time.Second)
	}
	if got := w.condition(v1alpha1.ConditionReady); !strings.Contains(got.Message, "does not bring it back") {
		t.Errorf("Ready is %+v", got)
	}
	if _, found := w.identity(); found {
		t.Error("an identity was made")
	}
	if len(w.deployments()) != 8 {
		t.Errorf("%d daemons are left of 8", len(w.deployments()))
	}
}

// No status and no write tells a key.
func TestRebuildingTellsNoKey(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	before, _ := w.identity()
	ways(w)["gone"]()
	w.live("the identity is rebuilt", w.rebuilt(before))
	var pods corev1.PodList
	w.must(w.api.List(t.Context(), &pods))
	told := fmt.Sprintf("%+v %+v %+v", w.cluster(), pods.Items, w.writes)
	for _, key := range []ceph.Secret{before.Admin, before.Mon} {
		if strings.Contains(told, key.Reveal()) {
			t.Errorf("a key is told")
		}
	}
}
