//go:build e2e && linux && cgo

package sanity

import (
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

// skips are the reasons that the suite gives for what it leaves out, and why the driver does not offer it.
var skips = map[string]string{
	"Modify Volume not supported":          "a volume has no attributes that could change while it is used",
	"Modify volume not supported":          "a volume has no attributes that could change while it is used",
	"ControllerModifyVolume not supported": "a volume has no attributes that could change while it is used",

	"GroupControllerService not supported":                 "snapshots of several volumes at one moment are not offered",
	"VolumeGroupSnapshots not supported":                   "snapshots of several volumes at one moment are not offered",
	"SNAPSHOT_ACCESSIBILITY_CONSTRAINTS not supported":     "a snapshot can be used wherever its pool's volumes can",
	"ControllerPublishVolume.readonly field not supported": "whether a pod may write is decided where it is mounted",
	"ControllerListVolumeHealth not supported":             "the audit asks Ceph for all images at once, and tells by events and metrics",
	"NodeGetStorageHealth not supported":                   "the health of a node's disks is in its StorageDisks",
	"testnodevolumeattachlimit not enabled":                "a node takes more volumes than this machine could serve",
}

// explainSkips fails the test when the suite leaves out what nothing explains.
func explainSkips(t *testing.T) {
	ginkgo.ReportAfterEach(func(r ginkgo.SpecReport) {
		if r.State != types.SpecStateSkipped {
			return
		}
		why, explained := skips[r.Failure.Message]
		if !explained {
			t.Errorf("%s was left out: %s", r.FullText(), r.Failure.Message)
		}
		t.Logf("left out: %s: %s", r.FullText(), why)
	})
}
