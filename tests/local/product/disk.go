//go:build e2e

package product

import (
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// StorageDisks are all that discover reported.
func (p *Product) StorageDisks(t testing.TB) []v1alpha1.StorageDisk {
	t.Helper()
	var list v1alpha1.StorageDiskList
	if err := p.Client.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// StorageDisk is the report of a disk that is in its node, nil while there is none.
func (p *Product) StorageDisk(t testing.TB, d cluster.Disk) *v1alpha1.StorageDisk {
	t.Helper()
	for _, s := range p.StorageDisks(t) {
		here := s.Status.Node == d.Node && s.Status.Presence == v1alpha1.PresencePresent
		if here && s.Status.Device != nil && s.Status.Device.Name == d.Device {
			return &s
		}
	}
	return nil
}

// AwaitVerdict waits until a disk is reported with a verdict: its result, or its result and first reason.
func (p *Product) AwaitVerdict(t testing.TB, d cluster.Disk, result v1alpha1.VerdictResult, reason string) *v1alpha1.StorageDisk {
	t.Helper()
	var found *v1alpha1.StorageDisk
	p.Eventually(t, fmt.Sprintf("%s of %s is %s %s", d.Device, d.Node, result, reason), func() error {
		found = p.StorageDisk(t, d)
		if found == nil {
			return fmt.Errorf("it is not reported")
		}
		return hasVerdict(*found, result, reason)
	})
	return found
}

func hasVerdict(d v1alpha1.StorageDisk, result v1alpha1.VerdictResult, reason string) error {
	v := d.Status.Verdict
	if v == nil {
		return fmt.Errorf("%s has no verdict", d.Name)
	}
	if first := FirstReason(d); v.Result != result || first != reason {
		return fmt.Errorf("%s is %s %s: %+v", d.Name, v.Result, first, v.Reasons)
	}
	return nil
}

// FirstReason is the first reason of a disk's verdict, empty for a Usable one.
func FirstReason(d v1alpha1.StorageDisk) string {
	if d.Status.Verdict == nil || len(d.Status.Verdict.Reasons) == 0 {
		return ""
	}
	return d.Status.Verdict.Reasons[0].Reason
}
