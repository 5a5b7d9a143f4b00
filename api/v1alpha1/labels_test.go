package v1alpha1

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestNamesThatFit(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		NodeLabelValue("n3"):                  "n3",
		ClusterLabelValue("seamount", "main"): "seamount.main",
		OSDLabel(12):                          "osd.seamount.dev/12",
		FilesystemLabelValue("shared"):        "shared",
		MDSPrefix("shared"):                   "shared",
		MDSPrefix("1st"):                      "fs1st", // Ceph: MDS names may not start with a numeric digit
		FieldOwnerDiscover("n3"):              "seamount-discover/n3",
		FieldOwnerAgent("n3"):                 "seamount-agent/n3",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Kubernetes takes whatever comes of a name that is too long, and two of them stay two.
func TestNamesThatAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("node-", 50)
	for name, cut := range map[string]func(string) string{
		"NodeLabelValue":       NodeLabelValue,
		"ClusterLabelValue":    func(s string) string { return ClusterLabelValue(s, "main") },
		"FieldOwnerDiscover":   FieldOwnerDiscover,
		"FieldOwnerAgent":      FieldOwnerAgent,
		"FilesystemLabelValue": FilesystemLabelValue,
		"daemon's LabelValue":  func(s string) string { return "mds." + MDSPrefix(s) + "-za" },
	} {
		one, other := cut(long+"a"), cut(long+"b")
		if one == other {
			t.Errorf("%s: two names become one: %s", name, one)
		}
		if one != cut(long+"a") {
			t.Errorf("%s: one name becomes two", name)
		}
		limit := maxFieldOwner
		if strings.HasSuffix(name, "LabelValue") {
			limit = maxLabelValue
			if problems := validation.IsValidLabelValue(one); len(problems) > 0 {
				t.Errorf("%s: %s: %v", name, one, problems)
			}
		}
		if len(one) > limit {
			t.Errorf("%s: %d characters, more than %d", name, len(one), limit)
		}
	}
	for length := 1; length <= 253; length++ {
		node := strings.Repeat(".", length) // the worst that a cut can leave at its end
		if value := NodeLabelValue("n" + node + "n"); len(value) > maxLabelValue || len(validation.IsValidLabelValue(value)) > 0 {
			t.Errorf("%d dots become %q", length, value)
		}
	}
}

func TestIsMDSOf(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"shared", "1st", strings.Repeat("long", 20)} {
		if !IsMDSOf(name, MDSPrefix(name)+"-za") {
			t.Errorf("a server of %s is not known", name)
		}
	}
	for _, server := range []string{"shared", "shared-two-a", "other-a", "sharedx-a"} {
		if IsMDSOf("shared", server) {
			t.Errorf("%s is taken for one of shared", server)
		}
	}
}
