//go:build e2e

package api

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

// kubelet runs the pods of all Deployments, in the simulated Ceph.
type kubelet struct {
	testing.TB
	api   client.Client
	queue workqueue.TypedRateLimitingInterface[client.ObjectKey]
	ceph  atomic.Pointer[sim.Cluster] // nil until the first mon is made

	mu       sync.Mutex
	running  map[client.ObjectKey]string // the hash of the template of which a pod runs
	prepared map[string]string           // by disk, the uuid of the OSD that it was made into
	wrong    []string                    // what must not be
}

// workers run that many pods at once.
const workers = 16

func newKubelet(t testing.TB, s *server) *kubelet {
	t.Helper()
	k := &kubelet{
		TB: t, api: s.api, running: map[client.ObjectKey]string{}, prepared: map[string]string{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[client.ObjectKey](50*time.Millisecond, time.Second)),
	}
	informers, err := cache.New(s.config, cache.Options{Scheme: scheme(t), DefaultNamespaces: map[string]cache.Config{namespace: {}}})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	k.watch(ctx, informers)
	var group sync.WaitGroup
	group.Go(func() { _ = informers.Start(ctx) }) // ends with ctx
	for range workers {
		group.Go(func() { k.work(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		k.queue.ShutDown()
		group.Wait()
	})
	return k
}

func (k *kubelet) watch(ctx context.Context, informers cache.Cache) {
	k.Helper()
	deployments, err := informers.GetInformer(ctx, &appsv1.Deployment{}, cache.BlockUntilSynced(false))
	must(k.TB, err)
	changed := func(object any) {
		if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		k.queue.Add(client.ObjectKeyFromObject(object.(client.Object)))
	}
	_, err = deployments.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: changed, UpdateFunc: func(_, object any) { changed(object) }, DeleteFunc: changed,
	})
	must(k.TB, err)
	secrets, err := informers.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
	must(k.TB, err)
	_, err = secrets.AddEventHandler(toolscache.ResourceEventHandlerFuncs{UpdateFunc: k.keysStay})
	must(k.TB, err)
}

// keysStay holds that what a Secret holds is chosen once (C1). What is handed to the CSI controller follows the nodes, and
// holds copies of keys that Ceph has.
func (k *kubelet) keysStay(before, after any) {
	was, is := before.(*corev1.Secret), after.(*corev1.Secret)
	if is.Name != handover.CSISecretName && was.UID == is.UID && !reflect.DeepEqual(was.Data, is.Data) {
		k.complain("the content of Secret " + is.Name + " was changed")
	}
}

func (k *kubelet) complain(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong = append(k.wrong, what)
}

// Wrong returns what happened that must not.
func (k *kubelet) Wrong() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.wrong...)
}

func (k *kubelet) work(ctx context.Context) {
	for {
		key, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		if err := k.sync(ctx, key); err != nil && ctx.Err() == nil {
			k.queue.AddRateLimited(key)
		} else {
			k.queue.Forget(key)
		}
		k.queue.Done(key)
	}
}

// sync makes the pod of a Deployment be as that asks. An error is tried again: an OSD may have to wait for its key.
func (k *kubelet) sync(ctx context.Context, key client.ObjectKey) error {
	deployment := &appsv1.Deployment{}
	err := k.api.Get(ctx, key, deployment)
	gone := apierrors.IsNotFound(err)
	if err != nil && !gone {
		return err
	}
	hash := deployment.Annotations[plan.AnnotationTemplate]
	k.mu.Lock()
	was, runs := k.running[key]
	k.mu.Unlock()
	if runs && (gone || was != hash) {
		if err := k.stop(ctx, key); err != nil {
			return err
		}
	}
	if gone {
		return nil
	}
	if !runs || was != hash {
		if err := k.start(ctx, deployment, hash); err != nil {
			return err
		}
	}
	return k.settle(ctx, deployment)
}

// settle reports as the controller of Deployments does.
func (k *kubelet) settle(ctx context.Context, deployment *appsv1.Deployment) error {
	if deployment.Status.ObservedGeneration == deployment.Generation {
		return nil
	}
	deployment.Status = appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
	}
	return k.api.Status().Update(ctx, deployment)
}

func podOf(key client.ObjectKey) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name + "-0"}}
}

func (k *kubelet) start(ctx context.Context, deployment *appsv1.Deployment, hash string) error {
	if err := k.startDaemon(ctx, deployment); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(deployment)
	pod := podOf(key)
	pod.Labels, pod.Spec = deployment.Spec.Template.Labels, deployment.Spec.Template.Spec
	pod.Spec.NodeName = deployment.Annotations[manifest.AnnotationNode]
	if err := client.IgnoreAlreadyExists(k.api.Create(ctx, pod)); err != nil {
		return err
	}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
	}}}
	if err := k.api.Status().Update(ctx, pod); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running[key] = hash
	return nil
}

