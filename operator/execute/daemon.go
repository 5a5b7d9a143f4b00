package execute

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// FinalizerCluster keeps a StorageCluster until its daemons have stopped, and its disks are erased if they are to be.
const FinalizerCluster = "seamount.dev/cluster"

// applyDaemon applies a daemon's Deployment. A running pod is changed only after Ceph said, just now, that it and those
// that are restarted with it may stop.
func (r *run) applyDaemon(ctx context.Context, action plan.ApplyDaemon) error {
	if action.Restart {
		if err := r.mayStop(ctx, action.Batch); err != nil {
			return err
		}
	}
	if osd := action.Daemon.OSD; osd != nil && !action.Restart && r.reservedBefore(osd.ID) {
		if err := r.stays(ctx, osd.ID); err != nil {
			return err
		}
	}
	if err := r.config(ctx); err != nil {
		return err
	}
	return r.applyDeployment(ctx, action.Daemon)
}

// applyDeployment fills in the address that a mon got. A mon whose address is not recorded, because the plan was made
// from a cache that was old, is left for the next pass.
func (r *run) applyDeployment(ctx context.Context, d plan.Daemon) error {
	if d.ID.Kind == plan.DaemonMon && d.Address == "" {
		r.mu.Lock()
		mon, _ := r.stored.Mons.Get(d.ID.Name)
		r.mu.Unlock()
		if mon.Address == "" {
			return apierrors.NewConflict(appsv1.Resource("deployments"), d.ID.String(), errors.New("its address is not recorded yet"))
		}
		d.Address = mon.Address
	}
	_, err := r.Apply(ctx, Deployment(r.builder(d.Image), d))
	return err
}

// config applies ceph.conf, which every pod mounts, with the mons that are recorded by now.
func (r *run) config(ctx context.Context) error {
	r.mu.Lock()
	mons := r.stored.Mons.Mons
	r.mu.Unlock()
	_, err := r.Apply(ctx, r.builder("").ConfigMap(mons))
	return err
}

// question is one that Ceph is asked once in a run, whoever asks.
type question struct {
	once sync.Once
	err  error
}

// mayStop asks Ceph whether daemons may stop together. A no is remembered, and is a conflict: nothing has failed.
func (r *run) mayStop(ctx context.Context, batch []plan.DaemonID) error {
	names := make([]string, len(batch))
	for i, daemon := range batch {
		names[i] = daemon.String()
	}
	key := strings.Join(names, " ")
	r.mu.Lock()
	q := r.asked[key]
	if q == nil {
		q = &question{}
		r.asked[key] = q
	}
	r.mu.Unlock()
	q.once.Do(func() { q.err = r.ask(ctx, batch) })
	return q.err
}

func (r *run) ask(ctx context.Context, batch []plan.DaemonID) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	text, err := okToStop(ctx, session, batch)
	if err != nil || text == "" {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = append(r.denied, plan.Denial{Daemons: batch, Text: text})
	return apierrors.NewConflict(appsv1.Resource("deployments"), batch[0].String(), errors.New(text))
}

// okToStop returns Ceph's words when it says no; empty when it says yes.
func okToStop(ctx context.Context, session ceph.Client, batch []plan.DaemonID) (string, error) {
	var mons []string
	var osds []int
	for _, daemon := range batch {
		switch daemon.Kind {
		case plan.DaemonMon:
			mons = append(mons, daemon.Name)
		case plan.DaemonOSD:
			id, err := strconv.Atoi(daemon.Name)
			if err != nil {
				return "", fmt.Errorf("daemon %s: %w", daemon, err)
			}
			osds = append(osds, id)
		case plan.DaemonMDS:
			if text, err := ranksServe(ctx, session, daemon.Name); err != nil || text != "" {
				return text, err
			}
		case plan.DaemonMgr: // a standby takes over, and data does not depend on it
		}
	}
	if len(mons) > 0 {
		if err := session.MonOKToStop(ctx, mons...); errors.Is(err, ceph.ErrBusy) {
			return err.Error(), nil
		} else if err != nil {
			return "", err
		}
	}
	if len(osds) > 0 {
		answer, err := session.OSDOKToStop(ctx, osds...)
		if err != nil || answer.OK {
			return "", err
		}
		return "osd ok-to-stop: " + answer.Explanation, nil
	}
	return "", nil
}

func (r *run) deleteDeployment(ctx context.Context, daemon plan.DaemonID) error {
	name := map[plan.DaemonKind]func(string, string) string{
		plan.DaemonMon: manifest.MonName, plan.DaemonMgr: manifest.MgrName, plan.DaemonOSD: osdObject, plan.DaemonMDS: manifest.MDSName,
	}[daemon.Kind]
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: r.Object.Namespace, Name: name(r.Object.Name, daemon.Name)}}
	deployment.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return r.Delete(ctx, deployment)
}

func osdObject(cluster, id string) string {
	number, _ := strconv.ParseInt(id, 10, 32) // it comes from a number
	return manifest.OSDName(cluster, int32(number))
}

// EnsureFinalizer keeps a StorageCluster until ReleaseCluster.
func EnsureFinalizer(ctx context.Context, c client.Client, cluster *v1alpha1.StorageCluster) error {
	return ensureFinalizer(ctx, c, v1alpha1.KindStorageCluster, cluster, FinalizerCluster)
}

// releaseCluster lets the StorageCluster go. What is stored of it stays.
func (r *run) releaseCluster(ctx context.Context) error {
	r.forget(client.ObjectKeyFromObject(r.Object))
	if err := r.takeBack(ctx); err != nil {
		return fmt.Errorf("take back what the CSI controller was handed: %w", err)
	}
	return release(ctx, r.Client, v1alpha1.KindStorageCluster, r.Object, FinalizerCluster)
}

func uidOf(object client.Object) *types.UID {
	uid := object.GetUID()
	return &uid
}
