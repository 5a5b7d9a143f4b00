package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// AnnotationSeed of the seed's Secret says whose keys it holds, as a plan.Seed in JSON.
const AnnotationSeed = "seamount.dev/seed"

// Stored is what is stored of a cluster, with or without a StorageCluster that stands for it, and its daemons.
type Stored struct {
	// Identity is nil when there is none.
	Identity *manifest.Identity
	// Created is when the identity was stored.
	Created time.Time
	// Seed is nil when none was written.
	Seed *plan.Seed
	// Mons as they are recorded; MonsVersion is the resourceVersion of the record, empty when there is none.
	Mons        handover.Mons
	MonsVersion string
	// Mgrs that have a keyring, by name, and MDSs that have one.
	Mgrs []string
	MDSs []plan.MDSKey
	// Reservations of OSDs with their keys, by id; Planned are the same without the keys, in the order of the ids.
	Reservations map[int32]handover.Reservation
	Planned      []plan.Reservation
	// Applied is what was set in Ceph for the spec.
	Applied manifest.Applied
	// Operations that are carried out, in the order of their names.
	Operations []manifest.OperationRecord
	// Wipe is the record of a deletion that erases the disks, and WipeVersion its resourceVersion; nil: there is none. See Know.
	Wipe        *manifest.WipeRecord
	WipeVersion string
	wipes       []storedWipe
	// Deployed daemons, and the pods that are left of others.
	Deployed []plan.Deployed
	Leaving  []plan.Leaving
	// Budgets that evictions are held to, as they are applied.
	Budgets []manifest.Budget
	// Traces name every object that shows that the cluster existed, but its identity.
	Traces []string
	// KnownFSID is the fsid that the cluster has also when no identity is stored; empty: not known. See Know.
	KnownFSID string
	// Damaged says that the Secret with the identity is there, and is of no use.
	Damaged bool
	// Recovery of a lost identity.
	Recovery Recovery
	// CSI is what the CSI controller was handed, with the keys, and CSIValue the same as it is stored; nil: nothing, or
	// nothing that can be read.
	CSI      *handover.CSICluster
	CSIValue []byte
}

// FSID of the cluster; empty when none is known.
func (s *Stored) FSID() string {
	if s.Identity == nil {
		return s.KnownFSID
	}
	return s.Identity.FSID
}

// Read reads what is stored of a cluster. What it reads is the cache's own, and is not changed. An identity that the
// cache does not have while it has other traces of the cluster is looked up live: caches of two kinds of objects are not
// of one time, and nobody shall be told that the keys are gone when they are only new.
func Read(ctx context.Context, reader, live client.Reader, key plan.ClusterKey) (*Stored, error) {
	var (
		secrets     corev1.SecretList
		configs     corev1.ConfigMapList
		deployments appsv1.DeploymentList
		pods        corev1.PodList
		budgets     policyv1.PodDisruptionBudgetList
	)
	label := client.MatchingLabels{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(key.Namespace, key.Name)}
	for _, list := range []client.ObjectList{&secrets, &configs, &deployments, &pods, &budgets} {
		if err := reader.List(ctx, list, client.InNamespace(key.Namespace), label, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list objects of %s: %w", key, err)
		}
	}
	s := &Stored{Reservations: map[int32]handover.Reservation{}}
	err := errors.Join(s.readSecrets(secrets.Items), s.readConfigs(key, configs.Items))
	if err != nil {
		return nil, err
	}
	s.Deployed = deployed(deployments.Items, pods.Items)
	s.readAttempts(key.Name, pods.Items)
	s.Leaving = leaving(s.Deployed, pods.Items)
	s.readBudgets(key, budgets.Items)
	for i := range deployments.Items {
		s.Traces = append(s.Traces, "Deployment "+deployments.Items[i].Name)
	}
	slices.Sort(s.Traces)
	if err := s.readCSI(ctx, reader, key); err != nil {
		return nil, err
	}
	return s, s.lookUp(ctx, live, key)
}

func (s *Stored) lookUp(ctx context.Context, live client.Reader, key plan.ClusterKey) error {
	if s.Identity == nil && !s.Damaged {
		secret := &corev1.Secret{}
		found, err := get(ctx, live, key.Namespace, manifest.IdentityName(key.Name), secret)
		if err == nil && found {
			err = s.readSecret(secret)
		}
		if err != nil {
			return fmt.Errorf("look up the identity of %s: %w", key, err)
		}
	}
	if s.MonsVersion == "" && s.Seed != nil {
		config := &corev1.ConfigMap{}
		found, err := get(ctx, live, key.Namespace, manifest.MonsName(key.Name), config)
		if err == nil && found {
			err = s.readConfigs(key, []corev1.ConfigMap{*config})
		}
		if err != nil {
			return fmt.Errorf("look up the mons of %s: %w", key, err)
		}
	}
	return nil
}

