package nodedisk

import (
	"errors"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

func TestPick(t *testing.T) {
	t.Parallel()
	plain := func(name, wwn string) disk.Disk {
		return disk.Disk{Name: name, Kind: disk.KindPlain, Hardware: disk.Hardware{WWN: wwn}}
	}
	twin := plain("sdc", "5003")
	twin.Twins = []string{"sdd"}
	unnamed := disk.Disk{Name: "sdz", Kind: disk.KindPlain}
	disks := []disk.Disk{plain("sda", "5001"), plain("sdb", "5002"), twin, plain("sde", "5005"), plain("sdf", "5005"), unnamed}
	for name, c := range map[string]struct {
		device string
		err    error
	}{
		"wwn-5002": {"sdb", nil},
		"wwn-5003": {"", ErrAmbiguous},
		"wwn-5005": {"", ErrAmbiguous},
		"wwn-5009": {"", ErrMissing},
		"":         {"", ErrMissing},
	} {
		got, id, err := pick(disks, "n1", name)
		if got.Name != c.device || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v", name, got.Name, err)
		}
		if want := (v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "5002"}); c.device != "" && id != want {
			t.Errorf("%q is known by %+v", name, id)
		}
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	if got := Path("cciss!c0d0"); got != "/dev/cciss/c0d0" {
		t.Errorf("got %s", got)
	}
}
