package plan

import (
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/operator/manifest"
)

// While evictions may take the OSDs of one failure domain, no OSD of another one is restarted; and while some are restarted, no
// other domain is let go.
func TestRestartsAndDrains(t *testing.T) {
	t.Parallel()
	in := drained(t)
	in.Nodes[2].Unschedulable = true
	if got := brief(budgetAtRest(t, &in, manifest.ComponentOSD)); got != "0 osd.4 osd.5" {
		t.Fatalf("n3 is cordoned: %s", got)
	}
	changed(&in)
	p := Compute(in)
	if got := strings.Join(restarts(p), " "); got != "osd.4 osd.5" {
		t.Errorf("while n3 is drained %q restart", got)
	}
	in.Denied = []Denial{{osdIDs(4, 5), "no"}, {osdIDs(4), "no"}, {osdIDs(5), "no"}}
	if got := restarts(Compute(in)); len(got) > 0 {
		t.Errorf("while n3 is drained %v restart", got)
	}
	in.Nodes[2].Unschedulable, in.Nodes[3].Unschedulable = false, true
	for range 2 {
		if got := brief(budgetAfter(&in, manifest.ComponentOSD)); got != "0" {
			t.Errorf("n4 is drained next, and may be evicted beside a restart: %s", got)
		}
		if got := strings.Join(restarts(Compute(in)), " "); got != "osd.0 osd.1" {
			t.Errorf("before n4 is let go %q restart", got)
		}
	}
}
