package report

import (
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/verdict"
)

func TestSealIsLeftOutWhereItWouldNotHold(t *testing.T) {
	t.Parallel()
	for want, results := range map[bool][]v1alpha1.VerdictResult{
		true:  {v1alpha1.VerdictUsable, v1alpha1.VerdictInUse, v1alpha1.VerdictRejected},
		false: {v1alpha1.VerdictUnknown},
	} {
		for _, result := range results {
			if got := sealed(sighting(), verdict.Judgement{Result: result}) != ""; got != want {
				t.Errorf("%s is sealed: %t", result, got)
			}
		}
	}
	if sealed(sighting(mounted), verdict.Judgement{Result: v1alpha1.VerdictRejected}) != "" {
		t.Error("a mounted disk is sealed")
	}
}
