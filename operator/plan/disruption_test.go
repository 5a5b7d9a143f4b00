package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Which failure domain may be away, and why no other.
func TestDisrupt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		away, cordoned, before string
		whole, still           bool
		want                   string // the domain, ! when its OSDs may be evicted, and how many others
	}{
		"all is well":                               {"", "", "", true, true, " 0+1"},
		"all is well again":                         {"", "", "a", true, true, " 0+1"},
		"one is cordoned":                           {"", "b", "", true, true, "b!0"},
		"two are cordoned":                          {"", "c b", "", true, true, "b!0"},
		"two are cordoned, and one was first":       {"", "c b", "c", true, true, "c!0"},
		"the first one is back":                     {"", "b c", "a", true, true, "b!0"},
		"cordoned while data is on its way":         {"", "b", "", false, false, " 0"},
		"one is down":                               {"a", "", "", false, true, "a!0"},
		"one is down, and data was moved before":    {"a", "", "", false, false, "a 0"},
		"one is down, and all PGs look clean still": {"a", "", "", true, true, "a!0"},
		"down and cordoned":                         {"a", "a b", "a", false, true, "a!0"},
		"another one breaks during a drain":         {"a b", "b", "b", false, true, "b 0"},
		"another one breaks before a drain began":   {"a", "b", "b", false, true, "a!0"},
		"it recovers":                               {"", "", "a", false, false, "a 0"},
		"it recovers, and the next one is cordoned": {"", "b", "a", false, false, "a 0"},
		"what was away is gone for good":            {"", "b", "gone", false, false, " 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			domains := map[string]*domainState{}
			for _, domain := range []string{"a", "b", "c"} {
				domains[domain] = &domainState{
					away: slices.Contains(strings.Fields(test.away), domain), cordoned: slices.Contains(strings.Fields(test.cordoned), domain),
				}
			}
			d := disrupt(domains, test.before, test.whole, test.still)
			got := d.domain + " 0"
			if d.open {
				got = d.domain + "!0"
			}
			if d.spare > 0 {
				got += fmt.Sprintf("+%d", d.spare)
			}
			if got != test.want || d.because == "" {
				t.Errorf("got %q, want %q: %s", got, test.want, d.because)
			}
		})
	}
}

// budgetAfter plans once, and returns a budget as it then is; nil: there is none.
func budgetAfter(in *Observed, component string) *manifest.Budget {
	in.Budgets = budgetsAfter(*in)
	if at := slices.IndexFunc(in.Budgets, func(b manifest.Budget) bool { return b.Component == component }); at >= 0 {
		return &in.Budgets[at]
	}
	return nil
}

// budgetAtRest plans until no budget is applied any more, which takes two times at most, and returns one.
func budgetAtRest(t *testing.T, in *Observed, component string) *manifest.Budget {
	t.Helper()
	budgetAfter(in, component)
	budget := budgetAfter(in, component)
	if again := budgetsAfter(*in); !cmp.Equal(in.Budgets, again) {
		t.Errorf("they do not come to rest: %+v, and then %+v", in.Budgets, again)
	}
	return budget
}

// budgetsAfter are the budgets as they are after a plan.
func budgetsAfter(in Observed) []manifest.Budget {
	applied := slices.Clone(in.Budgets)
	for _, step := range Compute(in).Steps {
		switch do := step.Do.(type) {
		case ApplyBudget:
			applied = append(slices.DeleteFunc(applied, func(b manifest.Budget) bool { return b.Compare(do.Budget) == 0 }), do.Budget)
		case RemoveBudget:
			applied = slices.DeleteFunc(applied, func(b manifest.Budget) bool { return b.Compare(do.Budget) == 0 })
		}
	}
	return applied
}

