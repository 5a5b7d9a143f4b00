package execute

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// ensureMon gives a mon its Service and records the address that it got. On the host network the node's is recorded.
func (r *run) ensureMon(ctx context.Context, mon handover.Mon) error {
	if _, recorded := r.recordedMon(mon.Name); mon.State == handover.MonJoining && !recorded {
		if err := r.mayJoin(ctx, mon.Name); err != nil {
			return err
		}
	}
	if !r.hostNetwork() {
		address, err := r.monService(ctx, mon.Name, mon.Address)
		if err != nil {
			return err
		}
		mon.Address = address
	}
	return r.changeMons(ctx, func(mons *handover.Mons) {
		mons.Mons = slices.DeleteFunc(mons.Mons, func(m handover.Mon) bool { return m.Name == mon.Name })
		mons.Mons = append(mons.Mons, mon)
	})
}

func (r *run) hostNetwork() bool { return r.Spec.Network.Mode == v1alpha1.NetworkHost }

// monService applies the Service of a mon and returns its address. A Service that came back with another address than
// the one that is recorded is of no use to anybody: the mon is known by the old one. It makes room for the right one.
func (r *run) monService(ctx context.Context, name, address string) (string, error) {
	live := &corev1.Service{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: manifest.MonName(r.Object.Name, name)}
	err := r.Client.Get(ctx, key, live)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("read service: %w", err)
	}
	if err == nil && address != "" && live.Spec.ClusterIP != address {
		live.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
		if err := r.Delete(ctx, live); err != nil {
			return "", err
		}
	}
	service := r.builder("").MonService(name, address)
	if _, err := r.Apply(ctx, service); err != nil {
		return "", err
	}
	if _, err := netip.ParseAddr(service.Spec.ClusterIP); err != nil {
		return "", fmt.Errorf("service %s has no address yet", service.Name)
	}
	return service.Spec.ClusterIP, nil
}

// recordQuorum records that there was a quorum. From then on nothing makes an empty store from the first monmap.
func (r *run) recordQuorum(ctx context.Context, states []handover.Mon) error {
	return r.changeMons(ctx, func(mons *handover.Mons) {
		mons.QuorumRecorded = true
		for _, mon := range states {
			setState(mons, mon.Name, mon.State)
		}
	})
}

func (r *run) recordMember(ctx context.Context, name string) error {
	return r.changeMons(ctx, func(mons *handover.Mons) { setState(mons, name, handover.MonMember) })
}

func setState(mons *handover.Mons, name string, state handover.MonState) {
	for i := range mons.Mons {
		if mons.Mons[i].Name == name {
			mons.Mons[i].State = state
		}
	}
}

func (r *run) recordedMon(name string) (handover.Mon, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored.Mons.Get(name)
}

// mayJoin looks, right before a mon is made that joins, whether the mons that are in quorum are a majority together with
// it. One that is in the monmap already changes nothing there.
func (r *run) mayJoin(ctx context.Context, name string) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	now, err := session.QuorumStatus(ctx)
	if err != nil {
		return err
	}
	if inMonmap(now, name) || (len(now.InQuorum)+1)*2 > len(now.Mons)+1 {
		return nil
	}
	return monConflict(name, "%d of %d mons are in quorum, and are no majority with one more", len(now.InQuorum), len(now.Mons))
}

// mayGo looks, right before a mon is taken out of the monmap, whether the others hold quorum without it, and the one in
// its place is among them.
func mayGo(ctx context.Context, session ceph.Client, action plan.RemoveMon) error {
	now, err := session.QuorumStatus(ctx)
	if err != nil || !inMonmap(now, action.Name) {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(now.InQuorum), func(name string) bool { return name == action.Name })
	switch {
	case len(others)*2 <= len(now.Mons)-1:
		return monConflict(action.Name, "%d of the %d other mons are in quorum, which is no majority", len(others), len(now.Mons)-1)
	case action.Successor != "" && !slices.Contains(others, action.Successor):
		return monConflict(action.Name, "mon.%s, which is to take its place, is not in quorum", action.Successor)
	}
	return nil
}

func inMonmap(now ceph.QuorumStatus, name string) bool {
	return slices.ContainsFunc(now.Mons, func(m ceph.Mon) bool { return m.Name == name })
}

func monConflict(name, format string, args ...any) error {
	return apierrors.NewConflict(appsv1.Resource("deployments"), "mon."+name, fmt.Errorf(format, args...))
}

// removeMon takes a mon out of the quorum first: a record without it would start another in its place.
func (r *run) removeMon(ctx context.Context, action plan.RemoveMon) error {
	name := action.Name
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	if err := mayGo(ctx, session, action); err != nil {
		return err
	}
	if err := session.RemoveMon(ctx, name); err != nil {
		return err
	}
	if err := r.deleteDeployment(ctx, plan.DaemonID{Kind: plan.DaemonMon, Name: name}); err != nil {
		return err
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: r.Object.Namespace, Name: manifest.MonName(r.Object.Name, name)}}
	service.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
	if err := r.Delete(ctx, service); err != nil {
		return err
	}
	return r.changeMons(ctx, func(mons *handover.Mons) {
		mons.Mons = slices.DeleteFunc(mons.Mons, func(m handover.Mon) bool { return m.Name == name })
		mons.Retired = slices.Compact(slices.Sorted(slices.Values(append(mons.Retired, name))))
	})
}

// changeMons changes the record of the mons. What was read when the plan was made must still be there: a quorum that was
// recorded is never forgotten because a cache was old.
func (r *run) changeMons(ctx context.Context, change func(*handover.Mons)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	mons := r.stored.Mons
	mons.Mons, mons.Retired = slices.Clone(mons.Mons), slices.Clone(mons.Retired)
	change(&mons)
	slices.SortFunc(mons.Mons, func(a, b handover.Mon) int { return strings.Compare(a.Name, b.Name) })
	config := Builder(r.Object, r.Spec, r.stored.FSID(), r.NodeImage, "").MonsConfigMap(mons)
	config.Finalizers = []string{manifest.FinalizerIdentity}
	config.ResourceVersion = r.stored.MonsVersion
	if config.ResourceVersion == "" {
		if err := r.absent(ctx, &corev1.ConfigMap{}, client.ObjectKeyFromObject(config)); err != nil {
			return err
		}
	}
	if _, err := r.Apply(ctx, config); err != nil {
		return fmt.Errorf("record mons: %w", err)
	}
	r.stored.Mons, r.stored.MonsVersion = mons, config.ResourceVersion
	return nil
}

// absent fails with a conflict when the object is there after all.
func (r *run) absent(ctx context.Context, object client.Object, key client.ObjectKey) error {
	err := r.Live.Get(ctx, key, object)
	if err == nil {
		return apierrors.NewAlreadyExists(corev1.Resource("configmaps"), key.Name)
	}
	return client.IgnoreNotFound(err)
}
