package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// usersAtOnce is how many users are made at the same time.
const usersAtOnce = 8

// provideUsers makes what is missing and hands it over. Users that are as they are to be cost one command for all.
func (r *run) provideUsers(ctx context.Context, session ceph.Client, action plan.ProvideUsers) error {
	all, err := session.Entities(ctx)
	if err != nil {
		return err
	}
	u := users{session: session, caps: map[string]ceph.Caps{}, known: map[string]ceph.Secret{}}
	for _, entity := range all {
		u.caps[entity.Name] = entity.Caps
	}
	if r.Stored.CSI != nil && r.Stored.CSI.FSID == r.fsid() {
		u.know(r.Stored.CSI)
	}
	files, err := u.reached(ctx, session, action.Filesystems)
	if err != nil {
		return err
	}
	handed, err := u.provide(ctx, action, keys.NodeCaps(files...))
	if err != nil {
		return err
	}
	handed.FSID, handed.Mons = r.fsid(), action.Mons
	if err := r.handOver(ctx, handed); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.usersChecked, r.granted = true, action.Filesystems
	return nil
}

// users are those of one Ceph cluster.
type users struct {
	session ceph.Auth
	caps    map[string]ceph.Caps   // of all that exist
	known   map[string]ceph.Secret // keys that were handed over before
}

func (u users) know(handed *handover.CSICluster) {
	u.known[handed.User.Entity] = handed.User.Key
	for _, user := range handed.Nodes {
		u.known[user.Entity] = user.Key
	}
}

// reached are the filesystems and groups that nodes are to reach: those that are asked for, and of those that they reach
// now what is still in Ceph. A StorageClass that is taken away leaves volumes behind.
func (u users) reached(ctx context.Context, session ceph.Subvolumes, wanted []plan.FilesystemGroups) ([]keys.Files, error) {
	groups := map[string][]string{}
	for _, fs := range wanted {
		groups[fs.Filesystem] = fs.Groups
	}
	for filesystem, had := range u.granted() {
		left := slices.DeleteFunc(had, func(g string) bool { return slices.Contains(groups[filesystem], g) })
		if len(left) == 0 {
			continue
		}
		there, err := session.ListSubvolumeGroups(ctx, filesystem)
		if err != nil && !errors.Is(err, ceph.ErrNotFound) {
			return nil, fmt.Errorf("list the groups of filesystem %s, which nodes reach: %w", filesystem, err)
		}
		left = slices.DeleteFunc(left, func(g string) bool { return !slices.Contains(there, g) })
		groups[filesystem] = slices.Concat(groups[filesystem], left)
	}
	files := make([]keys.Files, 0, len(groups))
	for _, filesystem := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[filesystem]) > 0 {
			files = append(files, keys.Files{Filesystem: filesystem, Groups: slices.Sorted(slices.Values(groups[filesystem]))})
		}
	}
	return files, nil
}

// granted are the groups that some node reaches now, by filesystem.
func (u users) granted() map[string][]string {
	groups := map[string][]string{}
	for name, caps := range u.caps {
		if !keys.IsNode(name) {
			continue
		}
		for _, files := range keys.FilesOf(caps) {
			for _, group := range files.Groups {
				if !slices.Contains(groups[files.Filesystem], group) {
					groups[files.Filesystem] = append(groups[files.Filesystem], group)
				}
			}
		}
	}
	return groups
}

func (u users) provide(ctx context.Context, action plan.ProvideUsers, node ceph.Caps) (handover.CSICluster, error) {
	handed := handover.CSICluster{Nodes: map[string]handover.CSIUser{}}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(usersAtOnce)
	group.Go(func() (err error) {
		handed.User, err = u.user(ctx, keys.NameCSI, keys.CSICaps())
		return err
	})
	for _, name := range action.Nodes {
		group.Go(func() error {
			user, err := u.user(ctx, keys.NameNode(name), node)
			mu.Lock()
			defer mu.Unlock()
			handed.Nodes[name] = user
			return err
		})
	}
	for _, node := range action.Retired {
		group.Go(func() error { return u.retire(ctx, keys.NameNode(node)) })
	}
	return handed, group.Wait()
}

// user makes one, or gives it its capabilities. One that was fenced keeps none: only who lifts the fence gives them back.
func (u users) user(ctx context.Context, name string, caps ceph.Caps) (handover.CSIUser, error) {
	has, exists := u.caps[name]
	if !exists {
		made, err := u.session.EnsureEntity(ctx, name, caps)
		return handover.CSIUser{Entity: name, Key: made.Key}, err
	}
	if _, fenced := keys.FencedBoot(has); !fenced && !maps.Equal(has, caps) {
		if err := u.session.SetCaps(ctx, name, caps); err != nil {
			return handover.CSIUser{}, err
		}
	}
	if key, known := u.known[name]; known {
		return handover.CSIUser{Entity: name, Key: key}, nil
	}
	entity, err := u.session.Entity(ctx, name)
	return handover.CSIUser{Entity: name, Key: entity.Key}, err
}

// retire removes the user of a node that is gone. That it was fenced must be known when a node of that name appears again.
func (u users) retire(ctx context.Context, name string) error {
	if _, fenced := keys.FencedBoot(u.caps[name]); fenced {
		return nil
	}
	return u.session.RemoveEntity(ctx, name)
}

// handOver writes the cluster's part of the Secret, unless it is there.
func (r *run) handOver(ctx context.Context, handed handover.CSICluster) error {
	value, err := handed.Encode()
	if err != nil || bytes.Equal(value, r.Stored.CSIValue) {
		return err
	}
	_, err = r.applyPart(ctx, value)
	return err
}

// applyPart applies the cluster's part of the Secret as an owner of its own, and returns the whole.
func (r *run) applyPart(ctx context.Context, value []byte) (*corev1.Secret, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r.builder("").CSISecret(value))
	if err != nil {
		return nil, fmt.Errorf("hand over to the CSI controller: %w", err)
	}
	prune(content)
	intent := &unstructured.Unstructured{Object: content}
	owner := client.FieldOwner(v1alpha1.FieldOwnerCluster(r.Object.Name))
	if err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(intent), owner, client.ForceOwnership); err != nil {
		return nil, fmt.Errorf("hand over to the CSI controller: %w", err)
	}
	secret := &corev1.Secret{}
	return secret, copyInto(intent, secret)
}

// takeBack removes the cluster's part of the Secret, and the Secret when it was the last. The users stay in Ceph, which
// stays itself.
func (r *run) takeBack(ctx context.Context) error {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: handover.CSISecretName}
	if err := r.Live.Get(ctx, key, secret); err != nil {
		return client.IgnoreNotFound(err)
	}
	if _, handed := secret.Data[r.Object.Name]; !handed && len(secret.Data) > 0 {
		return nil // an empty one is left when the operator ends between the two steps below
	}
	left, err := r.applyPart(ctx, nil)
	if err != nil || len(left.Data) > 0 {
		return err
	}
	version := left.ResourceVersion
	err = r.Client.Delete(ctx, left, client.Preconditions{UID: uidOf(left), ResourceVersion: &version})
	return client.IgnoreNotFound(err)
}
