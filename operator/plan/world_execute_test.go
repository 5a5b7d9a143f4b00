package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// execute does steps in the plan's order, or in a random one that respects After, and stops after limit steps as if the
// operator was killed.
func (w *world) execute(p Plan, limit int) {
	w.t.Helper()
	w.checkSteps(p)
	done := map[string]bool{}
	open := slices.Clone(p.Steps)
	for len(open) > 0 && len(done) < limit {
		i := w.pick(open, done)
		w.log = append(w.log, fmt.Sprintf("%s: %s", open[i].ID, open[i].Reason))
		w.do(open[i].Do)
		w.writes++
		done[open[i].ID] = true
		open = slices.Delete(open, i, i+1)
	}
}

// pick returns a step whose predecessors are done.
func (w *world) pick(open []Step, done map[string]bool) int {
	var ready []int
	for i, step := range open {
		if !slices.ContainsFunc(step.After, func(id string) bool { return !done[id] }) {
			ready = append(ready, i)
		}
	}
	if len(ready) == 0 {
		w.t.Fatalf("no step can be done: %+v", open)
	}
	if w.rng == nil {
		return ready[0]
	}
	return ready[w.rng.IntN(len(ready))]
}

// checkSteps holds every plan to the form of steps.
func (w *world) checkSteps(p Plan) {
	w.t.Helper()
	seen := map[string]bool{}
	for _, step := range p.Steps {
		if step.Reason == "" || step.ID == "" || seen[step.ID] {
			w.t.Fatalf("a step without a reason or with a name that another one has: %+v", step)
		}
		for _, before := range step.After {
			if !seen[before] {
				w.t.Fatalf("%s comes before %s, which it needs", step.ID, before)
			}
		}
		seen[step.ID] = true
	}
	for _, held := range p.Held {
		if held.Change == "" || held.Because.Reason == "" || held.Because.Message == "" {
			w.t.Fatalf("held without a reason: %+v", held)
		}
	}
}

func (w *world) do(action Action) {
	switch a := action.(type) {
	case EnsureIdentity:
		w.once(w.identity == nil, "a second identity")
		w.identity = &Identity{FSID: "f51d0000-0000-4000-8000-000000000001", Created: w.now}
	case EnsureMon:
		w.recordMon(a.Mon)
	case RecordQuorum:
		w.mons = Mons{Mons: a.Mons, QuorumRecorded: true}
	case RecordMember:
		for i := range w.mons.Mons {
			if w.mons.Mons[i].Name == a.Mon {
				w.mons.Mons[i].State = handover.MonMember
			}
		}
	case RemoveMon:
		w.removeMon(a.Name)
	case EnsureKey:
		w.ensureKey(a)
	case RemoveDaemon:
		w.mgrs = slices.DeleteFunc(w.mgrs, func(n string) bool { return DaemonID{DaemonMgr, n} == a.Daemon })
		delete(w.mdss, a.Daemon.Name)
		delete(w.deployed, a.Daemon)
	case WriteSeed:
		w.once(w.seed == nil, "a second seed")
		w.seed = &a.Seed
	case ReserveOSD:
		w.reserve(a.OSD)
	case RegisterOSD:
		w.registered[osdName(a.ID)] = true
		r := w.reservation(DaemonID{DaemonOSD, strconv.Itoa(int(a.ID))})
		w.osds[a.ID] = &ceph.OSD{ID: int(a.ID), UUID: r.UUID, States: []string{"exists", "new"}}
	case RegisterKey:
		w.registered[a.Daemon.String()] = true
	case ApplyDaemon:
		w.apply(a)
	case StopDaemon:
		delete(w.deployed, a.Daemon)
	case ApplyBudget:
		w.budgets = append(w.budgetsBut(a.Budget), a.Budget)
	case RemoveBudget:
		w.budgets = w.budgetsBut(a.Budget)
	default:
		w.settle(action)
	}
}

// budgetsBut are those that are applied, without one.
func (w *world) budgetsBut(budget manifest.Budget) []manifest.Budget {
	return slices.DeleteFunc(slices.Clone(w.budgets), func(b manifest.Budget) bool { return b.Compare(budget) == 0 })
}

func (w *world) ensureKey(a EnsureKey) {
	if a.Daemon.Kind == DaemonMDS {
		w.mdss[a.Daemon.Name] = a.Filesystem
		return
	}
	w.mgrs = append(w.mgrs, a.Daemon.Name)
	slices.Sort(w.mgrs)
}

// settle does what changes Ceph's own settings.
func (w *world) settle(action Action) {
	switch a := action.(type) {
	case SetConfig:
		w.config = append(w.dropConfig(a.Who, a.Option), ceph.ConfigOption{Who: a.Who, Option: a.Option, Value: a.Value})
		w.applied = append(w.dropApplied(a.Who, a.Option), v1alpha1.ConfigOption{Who: a.Who, Option: a.Option, Value: a.Value})
	case RemoveConfig:
		w.config, w.applied = w.dropConfig(a.Who, a.Option), w.dropApplied(a.Who, a.Option)
	case RecordConfig:
		w.applied = w.dropApplied(a.Who, a.Option)
		if !a.Forget {
			w.applied = append(w.applied, v1alpha1.ConfigOption{Who: a.Who, Option: a.Option, Value: a.Value})
		}
	case EnableModule:
		w.enabled, w.modules = append(w.enabled, a.Module), append(w.modules, a.Module)
	case DisableModule:
		drop := func(m string) bool { return m == a.Module }
		w.enabled, w.modules = slices.DeleteFunc(w.enabled, drop), slices.DeleteFunc(w.modules, drop)
	case SetDeviceClass:
		for _, id := range a.IDs {
			w.osds[id].DeviceClass = a.Class
		}
	case ProvideUsers:
		w.users = Users{Handed: &HandedUsers{FSID: w.identity.FSID, Mons: a.Mons, Nodes: a.Nodes}, Checked: true, Granted: a.Filesystems}
	case PlaceMgrPool:
		w.rules = []ceph.CRUSHRule{{ID: 1, Name: a.Rule.Name, DeviceClass: a.Rule.DeviceClass, FailureDomain: a.Rule.FailureDomain}}
		w.mgrPool.RuleID, w.mgrPool.Size = 1, a.Size
	default:
		w.t.Fatalf("nobody knows how to do %T", action)
	}
}

