package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// newKey makes a key of the type that the cluster's release wants.
func (r *run) newKey() ceph.Secret { return keys.New(keys.CipherOf(manifest.Release(r.Spec.Image))) }

// create makes an object that is made once. One that is there is read instead, and made false: a second one would
// overwrite what a daemon already lives by.
func (r *run) create(ctx context.Context, object client.Object) (made bool, err error) {
	err = r.Client.Create(ctx, object, client.FieldOwner(v1alpha1.FieldOwnerOperator))
	if apierrors.IsAlreadyExists(err) {
		if err = r.Live.Get(ctx, client.ObjectKeyFromObject(object), object); err == nil && !r.isOurs(object) {
			err = fmt.Errorf("%s: %w", describe(object), errNotOurs)
		}
		return false, err
	}
	return err == nil, err
}

func (r *run) isOurs(object client.Object) bool {
	return object.GetLabels()[v1alpha1.LabelCluster] == v1alpha1.ClusterLabelValue(r.Object.Namespace, r.Object.Name)
}

func (r *run) ensureIdentity(ctx context.Context, _ plan.EnsureIdentity) error {
	secret := r.builder("").IdentitySecret(manifest.Identity{FSID: uuid.NewString(), Admin: r.newKey(), Mon: r.newKey()})
	if _, err := r.create(ctx, secret); err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	identity, err := manifest.IdentityOf(secret)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored.Identity = &identity
	return nil
}

// reserveOSD stores what is chosen for an OSD, if the disk is the cluster's: looked up live, for the cache may be old.
func (r *run) reserveOSD(ctx context.Context, osd plan.Reservation) error {
	sizes := map[string]int64{}
	for _, part := range parts(osd) {
		size, err := r.claimed(ctx, part.Disk)
		if err != nil {
			return err
		}
		sizes[part.Disk] = size
	}
	if err := r.occupy(ctx, osd); err != nil {
		return err
	}
	wanted := r.reservation(osd, sizes)
	secret, err := r.builder("").ReservationSecret(wanted)
	if err != nil {
		return err
	}
	if _, err := r.create(ctx, secret); err != nil {
		return fmt.Errorf("store reservation: %w", err)
	}
	stored, err := manifest.ReservationOf(secret)
	if err != nil {
		return err
	}
	if !samePlaces(stored, wanted) {
		return apierrors.NewAlreadyExists(corev1.Resource("secrets"), secret.Name) // the id went to another disk meanwhile
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored.Reservations = maps.Clone(r.stored.Reservations)
	r.stored.Reservations[osd.ID] = stored
	return nil
}

// samePlaces says that two reservations are of the same parts of the same disks.
func samePlaces(a, b handover.Reservation) bool {
	same := func(a, b handover.Device) bool { return a.Disk == b.Disk && a.Index == b.Index && a.Offset == b.Offset }
	if a.DB == nil || b.DB == nil {
		return a.DB == b.DB && same(a.Data, b.Data)
	}
	return same(a.Data, b.Data) && same(*a.DB, *b.DB)
}

// occupancy is who has which part of the disks: what was reserved when this was looked up live, and since then by this
// run.
type occupancy struct {
	mu     sync.Mutex
	places plan.Places // nil: not looked up yet
}

// occupy sets the parts of disks aside that an OSD is to have. It fails with a conflict when another OSD has one of them:
// what the plan rests on may be older than a reservation.
func (r *run) occupy(ctx context.Context, osd plan.Reservation) error {
	r.occupied.mu.Lock()
	defer r.occupied.mu.Unlock()
	if r.occupied.places == nil {
		reserved, err := observe.Reservations(ctx, r.Live, client.ObjectKeyFromObject(r.Object))
		if err != nil {
			return err
		}
		r.occupied.places = plan.Places{}
		for _, other := range reserved {
			r.occupied.places.Add(other)
		}
	}
	if text := r.occupied.places.Collision(osd); text != "" {
		return apierrors.NewConflict(v1alpha1.Resource("storagedisks"), osd.Data.Disk, errors.New(text))
	}
	r.occupied.places.Add(osd)
	return nil
}

func parts(osd plan.Reservation) []plan.Part {
	if osd.DB == nil {
		return []plan.Part{osd.Data}
	}
	return []plan.Part{osd.Data, *osd.DB}
}

// claimed returns the size of a disk that has the cluster's claim. For any other it fails with a conflict.
func (r *run) claimed(ctx context.Context, name string) (int64, error) {
	disk := &v1alpha1.StorageDisk{}
	if err := r.Live.Get(ctx, client.ObjectKey{Name: name}, disk); err != nil {
		return 0, fmt.Errorf("look up the claim of disk %s: %w", name, err)
	}
	claim := disk.Status.Claim
	if claim == nil || claim.Namespace != r.Object.Namespace || claim.Name != r.Object.Name || claim.FSID != r.fsid() {
		return 0, apierrors.NewConflict(v1alpha1.Resource("storagedisks"), name,
			fmt.Errorf("the disk does not have the claim of %s/%s", r.Object.Namespace, r.Object.Name))
	}
	if disk.Status.Hardware == nil || disk.Status.Hardware.Size == nil {
		return 0, fmt.Errorf("disk %s: its size is not known", name)
	}
	return disk.Status.Hardware.Size.Value(), nil
}

// reservation chooses the uuid, the key and the partitions' uuids, where they are not chosen yet.
func (r *run) reservation(osd plan.Reservation, sizes map[string]int64) handover.Reservation {
	reservation := handover.Reservation{
		ID: osd.ID, UUID: osd.UUID, Key: r.newKey(), FSID: r.fsid(), Data: device(osd.Data, sizes), DeviceClass: osd.DeviceClass,
		Rule: osd.Rule, Node: osd.Node, Location: observe.FormatLocation(osd.Location),
	}
	if reservation.UUID == "" {
		reservation.UUID = uuid.NewString()
	}
	if osd.DB != nil {
		db := device(*osd.DB, sizes)
		reservation.DB = &db
	}
	return reservation
}

// device is a part as it is stored, with the size of the whole disk, which the seal covers. What has a place on the disk
// is a partition, and gets a UUID.
func device(p plan.Part, sizes map[string]int64) handover.Device {
	d := handover.Device{
		Disk: p.Disk, Identity: p.Identity, Seal: p.Seal, Size: sizes[p.Disk], Slice: p.Slice,
		Index: p.Index, Count: p.Count, Offset: p.Offset, Bytes: p.Bytes, Supersedes: p.Supersedes, Before: p.Before,
	}
	if d.Offset > 0 && d.Slice == "" {
		d.Slice = uuid.NewString()
	}
	return d
}

// restoreReservation stores again what is known of an OSD that runs: its key is asked of Ceph.
func (r *run) restoreReservation(ctx context.Context, osd plan.Reservation) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	entity, err := session.Entity(ctx, manifest.OSDDaemon(osd.ID))
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	for _, part := range parts(osd) {
		if sizes[part.Disk], err = r.claimed(ctx, part.Disk); err != nil {
			return err
		}
	}
	reservation := r.reservation(osd, sizes)
	reservation.Key = entity.Key
	secret, err := r.builder("").ReservationSecret(reservation)
	if err != nil {
		return err
	}
	_, err = r.create(ctx, secret)
	return err
}

