package crush

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

func never(int) bool { return false }

// forest makes racks*hosts*osds OSDs of weight 1.
func forest(t testing.TB, racks, hosts, osds int) *Map {
	t.Helper()
	m := New()
	id := 0
	for r := range racks {
		for h := range hosts {
			for range osds {
				loc := ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: fmt.Sprintf("r%d", r)}, {Type: "host", Name: fmt.Sprintf("r%dh%d", r, h)}}
				if err := m.Place(id, 1, loc); err != nil {
					t.Fatal(err)
				}
				id++
			}
		}
	}
	return m
}

func replicated(domain string) ceph.CRUSHRule {
	return ceph.CRUSHRule{Name: "r", Type: ceph.Replicated, Root: "default", FailureDomain: domain}
}

func erasure(domain string) ceph.CRUSHRule {
	return ceph.CRUSHRule{Name: "e", Type: ceph.Erasure, Root: "default", FailureDomain: domain}
}

func mapAll(m *Map, rule ceph.CRUSHRule, pgs, size int, out func(int) bool) [][]int32 {
	all := make([][]int32, pgs)
	for i := range all {
		all[i] = m.Choose(rule, Hash(7, uint64(i)), size, out)
	}
	return all
}

func moved(a, b [][]int32) int {
	n := 0
	for i := range a {
		for _, osd := range b[i] {
			if osd != None && !slices.Contains(a[i], osd) {
				n++
			}
		}
	}
	return n
}

func TestFailureDomainsAreKept(t *testing.T) {
	t.Parallel()
	m := forest(t, 4, 3, 2)
	for _, rule := range []ceph.CRUSHRule{replicated("rack"), replicated("host"), replicated("osd"), erasure("rack"), erasure("host")} {
		for i, osds := range mapAll(m, rule, 2000, 3, never) {
			if len(osds) != 3 || slices.Contains(osds, None) {
				t.Fatalf("%s by %s: PG %d has %v", rule.Type, rule.FailureDomain, i, osds)
			}
			seen := map[string]bool{}
			for _, osd := range osds {
				seen[domainOf(m, int(osd), rule.FailureDomain)] = true
			}
			if len(seen) != 3 {
				t.Errorf("%s by %s: PG %d has %v in %d domains", rule.Type, rule.FailureDomain, i, osds, len(seen))
			}
		}
	}
}

func domainOf(m *Map, osd int, domain string) string {
	for _, level := range m.Location(osd) {
		if level.Type == domain {
			return level.Name
		}
	}
	return fmt.Sprint(osd)
}

func TestWeightsAreRespected(t *testing.T) {
	t.Parallel()
	m := New()
	const hosts = 10
	for h := range hosts {
		loc := ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: fmt.Sprint("h", h)}}
		if err := m.Place(h, 1+float64(h%2), loc); err != nil {
			t.Fatal(err)
		}
	}
	counts := make([]int, hosts)
	const pgs = 60000
	for _, osds := range mapAll(m, replicated("host"), pgs, 1, never) {
		counts[osds[0]]++
	}
	for h, n := range counts {
		want := float64(pgs) * float64(1+h%2) / 15
		if math.Abs(float64(n)-want) > 0.06*want {
			t.Errorf("host %d of weight %d got %d PGs, want %.0f within 6%%", h, 1+h%2, n, want)
		}
	}
}

func TestOutMovesLittle(t *testing.T) {
	t.Parallel()
	m := forest(t, 1, 20, 5)
	const pgs = 10000
	before := mapAll(m, replicated("host"), pgs, 3, never)
	after := mapAll(m, replicated("host"), pgs, 3, func(osd int) bool { return osd == 17 })
	held := 0
	for _, osds := range before {
		if slices.Contains(osds, 17) {
			held++
		}
	}
	if n := moved(before, after); n < held || n > held*5/4 {
		t.Errorf("%d copies moved when an OSD with %d left", n, held)
	}
}

func TestGrowthMovesOnlyToTheNewHost(t *testing.T) {
	t.Parallel()
	m := forest(t, 1, 20, 5)
	const pgs = 10000
	before := mapAll(m, replicated("host"), pgs, 3, never)
	for id := 100; id < 105; id++ {
		if err := m.Place(id, 1, ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: "new"}}); err != nil {
			t.Fatal(err)
		}
	}
	after := mapAll(m, replicated("host"), pgs, 3, never)
	n, fair := moved(before, after), pgs*3/21
	if n < fair*9/10 || n > fair*3/2 {
		t.Errorf("%d copies moved to or for the new host, its fair share is %d", n, fair)
	}
}

func TestErasurePositionsStay(t *testing.T) {
	t.Parallel()
	m := forest(t, 1, 12, 2)
	before := mapAll(m, erasure("host"), 3000, 6, never)
	after := mapAll(m, erasure("host"), 3000, 6, func(osd int) bool { return osd == 3 })
	for i := range before {
		for pos, osd := range before[i] {
			if osd != 3 && after[i][pos] != osd && !slices.Contains(before[i], 3) {
				t.Fatalf("PG %d changed from %v to %v though it did not have OSD 3", i, before[i], after[i])
			}
		}
	}
}

func TestTooFewDomainsLeaveHoles(t *testing.T) {
	t.Parallel()
	m := forest(t, 1, 2, 2)
	if got := m.Choose(replicated("host"), 1, 3, never); len(got) != 2 {
		t.Errorf("replicated over two hosts: %v", got)
	}
	got := m.Choose(erasure("host"), 1, 3, never)
	holes := 0
	for _, osd := range got {
		if osd == None {
			holes++
		}
	}
	if len(got) != 3 || holes != 1 {
		t.Errorf("erasure over two hosts: %v", got)
	}
	if got := New().Choose(replicated("host"), 1, 3, never); len(got) != 0 {
		t.Errorf("empty root: %v", got)
	}
}

func TestClassRestrictsPlacement(t *testing.T) {
	t.Parallel()
	m := forest(t, 1, 6, 2)
	for id := range 12 {
		m.SetClass(id, []string{"hdd", "ssd"}[id%2])
	}
	rule := replicated("host")
	rule.DeviceClass = "ssd"
	for _, osds := range mapAll(m, rule, 500, 3, never) {
		for _, osd := range osds {
			if osd%2 != 1 {
				t.Fatalf("a PG of class ssd has %v", osds)
			}
		}
	}
	if got := len(m.Members(rule)); got != 6 {
		t.Errorf("%d members, want 6", got)
	}
}

func TestExponentialIsMinusLog2(t *testing.T) {
	t.Parallel()
	for i := range uint64(2000) {
		hash := Hash(3, i) | 1
		want := 64 - math.Log2(float64(hash))
		got := float64(exponential(hash)) / (1 << logFraction)
		if math.Abs(got-want) > 1e-6 {
			t.Fatalf("exponential(%#x) = %g, want %g", hash, got, want)
		}
	}
}

func BenchmarkChoose5000(b *testing.B) {
	m := forest(b, 25, 20, 10)
	rule := replicated("host")
	for i := 0; b.Loop(); i++ {
		m.Choose(rule, Hash(1, uint64(i)), 3, never)
	}
}
