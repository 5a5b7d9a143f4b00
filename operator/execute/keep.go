package execute

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// keep brings back what was taken away or changed by hand. What a step of the plan has just applied is left out. Daemons
// that are held run too, and need what all have in common; where no daemon is to run, nothing is kept for any.
func (r *run) keep(ctx context.Context, p plan.Plan) error {
	if p.Refusal != nil || len(p.Keep)+len(p.Held) == 0 {
		return nil
	}
	errs := []error{r.config(ctx)}
	_, err := r.Apply(ctx, r.builder("").MgrService())
	errs = append(errs, err)
	if !r.hostNetwork() {
		for _, mon := range r.stored.Mons.Mons {
			_, err := r.monService(ctx, mon.Name, mon.Address)
			errs = append(errs, err)
		}
	}
	errs = append(errs, r.keepDaemons(ctx, p.Keep)...)
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil || isConflict(err) })...)
}

// keepDaemons looks at the Deployments that have changed since they were looked at last, or of which something else is
// wanted by now: to build and compare thousands of them in each pass would cost more than all else in it.
func (r *run) keepDaemons(ctx context.Context, daemons []plan.Daemon) (errs []error) {
	versions := make(map[plan.DaemonID]string, len(r.Stored.Deployed))
	for i := range r.Stored.Deployed {
		versions[r.Stored.Deployed[i].Daemon] = r.Stored.Deployed[i].Version
	}
	known := r.keptOf(client.ObjectKeyFromObject(r.Object), r.builder(""))
	for _, daemon := range daemons {
		seen := look{daemon, versions[daemon.ID]}
		if last, found := known.looks[daemon.ID]; found && last.version == seen.version && reflect.DeepEqual(last.daemon, daemon) {
			continue
		}
		if err := r.applyDeployment(ctx, daemon); err != nil {
			errs = append(errs, err)
			continue
		}
		known.looks[daemon.ID] = seen
	}
	return errs
}

// kept is what is remembered of the daemons of a cluster. One pass at a time uses it.
type kept struct {
	builder manifest.Cluster
	looks   map[plan.DaemonID]look
}

// look is a daemon whose Deployment, in one version, was as the daemon asks, or was made so.
type look struct {
	daemon  plan.Daemon
	version string
}

// keptOf returns what is remembered of a cluster's daemons: nothing, when what all of them have in common has changed.
func (a *Applier) keptOf(cluster client.ObjectKey, builder manifest.Cluster) *kept {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.kept[cluster]
	if known == nil || !reflect.DeepEqual(known.builder, builder) {
		known = &kept{builder, map[plan.DaemonID]look{}}
		a.kept[cluster] = known
	}
	return known
}

// forget drops what is remembered of the daemons of a cluster that is released.
func (a *Applier) forget(cluster client.ObjectKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kept, cluster)
}