func (w *world) once(ok bool, what string) {
	if !ok {
		w.t.Fatal(what)
	}
}

func (w *world) dropConfig(who, option string) []ceph.ConfigOption {
	return slices.DeleteFunc(slices.Clone(w.config), func(o ceph.ConfigOption) bool { return o.Who == who && o.Option == option })
}

func (w *world) dropApplied(who, option string) []v1alpha1.ConfigOption {
	return slices.DeleteFunc(slices.Clone(w.applied), func(o v1alpha1.ConfigOption) bool { return o.Who == who && o.Option == option })
}

// recordMon gives a mon the address of its Service, unless it has one.
func (w *world) recordMon(mon handover.Mon) {
	if mon.Address == "" {
		mon.Address = "10.96.0." + strconv.Itoa(int(mon.Name[0]))
	}
	for i := range w.mons.Mons {
		if w.mons.Mons[i].Name == mon.Name {
			w.mons.Mons[i] = mon
			return
		}
	}
	w.once(!slices.ContainsFunc(w.mons.Mons, func(m handover.Mon) bool { return m.Node == mon.Node }), "two mons on a node")
	w.mons.Mons = append(w.mons.Mons, mon)
	slices.SortFunc(w.mons.Mons, func(a, b handover.Mon) int { return strings.Compare(a.Name, b.Name) })
}

func (w *world) removeMon(name string) {
	isIt := func(m string) bool { return m == name }
	w.once(len(slices.DeleteFunc(w.inQuorum(), isIt)) == len(slices.DeleteFunc(slices.Clone(w.monmap), isIt)), "a mon is taken away while another one is out")
	w.monmap = slices.DeleteFunc(w.monmap, isIt)
	w.mons.Mons = slices.DeleteFunc(w.mons.Mons, func(m handover.Mon) bool { return m.Name == name })
	delete(w.deployed, DaemonID{DaemonMon, name})
}

// reserve refuses what would let two OSDs have the same id or the same part of a disk.
func (w *world) reserve(r Reservation) {
	for _, other := range w.reservations {
		w.once(other.ID != r.ID, fmt.Sprintf("osd.%d is reserved twice", r.ID))
		w.once(Collision(r, other) == "", Collision(r, other))
	}
	disk := w.disks[slices.IndexFunc(w.disks, func(d *v1alpha1.StorageDisk) bool { return d.Name == r.Data.Disk })]
	w.once(disk.Status.Claim != nil && disk.Status.Claim.Name == w.key.Name, "a disk without a claim is reserved")
	r.UUID = fmt.Sprintf("uuid-%d", r.ID)
	r.Data.Slice = sliceName(r.ID, "data", r.Data)
	if r.DB != nil {
		db := *r.DB
		db.Slice = sliceName(r.ID, "db", db)
		r.DB = &db
	}
	w.reservations = append(w.reservations, r)
}

func sliceName(id int32, role string, part Part) string {
	if !part.sliced() {
		return ""
	}
	return fmt.Sprintf("part-%d-%s", id, role)
}

// apply changes a Deployment. A running pod restarts when its template changes, and only if the plan says so.
func (w *world) apply(a ApplyDaemon) {
	d := a.Daemon
	switch d.ID.Kind {
	case DaemonMon:
		at := slices.IndexFunc(w.mons.Mons, func(m handover.Mon) bool { return m.Name == d.ID.Name })
		w.once(at >= 0 && w.mons.Mons[at].Address != "", "a mon without an address is started")
		d.Address = w.mons.Mons[at].Address
	case DaemonOSD:
		d.OSD = w.reservation(d.ID)
	}
	w.once(w.seed != nil, "a daemon is started before its keys are stored")
	template, old := renderForTest(d), w.deployed[d.ID]
	if old != nil && RestartReason(old.Template, template) == "" {
		return
	}
	if old != nil && old.Running {
		w.once(a.Restart && slices.Contains(a.Batch, d.ID), fmt.Sprintf("%s is restarted and the plan did not say so", d.ID))
	}
	w.deployed[d.ID] = &Deployed{Daemon: d.ID, Filesystem: d.Filesystem, Node: d.Node, Template: template}
	if d.ID.Kind == DaemonOSD && w.osds[d.OSD.ID] != nil {
		w.osds[d.OSD.ID].Up = false
	}
	if old != nil && old.Running {
		w.checkDomains()
	}
}

// checkDomains is law C4: never are OSDs of two failure domains down, nor more mons than the quorum can spare, for a
// restart.
func (w *world) checkDomains() {
	down := map[string]bool{}
	for _, r := range w.reservations {
		if osd := w.osds[r.ID]; osd != nil && !osd.Up && slices.Contains(osd.States, "up") {
			down[domainOf(w.resolved().FailureDomain, osdName(r.ID), r.Location)] = true
		}
	}
	w.once(len(down) <= 1, fmt.Sprintf("OSDs are down in %d failure domains: %v", len(down), down))
	if w.mons.QuorumRecorded && len(w.monmap) >= 3 {
		w.once(w.quorum(), "quorum is given away")
	}
}
