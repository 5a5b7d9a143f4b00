//go:build e2e

package discover

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestFailingDisk (D1): disks that answer with errors, one of them an OSD's, are Rejected with the error and have no seal, by
// which nobody could tell them from others. What is known of them comes back when they answer again.
func TestFailingDisk(t *testing.T) {
	newDisk := func() (*loopdev.FUSEFile, *loopdev.Disk) {
		served := loopdev.NewFUSEFile(t, 4<<30)
		return served, loopdev.Attach(t, fileOn(t, loopdev.Attach(t, served.Path, loopdev.Options{})), loopdev.Options{Direct: true})
	}
	blankFile, blank := newDisk()
	osdFile, occupied := newDisk()
	osd("", uuid.NewString(), newOSD(3))(t, occupied)
	c := newChain(t)
	before := c.scan(t, blank, occupied)
	before[blank.Name].mustBe(t, v1alpha1.VerdictUsable, "", v1alpha1.ContentEmpty)
	before[occupied.Name].mustBe(t, v1alpha1.VerdictRejected, v1alpha1.ReasonForeignOSD, v1alpha1.ContentBlueStore)

	blankFile.Fail(loopdev.Reads)
	osdFile.Fail(loopdev.Reads)
	for name, j := range c.scan(t, blank, occupied) {
		j.mustBe(t, v1alpha1.VerdictRejected, v1alpha1.ReasonUnreadableSectors, "")
		if message := j.Reasons[0].Message; !strings.Contains(message, "input/output error") || j.Reasons[0].Remedy == "" {
			t.Errorf("%s: %+v", name, j.Reasons)
		}
		if j.seal != "" || j.name != before[name].name {
			t.Errorf("%s is known as %s, and was %s; its seal is %q", name, j.name, before[name].name, j.seal)
		}
	}

	blankFile.Fail(0)
	osdFile.Fail(0)
	for name, j := range c.scan(t, blank, occupied) {
		was := before[name]
		j.mustBe(t, was.Result, reasonOf(was), was.Judgement.Content.Kind)
	}
}

func reasonOf(j judged) string {
	if len(j.Reasons) == 0 {
		return ""
	}
	return j.Reasons[0].Reason
}
