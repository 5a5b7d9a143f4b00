package verdict

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// The texts that users read, for each reason at least once.
func TestTexts(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printed := map[string]bool{}
	for _, e := range examples() {
		j := Judge(e.disk, e.context)
		fmt.Fprintf(&out, "%s: %s\n", e.name, j.Result)
		for _, r := range j.Reasons {
			printed[r.Reason] = true
			fmt.Fprintf(&out, "  %s: %s\n    %s\n", r.Reason, r.Message, r.Remedy)
		}
		if c := j.Content; c != nil {
			fmt.Fprintf(&out, "  content %s: %s\n", c.Kind, c.Detail)
		}
		fmt.Fprintf(&out, "  Usable %s\n  Healthy %s\n", said(j.Usable), said(j.Healthy))
	}
	for _, reason := range slices.Concat([]string{v1alpha1.ReasonInUse}, v1alpha1.RejectedReasons(), v1alpha1.UnknownReasons()) {
		if !printed[reason] {
			t.Errorf("no example of %s", reason)
		}
	}
	golden(t, "texts.txt", out.String())
}

func said(c Condition) string { return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message) }

// The chain is the API's order of reasons.
func TestOrder(t *testing.T) {
	t.Parallel()
	var order []string
	for _, c := range chain() {
		order = append(order, c.reason)
	}
	want := slices.Concat([]string{v1alpha1.ReasonInUse}, v1alpha1.RejectedReasons(), v1alpha1.UnknownReasons())
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
}

// Every condition is in the table of the API, and every text fits into it.
func TestConditionsAreTheAPIs(t *testing.T) {
	t.Parallel()
	table := map[string]conditions.Spec{}
	for _, c := range conditions.Of(v1alpha1.KindStorageDisk) {
		table[c.Type] = c
	}
	for _, e := range examples() {
		j := Judge(e.disk, e.context)
		for kind, c := range map[string]Condition{v1alpha1.ConditionUsable: j.Usable, v1alpha1.ConditionHealthy: j.Healthy} {
			allowed := map[string][]string{"True": table[kind].True, "False": table[kind].False, "Unknown": table[kind].Unknown}
			if !slices.Contains(allowed[string(c.Status)], c.Reason) || c.Message == "" {
				t.Errorf("%s: %s is %s", e.name, kind, said(c))
			}
		}
	}
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü\xff/", 2000)
	d := blank(used(disk.UseMount, "sdb", long), used(disk.UseHolder, "sdb", long), outcome(disk.OutcomeFailed, long), labelled(osd(1, uuid12, long)))
	for i := range 40 {
		device := fmt.Sprintf("sdb%d", i)
		used(disk.UseMount, device, "/mnt/"+device)(&d)
		signed(device, v1alpha1.ContentFilesystem, "ext4")(&d)
		d.Problems = append(d.Problems, disk.Problem{Fact: device, Text: long})
	}
	j := Judge(d, here())
	if len(j.Reasons) < 3 || len(j.Reasons) > maxReasons || j.Result != v1alpha1.VerdictRejected {
		t.Errorf("judged %s with %d reasons", j.Result, len(j.Reasons))
	}
	for _, r := range j.Reasons {
		for _, s := range []string{r.Message, r.Remedy} {
			if n := utf8.RuneCountInString(s); n > maxText || n == 0 || !utf8.ValidString(s) {
				t.Errorf("%s has a text of %d characters", r.Reason, n)
			}
		}
	}
	if n := utf8.RuneCountInString(j.Content.Detail); n > maxText {
		t.Errorf("the detail has %d characters", n)
	}
}

// What comes and goes on a disk that is held anyway does not change what is reported of it: discover would write to the
// API each time.
func TestVerdictIsSteady(t *testing.T) {
	t.Parallel()
	root := []func(*disk.Disk){signed("sdb", v1alpha1.ContentFilesystem, "ext4"), used(disk.UseMount, "sdb", "/")}
	still := Judge(blank(root...), here())
	busy := Judge(blank(append(root, used(disk.UseMount, "sdb", "/var/lib/kubelet/pods/2/x"), used(disk.UseProcess, "sdb", "fsck (12)"),
		func(d *disk.Disk) { d.Content.Samples.First = 4096 })...), here())
	if diff := cmp.Diff(still, busy); diff != "" {
		t.Errorf("a mounted disk (-quiet +busy):\n%s", diff)
	}
	label := labelled(osd(12, uuid12, fsidHere))
	stopped := Judge(blank(label), here())
	running := Judge(blank(label, used(disk.UseProcess, "sdb", "ceph-osd (99)")), here())
	if diff := cmp.Diff(stopped, running); diff != "" {
		t.Errorf("an OSD's disk (-stopped +running):\n%s", diff)
	}
}