func (k *kubelet) startDaemon(ctx context.Context, deployment *appsv1.Deployment) error {
	daemon, ok := observe.DaemonOf(deployment.Labels)
	if !ok {
		return nil
	}
	if err := k.makeCeph(ctx); err != nil {
		return err
	}
	switch daemon.Kind {
	case plan.DaemonMon:
		k.ceph.Load().StartMon(daemon.Name)
	case plan.DaemonMgr:
		k.ceph.Load().StartMgr(daemon.Name)
	case plan.DaemonMDS:
		k.ceph.Load().StartMDS(daemon.Name)
	case plan.DaemonOSD:
		return k.startOSD(ctx, deployment, daemon.Name)
	}
	return nil
}

func (k *kubelet) startOSD(ctx context.Context, deployment *appsv1.Deployment, name string) error {
	id, err := strconv.Atoi(name)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{}
	if err := k.api.Get(ctx, client.ObjectKeyFromObject(deployment), secret); err != nil {
		return err
	}
	reservation, err := manifest.ReservationOf(secret)
	if err != nil {
		return err
	}
	location, err := observe.ParseLocation(reservation.Location)
	if err != nil {
		return err
	}
	k.prepare(reservation)
	return k.ceph.Load().StartOSD(id, sim.OSDDaemon{Host: reservation.Node, Location: location, UUID: reservation.UUID, Key: reservation.Key})
}

// prepare is the one mkfs that a disk ever sees.
func (k *kubelet) prepare(r handover.Reservation) {
	k.mu.Lock()
	was := k.prepared[r.Data.Disk]
	k.prepared[r.Data.Disk] = r.UUID
	k.mu.Unlock()
	if was != "" && was != r.UUID {
		k.complain(fmt.Sprintf("disk %s is to be OSD %s, and was prepared as %s", r.Data.Disk, r.UUID, was))
	}
}

func (k *kubelet) stop(ctx context.Context, key client.ObjectKey) error {
	pod := podOf(key)
	err := k.api.Get(ctx, client.ObjectKeyFromObject(pod), pod)
	if err == nil {
		err = k.api.Delete(ctx, pod, client.GracePeriodSeconds(0))
	}
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	daemon, _ := observe.DaemonOf(pod.Labels)
	switch daemon.Kind {
	case plan.DaemonMon:
		k.ceph.Load().StopMon(daemon.Name)
	case plan.DaemonMgr:
		k.ceph.Load().StopMgr(daemon.Name)
	case plan.DaemonMDS:
		k.ceph.Load().StopMDS(daemon.Name)
	case plan.DaemonOSD:
		if id, err := strconv.Atoi(daemon.Name); err == nil {
			k.ceph.Load().StopOSD(id)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.running, key)
	return nil
}

// makeCeph makes the Ceph that the seed asks for: a mon makes its store from that.
func (k *kubelet) makeCeph(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ceph.Load() != nil {
		return nil
	}
	stored, err := observe.Read(ctx, k.api, k.api, plan.ClusterKey(theCluster))
	if err != nil {
		return err
	}
	if stored.Seed == nil || stored.Identity == nil {
		return fmt.Errorf("a daemon is to start, and there is no seed")
	}
	made, err := newCeph(stored)
	k.ceph.Store(made)
	return err
}

func newCeph(stored *observe.Stored) (*sim.Cluster, error) {
	keyring := []ceph.Entity{{
		Name: "client.admin", Key: stored.Identity.Admin,
		Caps: ceph.Caps{"mon": "allow *", "mgr": "allow *", "osd": "allow *", "mds": "allow *"},
	}}
	for _, id := range stored.Seed.OSDs {
		keyring = append(keyring, ceph.Entity{
			Name: "osd." + strconv.Itoa(int(id)), Key: stored.Reservations[id].Key,
			Caps: ceph.Caps{"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"},
		})
	}
	return sim.New(sim.Options{
		FSID: stored.Identity.FSID, Mons: stored.Seed.Mons, Mgrs: stored.Seed.Mgrs, Stopped: true, Keyring: keyring, Now: time.Now,
	})
}

// dial opens a session with the simulated Ceph.
func (k *kubelet) dial(_ context.Context, target session.Target) (ceph.Client, error) {
	made := k.ceph.Load()
	if made == nil {
		return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable, Text: "no mon can be reached"}
	}
	return made.Client(target.Entity, target.Key)
}
