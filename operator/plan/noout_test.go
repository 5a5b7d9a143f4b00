package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// drained is a cluster at rest whose hosts are in CRUSH.
func drained(t *testing.T) Observed {
	t.Helper()
	_, in := atRest(t)
	in.Nodes = slices.Clone(in.Nodes)
	for i, node := range in.Nodes {
		bucket := ceph.Bucket{ID: -1 - i, Name: node.Name, Type: hostType}
		for _, r := range in.Reservations {
			if r.Node == node.Name {
				bucket.Items = append(bucket.Items, ceph.CRUSHItem{ID: int(r.ID)})
			}
		}
		in.Ceph.Snapshot.CRUSH.Buckets = append(in.Ceph.Snapshot.CRUSH.Buckets, bucket)
	}
	return in
}

func cordon(in *Observed) { in.Nodes[0].Unschedulable = true }

func held(in *Observed) { in.Ceph.Snapshot.OSDMap.BucketFlags = map[string][]string{"n1": {FlagNoout}} }

// since records a noout of n1 that was set so long ago.
func since(ago time.Duration) func(*Observed) {
	return func(in *Observed) { in.Noouts = []manifest.Noout{{Host: "n1", Since: in.Now.Add(-ago)}} }
}

func ended(in *Observed) {
	in.Noouts = []manifest.Noout{{Host: "n1", Since: in.Now.Add(-time.Hour), Ended: true}}
}

func osdDown(in *Observed) {
	for _, r := range in.Reservations {
		if r.Node == "n1" {
			in.Ceph.Snapshot.OSDs[r.ID].Up = false
		}
	}
}

// Law C7: only the OSDs of a cordoned node are kept in, for 30 minutes at most, once for one cordon; what somebody else
// has set is left alone; and nothing is done while no node is cordoned.
func TestNoout(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for name, test := range map[string]struct {
		changes []func(*Observed)
		want    Action // nil: nothing
		reason  string // of the condition
		text    string
	}{
		"nothing is cordoned": {nil, nil, "NotDraining", "no node"},
		"cordoned":            {[]func(*Observed){cordon}, SetNoout{Host: "n1"}, "NodeCordoned", "noout is not set on host n1"},
		"cordoned by a taint": {[]func(*Observed){func(in *Observed) {
			in.Nodes[0].Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}
		}}, SetNoout{Host: "n1"}, "NodeCordoned", ""},
		"without OSDs": {[]func(*Observed){cordon, func(in *Observed) {
			in.Reservations = slices.DeleteFunc(slices.Clone(in.Reservations), func(r Reservation) bool { return r.Node == "n1" })
		}}, nil, "NotDraining", ""},
		"its OSDs are elsewhere in CRUSH": {[]func(*Observed){cordon, func(in *Observed) { in.Ceph.Snapshot.CRUSH.Buckets[0].Items = nil }}, nil, "NodeCordoned", ""},
		"Ceph does not answer":            {[]func(*Observed){cordon, func(in *Observed) { in.Ceph.Fresh = false }}, nil, "NodeCordoned", ""},
		"somebody else has set it":        {[]func(*Observed){cordon, held}, nil, "NodeCordoned", "somebody else has set noout on host n1"},
		"somebody else's stays":           {[]func(*Observed){held}, nil, "NotDraining", ""},
		"set":                             {[]func(*Observed){cordon, held, osdDown, since(29 * minute)}, nil, "NooutSet", "until 13:"},
		"killed before it was set":        {[]func(*Observed){cordon, since(2 * minute)}, SetNoout{Host: "n1"}, "NooutSet", ""},
		"back":                            {[]func(*Observed){held, since(5 * minute)}, EndNoout{"n1", true}, "NooutSet", "was cordoned"},
		"back, and an OSD is not up":      {[]func(*Observed){held, osdDown, since(5 * minute)}, nil, "NooutSet", "until its OSDs are up"},
		"back for too long":               {[]func(*Observed){held, osdDown, since(30 * minute)}, EndNoout{"n1", true}, "NooutSet", ""},
		"its time is over":                {[]func(*Observed){cordon, held, osdDown, since(30 * minute)}, EndNoout{"n1", false}, "NooutSet", ""},
		"its time is over, paused": {[]func(*Observed){cordon, held, since(31 * minute), func(in *Observed) { in.Spec.Pause = v1alpha1.PauseAll }},
			EndNoout{"n1", false}, "NooutSet", ""},
		"its time is over, and all else is refused": {[]func(*Observed){cordon, held, since(31 * minute), func(in *Observed) { in.Unavailable = "x" }},
			EndNoout{"n1", false}, "NooutSet", ""},
		"another cluster answers": {[]func(*Observed){cordon, held, since(31 * minute), func(in *Observed) { in.Ceph.Snapshot.FSID = "x" }}, nil, "NooutSet", ""},
		"paused":                  {[]func(*Observed){cordon, func(in *Observed) { in.Spec.Pause = v1alpha1.PauseAll }}, nil, "NodeCordoned", ""},
		"a time that is to come":  {[]func(*Observed){cordon, held, since(-time.Hour)}, EndNoout{"n1", false}, "NooutSet", ""},
		"ended":                   {[]func(*Observed){cordon, osdDown, ended}, nil, "NooutEnded", "noout was taken off host n1"},
		"ended, and set by hand":  {[]func(*Observed){cordon, held, ended}, nil, "NooutEnded", ""},
		"ended, and uncordoned":   {[]func(*Observed){osdDown, ended}, EndNoout{"n1", true}, "NotDraining", ""},
		"the node is gone": {[]func(*Observed){held, osdDown, since(5 * minute), func(in *Observed) { in.Nodes = in.Nodes[1:] }},
			nil, "NooutSet", ""},
		"the node is gone for good": {[]func(*Observed){held, osdDown, since(30 * minute), func(in *Observed) { in.Nodes = in.Nodes[1:] }},
			EndNoout{"n1", true}, "NooutSet", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := drained(t)
			for _, change := range test.changes {
				change(&in)
			}
			p := Compute(in)
			var got Action
			for _, step := range p.Steps {
				switch do := step.Do.(type) {
				case SetNoout:
					if want := in.Now; len(in.Noouts) == 0 && do.At != want || len(in.Noouts) > 0 && do.At != in.Noouts[0].Since {
						t.Errorf("set at %s", do.At)
					}
					got = SetNoout{Host: do.Host}
				case EndNoout:
					got = do
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			condition := findCondition(ClusterStatus(in, p), v1alpha1.ConditionNodeDrain)
			if condition.Reason != test.reason || !strings.Contains(condition.Message, test.text) {
				t.Errorf("%s: %s", condition.Reason, condition.Message)
			}
		})
	}
}

// While one is set, the next plan is made when it ends.
func TestNooutWakes(t *testing.T) {
	t.Parallel()
	in := drained(t)
	cordon(&in)
	held(&in)
	since(28 * time.Minute)(&in)
	if p := Compute(in); p.After <= 0 || p.After > 2*time.Minute {
		t.Errorf("planned again after %s", p.After)
	}
}