func get(ctx context.Context, live client.Reader, namespace, name string, object client.Object) (found bool, err error) {
	err = live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (s *Stored) readSecrets(secrets []corev1.Secret) error {
	var errs []error
	for i := range secrets {
		if err := s.readSecret(&secrets[i]); err != nil {
			errs = append(errs, err)
		}
	}
	slices.Sort(s.Mgrs)
	slices.SortFunc(s.MDSs, func(a, b plan.MDSKey) int { return strings.Compare(a.Name, b.Name) })
	for _, id := range slices.Sorted(maps.Keys(s.Reservations)) {
		planned, err := ReservationOf(s.Reservations[id])
		if err != nil {
			errs = append(errs, err)
		}
		s.Planned = append(s.Planned, planned)
	}
	return errors.Join(errs...)
}

func (s *Stored) readSecret(secret *corev1.Secret) error {
	component := secret.Labels[manifest.LabelComponent]
	switch component {
	case manifest.ComponentIdentity:
		s.readIdentity(secret)
		return nil
	case manifest.ComponentRecovery:
		s.readRecoverySecret(secret)
		return nil
	}
	s.Traces = append(s.Traces, "Secret "+secret.Name)
	switch component {
	case manifest.ComponentSeed:
		s.Seed = &plan.Seed{}
		if err := json.Unmarshal([]byte(secret.Annotations[AnnotationSeed]), s.Seed); err != nil {
			return fmt.Errorf("secret %s: annotation %s: %w", secret.Name, AnnotationSeed, err)
		}
	case manifest.ComponentMgr:
		s.Mgrs = append(s.Mgrs, strings.TrimPrefix(secret.Labels[manifest.LabelDaemon], manifest.MgrDaemon("")))
	case manifest.ComponentMDS:
		s.MDSs = append(s.MDSs, plan.MDSKey{
			Name:       strings.TrimPrefix(secret.Labels[manifest.LabelDaemon], manifest.MDSDaemon("")),
			Filesystem: manifest.FilesystemOf(secret.Annotations),
		})
	case manifest.ComponentReservation:
		reservation, err := manifest.ReservationOf(secret)
		if err != nil {
			return err
		}
		s.Reservations[reservation.ID] = reservation
	}
	return nil
}

// readIdentity takes one that is of no use for a trace of the cluster.
func (s *Stored) readIdentity(secret *corev1.Secret) {
	identity, err := manifest.IdentityOf(secret)
	if err != nil {
		s.Damaged, s.Traces = true, append(s.Traces, "Secret "+secret.Name)
		return
	}
	s.Identity, s.Created = &identity, secret.CreationTimestamp.Time
}

// storedWipe is the record of a deletion, of the cluster with this or with another fsid.
type storedWipe struct {
	record  *manifest.WipeRecord
	version string
}

// readWipe leaves alone what is not where the record of its fsid is.
func (s *Stored) readWipe(key plan.ClusterKey, config *corev1.ConfigMap) error {
	record, err := manifest.WipeRecordOf(config)
	if err == nil && config.Name == manifest.WipeName(key.Name, record.FSID) {
		s.wipes = append(s.wipes, storedWipe{record, config.ResourceVersion})
	}
	return err
}

// chooseWipe takes the record of the cluster's own fsid. When that is not known, the only one that there is keeps the cluster from
// being let go.
func (s *Stored) chooseWipe() {
	for _, wipe := range s.wipes {
		if wipe.record.FSID == s.FSID() || s.FSID() == "" && len(s.wipes) == 1 {
			s.Wipe, s.WipeVersion = wipe.record, wipe.version
		}
	}
}

func (s *Stored) readConfigs(key plan.ClusterKey, configs []corev1.ConfigMap) (err error) {
	for i := range configs {
		config := &configs[i]
		if config.Labels[manifest.LabelComponent] == manifest.ComponentOperation {
			record, err := manifest.OperationRecordOf(config)
			if err != nil {
				return err
			}
			s.Operations = append(s.Operations, *record)
			continue
		}
		if config.Labels[manifest.LabelComponent] == manifest.ComponentWipe {
			if err := s.readWipe(key, config); err != nil {
				return err
			}
			continue
		}
		switch config.Name {
		case manifest.MonsName(key.Name):
			s.MonsVersion = config.ResourceVersion
			if s.Mons, err = manifest.MonsOf(config); err != nil {
				return err
			}
		case manifest.AppliedName(key.Name):
			if s.Applied, err = manifest.AppliedOf(config); err != nil {
				return err
			}
		}
		s.Traces = append(s.Traces, "ConfigMap "+config.Name)
	}
	slices.SortFunc(s.Operations, func(a, b manifest.OperationRecord) int { return strings.Compare(a.Operation, b.Operation) })
	return nil
}

func (s *Stored) readBudgets(key plan.ClusterKey, budgets []policyv1.PodDisruptionBudget) {
	of := manifest.Cluster{Namespace: key.Namespace, Name: key.Name}
	for i := range budgets {
		if budget, ours := of.BudgetOf(&budgets[i]); ours {
			s.Budgets = append(s.Budgets, budget)
		}
	}
	slices.SortFunc(s.Budgets, manifest.Budget.Compare)
}

// Retained returns the fsids of all clusters of which an identity is stored, also of those without a StorageCluster. Of one
// that is damaged what is left of it counts, so that one cluster's loss stops no other.
func Retained(ctx context.Context, reader client.Reader) ([]string, error) {
	var secrets corev1.SecretList
	if err := reader.List(ctx, &secrets, client.MatchingLabels{manifest.LabelComponent: manifest.ComponentIdentity}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list identities: %w", err)
	}
	fsids := make([]string, 0, len(secrets.Items))
	for i := range secrets.Items {
		if fsid := manifest.FSIDOf(&secrets.Items[i]); fsid != "" {
			fsids = append(fsids, fsid)
		}
	}
	slices.Sort(fsids)
	return fsids, nil
}
