package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

func TestDiscoverNeedsANode(t *testing.T) {
	t.Setenv("NODE_NAME", "")
	t.Setenv("POD_NAMESPACE", "seamount")
	if _, err := run(t, "discover", "run", "--kubeconfig", "nowhere"); err == nil || !strings.Contains(err.Error(), "--node is not set") {
		t.Errorf("without a node: %v", err)
	}
}

// The child tells what is wrong with its arguments, and reads nothing.
func TestDiscoverReadChecksItsArguments(t *testing.T) {
	t.Parallel()
	if out, err := run(t, "discover", "read", "--device", "/dev/sdb"); err == nil || out != "" {
		t.Errorf("without --blkid: %q, %v", out, err)
	}
}

func TestPrintDisks(t *testing.T) {
	t.Parallel()
	found := []scannedDisk{
		{Name: "wwn-5000c50093282dee", Device: "sdb", Verdict: v1alpha1.VerdictUsable, Disk: &disk.Disk{Name: "sdb"}},
		{Name: "sn-x", Device: "sda", Verdict: v1alpha1.VerdictRejected, Reasons: []v1alpha1.Refusal{{Reason: "Mounted", Message: "sda1 is mounted at /"}}},
	}
	for output, want := range map[string]string{
		"table": "DISK                  DEVICE  VERDICT   REASON   MESSAGE\n" +
			"wwn-5000c50093282dee  sdb     Usable             \n" +
			"sn-x                  sda     Rejected  Mounted  sda1 is mounted at /\n",
	} {
		var out bytes.Buffer
		if err := printDisks(&out, found, output); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", output, diff)
		}
	}
	var out bytes.Buffer
	if err := printDisks(&out, found, "json"); err != nil || !strings.Contains(out.String(), `"reason": "Mounted"`) {
		t.Errorf("json: %v\n%s", err, out.String())
	}
	if err := printDisks(&out, found, "yaml"); err == nil {
		t.Error("yaml was accepted")
	}
}