// brief writes a budget: how many may be away, and who does not count.
func brief(b *manifest.Budget) string {
	if b == nil {
		return "none"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", b.Spare, strings.Join(b.Without, " ")))
}

// domainsAre has the copies of all pools spread over a level.
func domainsAre(level string) func(*Observed) {
	return func(in *Observed) {
		in.Ceph.Snapshot.CRUSH.Rules = []ceph.CRUSHRule{{ID: 7, FailureDomain: "zone"}, {ID: 8, FailureDomain: level}}
		in.Ceph.Snapshot.Pools = []ceph.Pool{{Name: "a", Size: 3, RuleID: 7}, {Name: "b", Size: 3, RuleID: 8}, {Name: "c", Size: 1, RuleID: 0}}
	}
}

func pgs(state string) func(*Observed) {
	return func(in *Observed) { in.Ceph.Snapshot.PGs.ByState = []ceph.PGStateCount{{State: state, Count: 32}} }
}

// Two OSDs are on each of five nodes: osd.0 and osd.1 on n1, osd.2 and osd.3 on n2, and so on.
func TestOSDBudget(t *testing.T) {
	t.Parallel()
	osd := func(id int, change func(*ceph.OSD)) func(*Observed) {
		return func(in *Observed) { change(&in.Ceph.Snapshot.OSDs[id]) }
	}
	down := func(o *ceph.OSD) { o.Up = false }
	gone := func(o *ceph.OSD) { o.Up, o.In = false, false }
	out := func(o *ceph.OSD) { o.In = false }
	for name, test := range map[string]struct {
		changes []func(*Observed)
		want    string
	}{
		"all is well":     {nil, "1"},
		"cordoned":        {[]func(*Observed){cordon}, "0 osd.0 osd.1"},
		"cordoned, racks": {[]func(*Observed){domainsAre("rack"), cordon}, "0 osd.0 osd.1 osd.2 osd.3"},
		"cordoned, OSDs":  {[]func(*Observed){domainsAre("osd"), cordon}, "0 osd.0"},
		"an OSD is down":  {[]func(*Observed){osd(5, down), pgs("active+undersized+degraded")}, "0 osd.4 osd.5"},
		"an OSD is down, and one elsewhere for good": {[]func(*Observed){osd(5, down), osd(9, gone), pgs("active+undersized+degraded")}, "0 osd.9"},
		"an OSD is down, and PGs are stale":          {[]func(*Observed){osd(5, down), pgs("stale+active+clean")}, "0"},
		"one is down for good":                       {[]func(*Observed){osd(5, gone)}, "1 osd.5"},
		"one is being emptied":                       {[]func(*Observed){osd(5, out), pgs("active+remapped+backfilling")}, "0"},
		"one was emptied":                            {[]func(*Observed){osd(5, out)}, "1"},
		"one was emptied, cordoned":                  {[]func(*Observed){osd(0, out), cordon}, "0 osd.0 osd.1"},
		"one never came up":                          {[]func(*Observed){func(in *Observed) { in.Ceph.Snapshot.OSDs = in.Ceph.Snapshot.OSDs[:9] }}, "1 osd.9"},
		"one is gone for good, cordoned": {[]func(*Observed){osd(9, gone), pgs("active+undersized"), cordon},
			"0 osd.9"},
		"a pod does not run":      {[]func(*Observed){func(in *Observed) { deployedIn(in, "osd.3").Running = false }}, "0 osd.2 osd.3"},
		"a pod has just started":  {[]func(*Observed){func(in *Observed) { deployedIn(in, "osd.3").Started = in.Now }}, "0 osd.2 osd.3"},
		"data is being moved":     {[]func(*Observed){pgs("active+remapped+backfilling"), cordon}, "0"},
		"it is scrubbed":          {[]func(*Observed){pgs("active+clean+scrubbing+deep")}, "1"},
		"no mgr":                  {[]func(*Observed){func(in *Observed) { in.Ceph.Snapshot.Mgr.Available = false }, cordon}, "0"},
		"Ceph does not answer":    {[]func(*Observed){func(in *Observed) { in.Ceph.Fresh, in.Ceph.Reach = false, ReachUnreachable }}, "0"},
		"it did not answer once":  {[]func(*Observed){func(in *Observed) { in.Ceph.Reach = ReachUnreachable }}, "1"},
		"nobody has asked yet":    {[]func(*Observed){func(in *Observed) { in.Ceph = CephFacts{} }}, "1"},
		"all else is refused":     {[]func(*Observed){func(in *Observed) { in.Unavailable = "x" }, cordon}, "0 osd.0 osd.1"},
		"another cluster answers": {[]func(*Observed){cordon, func(in *Observed) { in.Ceph.Snapshot.FSID = "x" }}, "1"},
		"paused":                  {[]func(*Observed){cordon, func(in *Observed) { in.Spec.Pause = v1alpha1.PauseAll }}, "0 osd.0 osd.1"},
		"all on one node, OSDs": {[]func(*Observed){domainsAre("osd"), cordon, func(in *Observed) {
			for i := range in.Deployed {
				in.Deployed[i].Node = "n1"
			}
			for i := range in.Reservations {
				in.Reservations[i].Node, in.Reservations[i].Location = "n1", Locate(in.Nodes[0])
			}
		}}, "0 osd.0 osd.1 osd.2 osd.3 osd.4 osd.5 osd.6 osd.7 osd.8 osd.9"},
		"deleted": {[]func(*Observed){func(in *Observed) { in.Deleting = true }}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := drained(t)
			for _, change := range test.changes {
				change(&in)
			}
			if got := brief(budgetAtRest(t, &in, manifest.ComponentOSD)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if again := Compute(in); slices.ContainsFunc(again.Steps, func(s Step) bool { return strings.HasPrefix(s.ID, "ApplyBudget") }) && !in.Deleting {
				t.Errorf("applied again: %v", again.Steps)
			}
		})
	}
}

// A quorum that can spare none gives none away; a cluster on one node has nobody left to protect.
func TestMonBudget(t *testing.T) {
	t.Parallel()
	mons := func(all, in int) func(*Observed) {
		return func(o *Observed) {
			names := []string{"a", "b", "c", "d", "e"}[:all]
			o.Ceph.Snapshot.Quorum = ceph.QuorumStatus{InQuorum: names[:in], Leader: "a"}
			for rank, name := range names {
				o.Ceph.Snapshot.Quorum.Mons = append(o.Ceph.Snapshot.Quorum.Mons, ceph.Mon{Name: name, Rank: rank})
			}
		}
	}
	for name, test := range map[string]struct {
		changes []func(*Observed)
		want    string
	}{
		"three of three":      {nil, "1"},
		"two of three":        {[]func(*Observed){mons(3, 2)}, "0 mon.c"},
		"two":                 {[]func(*Observed){mons(2, 2)}, "0 mon.c"}, // the third has a Deployment, and is in no monmap
		"four of four":        {[]func(*Observed){mons(4, 4)}, "1"},
		"one has just begun":  {[]func(*Observed){func(in *Observed) { deployedIn(in, "mon.b").Started = in.Now }}, "0"},
		"one does not run":    {[]func(*Observed){func(in *Observed) { deployedIn(in, "mon.b").Running = false }}, "0"},
		"nobody answers once": {[]func(*Observed){func(in *Observed) { in.Ceph.Reach = ReachUnreachable }}, "1"},
		"nobody answers":      {[]func(*Observed){func(in *Observed) { in.Ceph = CephFacts{Reach: ReachUnreachable} }}, "0"},
		"all on one node": {[]func(*Observed){mons(1, 1), func(in *Observed) {
			for i := range in.Deployed {
				in.Deployed[i].Node = "n1"
			}
		}}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := drained(t)
			for _, change := range test.changes {
				change(&in)
			}
			if got := brief(budgetAtRest(t, &in, manifest.ComponentMon)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The condition NodeDrain tells who drains a node what may be evicted, and what waits.
func TestDrainTellsWhatWaits(t *testing.T) {
	t.Parallel()
	message := func(in Observed) string {
		return findCondition(ClusterStatus(in, Compute(in)), v1alpha1.ConditionNodeDrain).Message
	}
	in := drained(t)
	in.Nodes[1].Unschedulable, in.Nodes[3].Unschedulable = true, true
	if got, want := message(in), "no OSD may be evicted: the OSDs of host n2 may be next, once all others are held"; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	budgetAfter(&in, manifest.ComponentOSD)
	if got, want := message(in), "the OSDs of host n2 may be evicted; those of host n4 and all other failure domains wait"; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	pgs("active+recovering+degraded")(&in)
	in.Ceph.Snapshot.Quorum.InQuorum = in.Ceph.Snapshot.Quorum.InQuorum[1:]
	for _, want := range []string{"no OSD may be evicted: not all PGs are active and clean", "no mon may be evicted: not all mons are in quorum"} {
		if got := message(in); !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// drainWorld is a cluster whose nodes people drain as they like, and Kubernetes as it counts pods.
type drainWorld struct {
	in        Observed
	rng       *rand.Rand
	recovered map[string]bool // domains whose OSDs have all their data
	evicted   int
}

// granted says whether the budget in place lets an OSD's pod be evicted.
func (w *drainWorld) granted(id int) bool {
	b := w.in.Budgets[slices.IndexFunc(w.in.Budgets, func(b manifest.Budget) bool { return b.Component == manifest.ComponentOSD })]
	name := osdName(int32(id))
	if slices.Contains(b.Without, name) {
		return true
	}
	unready := int32(0)
	for _, d := range w.in.Deployed {
		if d.Daemon.Kind == DaemonOSD && !d.Running && !slices.Contains(b.Without, d.Daemon.String()) {
			unready++
		}
	}
	return unready < b.Spare
}

// evict asks for the eviction of an OSD's pod.
func (w *drainWorld) evict(t *testing.T, id int) {
	t.Helper()
	pod := deployedIn(&w.in, osdName(int32(id)))
	if pod.Running && w.granted(id) {
		w.mustBeAlone(t, id, pod.Node)
		pod.Running, w.in.Ceph.Snapshot.OSDs[id].Up, w.recovered[pod.Node] = false, false, false
		w.evicted++
	}
}

// event lets a person, Kubernetes or Ceph do something. It says whether something broke.
func (w *drainWorld) event(t *testing.T) (broke bool) {
	t.Helper()
	id := w.rng.IntN(len(w.in.Ceph.Snapshot.OSDs))
	if down := slices.IndexFunc(w.in.Ceph.Snapshot.OSDs, func(o ceph.OSD) bool { return !o.Up }); down >= 0 && w.rng.IntN(2) == 0 {
		id = down
	}
	osd, pod := &w.in.Ceph.Snapshot.OSDs[id], deployedIn(&w.in, osdName(int32(id)))
	node := &w.in.Nodes[slices.IndexFunc(w.in.Nodes, func(n Node) bool { return n.Name == pod.Node })]
	switch w.rng.IntN(20) {
	case 0, 1:
		node.Unschedulable = !node.Unschedulable
	case 2:
		osd.Up, w.recovered[node.Name] = false, false // it crashes, and its pod is there
		return true
	case 3, 4, 5, 6, 7, 8:
		w.evict(t, id)
	case 9, 10, 11:
		if !pod.Running && !node.Unschedulable {
			pod.Running, pod.Started = true, w.in.Now
		}
	case 12, 13, 14, 15:
		osd.Up = pod.Running
	default:
		for domain := range w.recovered {
			w.recover(domain)
		}
	}
	return false
}

// mustBeAlone fails when an OSD that is up is taken from a domain while another one has not all its data.
func (w *drainWorld) mustBeAlone(t *testing.T, id int, domain string) {
	t.Helper()
	for other, recovered := range w.recovered {
		if other != domain && !recovered && w.in.Ceph.Snapshot.OSDs[id].Up {
			t.Fatalf("%s of %s is evicted, and %s is not well: %+v", osdName(int32(id)), domain, other, w.in.Budgets)
		}
	}
}

// isUp says that all OSDs of a domain are.
func (w *drainWorld) isUp(domain string) bool {
	return !slices.ContainsFunc(w.in.Reservations, func(r Reservation) bool { return r.Node == domain && !w.in.Ceph.Snapshot.OSDs[r.ID].Up })
}

// recover brings a domain that is up, up to date.
func (w *drainWorld) recover(domain string) {
	w.recovered[domain] = w.recovered[domain] || w.isUp(domain)
}

// see lets time go on, and has Ceph say how its PGs are.
func (w *drainWorld) see() {
	words := map[string]bool{"active": true}
	for domain, recovered := range w.recovered {
		words["degraded"] = words["degraded"] || !recovered
		words["recovering"] = words["recovering"] || !recovered && w.isUp(domain)
	}
	words["clean"] = !words["degraded"]
	var state []string
	for _, word := range sortedStrings(words) {
		if words[word] {
			state = append(state, word)
		}
	}
	pgs(strings.Join(state, "+"))(&w.in)
	w.in.Now = w.in.Now.Add(time.Duration(1+w.rng.IntN(20)) * time.Second)
	w.in.Ceph.Snapshot.At = w.in.Now
}

// What is evicted while the operator decides, and before the API server has that, is no hole: a domain is let go after all others
// were held, and then the eviction is seen.
func TestEvictionWhileDeciding(t *testing.T) {
	t.Parallel()
	w := &drainWorld{in: drained(t), recovered: map[string]bool{}}
	budgetAtRest(t, &w.in, manifest.ComponentOSD)
	w.in.Nodes[0].Unschedulable = true
	next := budgetsAfter(w.in)
	if !w.granted(2) {
		t.Fatal("at rest no OSD may be evicted")
	}
	deployedIn(&w.in, "osd.2").Stopping = true
	w.in.Budgets = next
	if w.granted(0) {
		t.Error("an OSD of n1 may be evicted, and one of n2 is on its way out")
	}
	if got := brief(budgetAtRest(t, &w.in, manifest.ComponentOSD)); got != "0 osd.2 osd.3" {
		t.Errorf("n2 goes first: %s", got)
	}
}

// However people drain, evictions never take OSDs of a second failure domain away while one is not whole, and every
// one of many operators knows no more than what is applied.
func TestEvictionsKeepToOneDomain(t *testing.T) {
	t.Parallel()
	evicted := 0
	for seed := range uint64(12) {
		w := &drainWorld{in: drained(t), rng: rand.New(rand.NewPCG(seed, 9)), recovered: map[string]bool{}}
		for _, node := range w.in.Nodes {
			w.recovered[node.Name] = true
		}
		budgetAfter(&w.in, manifest.ComponentOSD)
		for range 300 {
			broke := w.event(t)
			w.see()
			next := budgetsAfter(w.in)
			if !broke { // what is evicted while the operator writes is not what it has seen
				w.evict(t, w.rng.IntN(len(w.in.Ceph.Snapshot.OSDs)))
				w.see()
			}
			w.in.Budgets = next
		}
		evicted += w.evicted
	}
	if evicted < 50 {
		t.Errorf("hardly anything was evicted: %d", evicted)
	}
}

// Over everything that can be seen: the pods that may be evicted are OSDs of one failure domain, and no more mons than the
// quorum can spare.
func TestBudgetLaws(t *testing.T) {
	t.Parallel()
	rest := drained(t)
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 10))
		in := rest
		in.Nodes, in.Deployed = slices.Clone(rest.Nodes), slices.Clone(rest.Deployed)
		in.Ceph.Snapshot = new(*rest.Ceph.Snapshot)
		s := in.Ceph.Snapshot
		s.OSDs, s.Quorum.InQuorum = slices.Clone(s.OSDs), slices.Clone(s.Quorum.InQuorum)
		in.Budgets = []manifest.Budget{{Component: manifest.ComponentOSD, Domain: oneOf(rng, "", "host n1", "host n2", "rack r1", "gone")}}
		randomTrouble(rng, &in)
		checkBudgets(t, seed, in)
	}
}

func randomTrouble(rng *rand.Rand, in *Observed) {
	s := in.Ceph.Snapshot
	for range rng.IntN(4) {
		in.Nodes[rng.IntN(len(in.Nodes))].Unschedulable = true
		osd := &s.OSDs[rng.IntN(len(s.OSDs))]
		osd.Up, osd.In = rng.IntN(2) == 0, rng.IntN(3) > 0
		d := &in.Deployed[rng.IntN(len(in.Deployed))]
		d.Running, d.Started = rng.IntN(3) > 0, in.Now.Add(-time.Duration(rng.IntN(30))*time.Second)
	}
	s.Quorum.InQuorum = s.Quorum.InQuorum[rng.IntN(3):]
	domainsAre(oneOf(rng, "host", "host", "rack", "osd"))(in)
	pgs(oneOf(rng, "active+clean", "active+clean", "active+undersized+degraded", "active+recovering+degraded", "down", "active+remapped+backfilling"))(in)
	s.Mgr.Available = rng.IntN(8) > 0
}

func checkBudgets(t *testing.T, seed uint64, in Observed) {
	t.Helper()
	level := newComputation(in).drainLevel()
	osds, mons := budgetAfter(&in, manifest.ComponentOSD), budgetAfter(&in, manifest.ComponentMon)
	touched := map[string]bool{} // domains that are down, or can be taken down at this moment
	free := false
	for _, r := range in.Reservations {
		osd, name := in.Ceph.Snapshot.OSDs[r.ID], osdName(r.ID)
		held := !slices.Contains(osds.Without, name)
		if osd.Up && !held {
			free = true
			touched[domainOf(level, name, r.Location)] = true
		}
	}
	for _, r := range in.Reservations {
		if osd := in.Ceph.Snapshot.OSDs[r.ID]; free && osd.In && !osd.Up {
			touched[domainOf(level, osdName(r.ID), r.Location)] = true
		}
	}
	if len(touched) > 1 || free && osds.Spare > 0 {
		t.Fatalf("seed %d: %v can be away: %+v", seed, sortedStrings(touched), *osds)
	}
	all, quorum := len(in.Ceph.Snapshot.Quorum.Mons), len(in.Ceph.Snapshot.Quorum.InQuorum)
	left := quorum - int(mons.Spare)
	for _, name := range mons.Without {
		if slices.Contains(in.Ceph.Snapshot.Quorum.InQuorum, strings.TrimPrefix(name, "mon.")) {
			left--
		}
	}
	if mons.Spare > 0 && left*2 <= all || len(mons.Without) > 0 && left < quorum {
		t.Fatalf("seed %d: %d of %d mons are in quorum: %+v", seed, quorum, all, *mons)
	}
}

// The choice follows from what is applied, also for an operator that has only just started, and a budget that is as wanted
// is not written again.
func TestBudgetsRest(t *testing.T) {
	t.Parallel()
	in := drained(t)
	in.Nodes[3].Unschedulable = true
	budgetAtRest(t, &in, manifest.ComponentOSD)
	in.Nodes[1].Unschedulable = true
	before := slices.Clone(in.Budgets)
	if got := brief(budgetAfter(&in, manifest.ComponentOSD)); got != "0 osd.6 osd.7" {
		t.Errorf("a second node is cordoned: %s", got)
	}
	in.Nodes[3].Unschedulable = false
	for _, want := range []string{"0", "0 osd.2 osd.3"} { // all are held between two turns
		if got := brief(budgetAfter(&in, manifest.ComponentOSD)); got != want {
			t.Errorf("the first one is back: %s, want %s", got, want)
		}
	}
	if cmp.Equal(before, in.Budgets) {
		t.Error("nothing has changed")
	}
}
