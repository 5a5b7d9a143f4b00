package execute

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// recover does a step that brings back what was lost.
func (r *run) recover(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.ReadMonKey:
		return r.readMonKey(ctx, action)
	case plan.RebuildIdentity:
		err := r.rebuildIdentity(ctx)
		if err != nil && !isConflict(err) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.trouble = err.Error()
		}
		return err
	case plan.EndRecovery:
		return r.endRecovery(ctx)
	case plan.RestoreMons:
		return r.restoreMons(ctx, action.Mons)
	}
	return unknownStep(action)
}

// readMonKey makes the empty Secret, and the pod that fills it in. The pod may write no other.
func (r *run) readMonKey(ctx context.Context, action plan.ReadMonKey) error {
	secret := r.builder("").RecoverySecret()
	if _, err := r.create(ctx, secret); err != nil {
		return fmt.Errorf("make the Secret that takes the key: %w", err)
	}
	pod := r.builder("").RecoveryPod(action.Mon, action.Hostname, secret.UID)
	made, err := r.create(ctx, pod)
	if err != nil || made || !action.Again {
		return err
	}
	return r.deletePod(ctx, action.Mon.Name) // that it is gone asks for another pass, which makes the next
}

func (r *run) deletePod(ctx context.Context, mon string) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: r.Object.Namespace, Name: manifest.RecoveryPodName(r.Object.Name, mon)}}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	return r.Delete(ctx, pod)
}

// rebuildIdentity stores what Ceph itself says. Nothing is stored before Ceph has proved, with its fsid and by accepting
// the key, that it is the cluster that was lost.
func (r *run) rebuildIdentity(ctx context.Context) error {
	key := r.Stored.Recovery.Key
	session, _, err := r.connect(ctx, keys.NameMon, key)
	if err != nil {
		return err
	}
	defer session.Close()
	// One that was removed by hand is made again, and one that may do less than it must gets its capabilities back.
	admin, err := session.EnsureEntity(ctx, keys.NameAdmin, keys.Admin(ceph.Secret{}).Caps)
	if err != nil {
		return err
	}
	identity := manifest.Identity{FSID: r.fsid(), Admin: admin.Key, Mon: key}
	if err := r.storeIdentity(ctx, identity); err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	r.mu.Lock()
	r.stored.Identity = &identity
	r.mu.Unlock()
	return r.endRecovery(ctx)
}

// connect opens a session of its own for what the operator's cannot do yet, and makes sure of whom it is with: what the
// quorum said of itself comes with it.
func (r *run) connect(ctx context.Context, entity string, key ceph.Secret) (ceph.Client, ceph.QuorumStatus, error) {
	session, err := r.Connect(ctx, entity, key)
	if err != nil {
		return nil, ceph.QuorumStatus{}, err
	}
	status, err := session.QuorumStatus(ctx)
	if err == nil && status.FSID != r.fsid() {
		err = fmt.Errorf("another cluster answers: its fsid is %s, want %s", status.FSID, r.fsid())
	}
	if err != nil {
		return nil, ceph.QuorumStatus{}, errors.Join(err, session.Close())
	}
	return session, status, nil
}

// storeIdentity creates the Secret. One that is there and is not what it should be cannot be changed, and makes room.
func (r *run) storeIdentity(ctx context.Context, identity manifest.Identity) error {
	secret := r.builder("").IdentitySecret(identity)
	made, err := r.create(ctx, secret)
	if err != nil || made {
		return err
	}
	if there, err := manifest.IdentityOf(secret); err == nil && there == identity {
		return nil
	}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	before := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	secret.Finalizers = nil
	if err := r.Client.Patch(ctx, secret, before, client.FieldOwner(v1alpha1.FieldOwnerOperator)); err != nil {
		return err
	}
	if err := r.Client.Delete(ctx, secret, client.Preconditions{UID: uidOf(secret)}); client.IgnoreNotFound(err) != nil {
		return err
	}
	_, err = r.create(ctx, r.builder("").IdentitySecret(identity))
	return err
}

// endRecovery takes the Secret away last: while it is there, there is something to end.
func (r *run) endRecovery(ctx context.Context) error {
	for _, attempt := range r.Stored.Recovery.Attempts {
		if err := r.deletePod(ctx, attempt.Mon); err != nil {
			return err
		}
	}
	secret := r.builder("").RecoverySecret()
	return r.Delete(ctx, secret)
}

// restoreMons writes the record of the mons as the quorum knows them.
func (r *run) restoreMons(ctx context.Context, known []handover.Mon) error {
	name := client.ObjectKey{Namespace: r.Object.Namespace, Name: manifest.MonsName(r.Object.Name)}
	if err := r.absent(ctx, &corev1.ConfigMap{}, name); err != nil {
		return err
	}
	session, status, err := r.connect(ctx, keys.NameAdmin, r.Stored.Identity.Admin)
	if err != nil {
		return err
	}
	defer session.Close()
	members, err := membersOf(status, known)
	if err != nil {
		return err
	}
	return r.changeMons(ctx, func(mons *handover.Mons) { *mons = handover.Mons{Mons: members, QuorumRecorded: true} })
}

// membersOf returns the mons of the monmap, which has no nodes, with the nodes that are known. All count as members:
// none of them is ever given an empty store.
func membersOf(status ceph.QuorumStatus, known []handover.Mon) ([]handover.Mon, error) {
	var members []handover.Mon
	for _, mon := range status.Mons {
		recorded, found := handover.Mons{Mons: known}.Get(mon.Name)
		if !found || len(mon.Addresses) == 0 {
			return nil, fmt.Errorf("the monmap has mon.%s, and nothing says on which node it is", mon.Name)
		}
		address, err := netip.ParseAddrPort(mon.Addresses[0].Addr)
		if err != nil {
			return nil, fmt.Errorf("address of mon.%s in the monmap: %w", mon.Name, err)
		}
		members = append(members, handover.Mon{
			Name: mon.Name, Node: recorded.Node, Address: address.Addr().String(), State: handover.MonMember,
		})
	}
	return members, nil
}
