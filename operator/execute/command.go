package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// mgrPool is the pool that Ceph makes for its mgrs.
const mgrPool = ".mgr"

// command does a step that changes Ceph.
func (r *run) command(ctx context.Context, action plan.Action) error {
	if action, ok := action.(plan.RecordConfig); ok {
		return r.recordConfig(ctx, action)
	}
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	switch action := action.(type) {
	case plan.RegisterKey:
		return r.registerKey(ctx, session, action.Daemon)
	case plan.RegisterOSD:
		return r.registerOSD(ctx, session, action.ID)
	case plan.SetDeviceClass:
		return session.SetDeviceClass(ctx, action.Class, OSDIDs(action.IDs)...)
	case plan.PlaceMgrPool:
		return placeMgrPool(ctx, session, action)
	case plan.SetNoout:
		return r.setNoout(ctx, session, action)
	case plan.EndNoout:
		return r.endNoout(ctx, session, action)
	case plan.ProvideUsers:
		return r.provideUsers(ctx, session, action)
	default:
		return r.configure(ctx, session, action)
	}
}

// configure changes Ceph's configuration and then the record of it: killed in between, the record is behind, and the
// next pass sees that Ceph has what is to be recorded.
func (r *run) configure(ctx context.Context, session ceph.Client, action plan.Action) error {
	switch action := action.(type) {
	case plan.SetConfig:
		if err := session.SetConfig(ctx, action.Who, action.Option, action.Value); err != nil {
			return err
		}
		return r.recordConfig(ctx, plan.RecordConfig{Who: action.Who, Option: action.Option, Value: action.Value})
	case plan.RemoveConfig:
		if err := session.RemoveConfig(ctx, action.Who, action.Option); err != nil {
			return err
		}
		return r.recordConfig(ctx, plan.RecordConfig{Who: action.Who, Option: action.Option, Forget: true})
	case plan.EnableModule:
		if err := session.EnableMgrModule(ctx, action.Module); err != nil {
			return err
		}
		return r.recordModule(ctx, action.Module, true)
	case plan.DisableModule:
		if err := session.DisableMgrModule(ctx, action.Module); err != nil && !errors.Is(err, ceph.ErrInvalid) {
			return err // that it is always on is no failure: nobody asks for it any more, and that is recorded
		}
		return r.recordModule(ctx, action.Module, false)
	}
	return unknownStep(action)
}

func (r *run) registerOSD(ctx context.Context, session ceph.Client, id int32) error {
	r.mu.Lock()
	reservation, found := r.stored.Reservations[id]
	r.mu.Unlock()
	if !found {
		return fmt.Errorf("osd.%d is not reserved", id)
	}
	if err := r.stays(ctx, id); err != nil {
		return err
	}
	number := int(id)
	_, err := session.NewOSD(ctx, ceph.NewOSD{UUID: reservation.UUID, ID: &number, Secret: reservation.Key})
	return err
}

// placeMgrPool gives the pool its rule last: from that the next plan sees that all was done.
func placeMgrPool(ctx context.Context, session ceph.Client, action plan.PlaceMgrPool) error {
	if err := session.CreateReplicatedRule(ctx, action.Rule); err != nil {
		return err
	}
	if action.Size > 0 {
		if err := session.SetPoolOption(ctx, mgrPool, "size", strconv.Itoa(action.Size)); err != nil {
			return err
		}
	}
	return session.SetPoolOption(ctx, mgrPool, "crush_rule", action.Rule.Name)
}

func (r *run) recordConfig(ctx context.Context, action plan.RecordConfig) error {
	return r.record(ctx, func(applied *manifest.Applied) {
		applied.Config = slices.DeleteFunc(applied.Config, func(o v1alpha1.ConfigOption) bool {
			return o.Who == action.Who && o.Option == action.Option
		})
		if !action.Forget {
			applied.Config = append(applied.Config, v1alpha1.ConfigOption{Who: action.Who, Option: action.Option, Value: action.Value})
		}
		slices.SortFunc(applied.Config, func(a, b v1alpha1.ConfigOption) int {
			return strings.Compare(a.Who+"/"+a.Option, b.Who+"/"+b.Option)
		})
	})
}

func (r *run) recordModule(ctx context.Context, module string, enabled bool) error {
	return r.record(ctx, func(applied *manifest.Applied) {
		applied.Modules = slices.DeleteFunc(applied.Modules, func(m string) bool { return m == module })
		if enabled {
			applied.Modules = append(applied.Modules, module)
		}
		slices.Sort(applied.Modules)
	})
}

// record changes the record of what was set in Ceph, read live: steps of one run change it one after the other.
func (r *run) record(ctx context.Context, change func(*manifest.Applied)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	builder := Builder(r.Object, r.Spec, r.stored.FSID(), r.NodeImage, "")
	applied, version, err := r.applied(ctx)
	if err != nil {
		return err
	}
	change(&applied)
	config := builder.AppliedConfigMap(applied)
	config.ResourceVersion = version
	_, err = r.Apply(ctx, config)
	return err
}

// applied reads the record of what was set in Ceph, live, with its version; empty when there is none.
func (r *run) applied(ctx context.Context) (applied manifest.Applied, version string, err error) {
	live := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: manifest.AppliedName(r.Object.Name)}
	err = r.Live.Get(ctx, key, live)
	switch {
	case apierrors.IsNotFound(err):
		return manifest.Applied{}, "", nil
	case err != nil:
		return manifest.Applied{}, "", fmt.Errorf("read what was set: %w", err)
	}
	applied, err = manifest.AppliedOf(live)
	return applied, live.ResourceVersion, err
}

// OSDIDs returns ids of OSDs as the client of Ceph takes them.
func OSDIDs(ids []int32) []int {
	numbers := make([]int, len(ids))
	for i, id := range ids {
		numbers[i] = int(id)
	}
	return numbers
}

// keyIn reads the key out of a keyring of one user. No error tells what it holds.
func keyIn(keyring []byte) (ceph.Secret, error) {
	for line := range bytes.Lines(keyring) {
		name, value, found := strings.Cut(string(line), "=")
		if found && strings.TrimSpace(name) == "key" {
			return ceph.NewSecret(strings.TrimSpace(value)), nil
		}
	}
	return ceph.Secret{}, fmt.Errorf("no key in the key %s of the Secret", handover.KeyringKey)
}
