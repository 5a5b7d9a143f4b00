package handover

import (
	"encoding/json"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// ExitRefused is the exit code of a program that refuses to start its daemon, with a refusal as its termination
// message. Trying again changes nothing until the cause is gone.
const ExitRefused = 64

// Reasons of the programs on nodes for refusing.
const (
	// ReasonStoreMissing: the store of a mon is gone, and may not be made anew.
	ReasonStoreMissing = "StoreMissing"
	// ReasonStoreDamaged: a part of the store of a mon is there, and a part is not.
	ReasonStoreDamaged = "StoreDamaged"
	// ReasonNotRecorded: the mon is not among those that are recorded.
	ReasonNotRecorded = "NotRecorded"
	// ReasonDiskMissing: no device of the node has the identity that the OSD's disk is known by.
	ReasonDiskMissing = "DiskMissing"
	// ReasonSliceMissing: the disk has not the slice that is the OSD's.
	ReasonSliceMissing = "SliceMissing"
	// ReasonDiskAmbiguous: several devices of the node have that identity.
	ReasonDiskAmbiguous = "DiskAmbiguous"
	// ReasonDiskBusy: something else holds the disk.
	ReasonDiskBusy = "DiskBusy"
	// ReasonDiskChanged: the disk is not as it was when it was judged.
	ReasonDiskChanged = "DiskChanged"
	// ReasonForeignOSD: the disk holds another OSD.
	ReasonForeignOSD = "ForeignOSD"
	// ReasonLabelBroken: the label on the disk cannot be trusted.
	ReasonLabelBroken = "LabelBroken"
	// ReasonDiskUnreadable: the disk could not be read.
	ReasonDiskUnreadable = "DiskUnreadable"
	// ReasonDirectoryInUse: a directory of a deleted cluster on a node is still mounted, or a mon has it.
	ReasonDirectoryInUse = "DirectoryInUse"
)

// terminationLimit is how much of a termination message Kubernetes keeps, in bytes.
// See https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/.
const terminationLimit = 4096

// textLimit is the longest message and remedy of a Refusal, in characters.
const textLimit = 1024

// TerminationMessage encodes a refusal as a container's termination message. What is too long is cut, so that the rest
// can still be decoded.
func TerminationMessage(r v1alpha1.Refusal) string {
	limit := textLimit
	for {
		text, _ := json.Marshal(v1alpha1.Refusal{ // strings only: it cannot fail
			Reason: cut(r.Reason, limit), Message: cut(r.Message, limit), Remedy: cut(r.Remedy, limit),
		})
		if len(text) <= terminationLimit {
			return string(text)
		}
		limit /= 2
	}
}

func cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// DecodeTermination reads a container's termination message; false when it is no refusal.
func DecodeTermination(message string) (v1alpha1.Refusal, bool) {
	var r v1alpha1.Refusal
	if len(message) > terminationLimit || decodeStrictly([]byte(message), &r) != nil || r.Reason == "" || r.Message == "" {
		return v1alpha1.Refusal{}, false
	}
	return r, true
}
