package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// userOf is the user of a mgr or an MDS.
func userOf(daemon plan.DaemonID, key ceph.Secret) ceph.Entity {
	if daemon.Kind == plan.DaemonMDS {
		return keys.MDS(daemon.Name, key)
	}
	return keys.Mgr(daemon.Name, key)
}

// keySecretName is the name of the Secret with the keyring of a mgr or an MDS.
func keySecretName(cluster string, daemon plan.DaemonID) string {
	if daemon.Kind == plan.DaemonMDS {
		return manifest.MDSName(cluster, daemon.Name)
	}
	return manifest.MgrName(cluster, daemon.Name)
}

// keySecret builds it.
func (r *run) keySecret(daemon plan.DaemonID, filesystem string, keyring []byte) *corev1.Secret {
	if daemon.Kind == plan.DaemonMDS {
		return r.builder("").MDSSecret(daemon.Name, filesystem, keyring)
	}
	return r.builder("").MgrSecret(daemon.Name, keyring)
}

// ensureKey stores a key for a mgr or an MDS. One that Ceph knows already keeps the key that Ceph has.
func (r *run) ensureKey(ctx context.Context, action plan.EnsureKey) error {
	if r.hasKey(action.Daemon) {
		return nil
	}
	user := userOf(action.Daemon, r.newKey())
	session, err := r.Ceph()
	if err != nil && r.Stored.Mons.QuorumRecorded {
		return err // there is a Ceph, which may know the daemon: it has to be asked
	}
	if err == nil {
		if entity, err := session.Entity(ctx, user.Name); err == nil {
			user.Key = entity.Key
		} else if !errors.Is(err, ceph.ErrNotFound) && r.Stored.Mons.QuorumRecorded {
			return err
		}
	}
	_, err = r.create(ctx, r.keySecret(action.Daemon, action.Filesystem, keys.Keyring(user)))
	return err
}

func (r *run) hasKey(daemon plan.DaemonID) bool {
	if daemon.Kind == plan.DaemonMDS {
		return slices.ContainsFunc(r.Stored.MDSs, func(key plan.MDSKey) bool { return key.Name == daemon.Name })
	}
	return slices.Contains(r.Stored.Mgrs, daemon.Name)
}

// storedKeyring reads the Secret with the keyring of a mgr or an MDS.
func (r *run) storedKeyring(ctx context.Context, daemon plan.DaemonID) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: keySecretName(r.Object.Name, daemon)}
	if err := r.Live.Get(ctx, key, secret); err != nil {
		return nil, fmt.Errorf("read keyring of %s: %w", daemon, err)
	}
	return secret, nil
}

func (r *run) storedKey(ctx context.Context, daemon plan.DaemonID) (ceph.Secret, error) {
	secret, err := r.storedKeyring(ctx, daemon)
	if err != nil {
		return ceph.Secret{}, err
	}
	return keyIn(secret.Data[handover.KeyringKey])
}

// registerKey gives Ceph the key of a mgr or an MDS. One that Ceph knows by another key keeps that, and the Secret follows.
func (r *run) registerKey(ctx context.Context, session ceph.Client, daemon plan.DaemonID) error {
	stored, err := r.storedKeyring(ctx, daemon)
	if err != nil {
		return err
	}
	key, err := keyIn(stored.Data[handover.KeyringKey])
	if err != nil {
		return err
	}
	wanted := userOf(daemon, key)
	if err := session.ImportEntity(ctx, wanted); !errors.Is(err, ceph.ErrExists) {
		return err
	}
	entity, err := session.EnsureEntity(ctx, wanted.Name, wanted.Caps)
	if err != nil {
		return err
	}
	secret := r.keySecret(daemon, manifest.FilesystemOf(stored.Annotations), keys.Keyring(entity))
	return r.Client.Patch(ctx, secret, client.Merge, client.FieldOwner(v1alpha1.FieldOwnerOperator))
}

// removeDaemon takes a mgr or an MDS away: its Deployment, its user in Ceph, and then its Secret, so that what was not done
// is seen by that.
func (r *run) removeDaemon(ctx context.Context, daemon plan.DaemonID) error {
	if daemon.Kind == plan.DaemonMDS {
		if err := r.holdsNoRank(ctx, daemon); err != nil {
			return err
		}
	}
	if err := r.deleteDeployment(ctx, daemon); err != nil {
		return err
	}
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	if err := session.RemoveEntity(ctx, daemon.String()); err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Object.Namespace, Name: keySecretName(r.Object.Name, daemon)}}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return r.Delete(ctx, secret)
}

// holdsNoRank looks once more whether an MDS is free to go. That it took over a rank since the plan was made is a conflict:
// nothing has failed.
func (r *run) holdsNoRank(ctx context.Context, daemon plan.DaemonID) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	all, err := session.Filesystems(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if rank, holds := plan.RankOf(all[i], daemon.Name); holds {
			return apierrors.NewConflict(corev1.Resource("pods"), daemon.String(),
				fmt.Errorf("it holds rank %d of filesystem %s by now", rank, all[i].Name))
		}
	}
	return nil
}

// ranksServe returns why an MDS should not be restarted; empty: every rank of the filesystem that it serves is active.
func ranksServe(ctx context.Context, session ceph.Filesystems, name string) (string, error) {
	all, err := session.Filesystems(ctx)
	if err != nil {
		return "", err
	}
	for i := range all {
		if _, holds := plan.RankOf(all[i], name); !holds {
			continue
		}
		if text := plan.RanksNotActive(all[i]); text != "" {
			return fmt.Sprintf("filesystem %s: %s", all[i].Name, text), nil
		}
	}
	return "", nil
}