// relocateOSD changes where the reservation says that the disk is; what was chosen for the OSD stays.
func (r *run) relocateOSD(ctx context.Context, action plan.RelocateOSD) error {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: manifest.OSDName(r.Object.Name, action.ID)}
	if err := r.Live.Get(ctx, key, secret); err != nil {
		return fmt.Errorf("read reservation: %w", err)
	}
	before := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metaSet(secret, manifest.AnnotationNode, action.Node)
	metaSet(secret, manifest.AnnotationLocation, observe.FormatLocation(action.Location))
	return r.Client.Patch(ctx, secret, before, client.FieldOwner(v1alpha1.FieldOwnerOperator))
}

func metaSet(object client.Object, key, value string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}

// writeSeed stores the keyring of the first mons. All that is in it must be stored already.
func (r *run) writeSeed(ctx context.Context, seed plan.Seed) error {
	r.mu.Lock()
	identity, reservations := r.stored.Identity, r.stored.Reservations
	r.mu.Unlock()
	entities := []ceph.Entity{keys.Mon(r.Stored.Recovery.Key)} // all there is while the identity is being rebuilt
	if identity != nil {
		entities = []ceph.Entity{keys.Mon(identity.Mon), keys.Admin(identity.Admin)}
	}
	for _, name := range seed.Mgrs {
		key, err := r.storedKey(ctx, plan.DaemonID{Kind: plan.DaemonMgr, Name: name})
		if err != nil {
			return err
		}
		entities = append(entities, keys.Mgr(name, key))
	}
	for _, id := range seed.OSDs {
		reservation, found := reservations[id]
		if !found {
			return fmt.Errorf("osd.%d is not reserved", id)
		}
		entities = append(entities, keys.OSD(id, reservation.Key))
	}
	text, err := json.Marshal(seed)
	if err != nil {
		return fmt.Errorf("encode seed: %w", err)
	}
	secret := r.builder("").SeedSecret(keys.Keyring(entities...))
	metaSet(secret, observe.AnnotationSeed, string(text))
	if _, err := r.create(ctx, secret); err != nil {
		return fmt.Errorf("store seed: %w", err)
	}
	if secret.Annotations[observe.AnnotationSeed] != string(text) {
		return apierrors.NewAlreadyExists(corev1.Resource("secrets"), secret.Name)
	}
	return nil
}
