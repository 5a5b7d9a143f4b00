package handover

import "github.com/seamount-dev/seamount/api/v1alpha1"

// ExitRefused is the exit code of a program that refuses to start its daemon, with a Refusal as its termination
// message. Trying again changes nothing until the cause is gone.
const ExitRefused = 64

// Reasons of programs in Ceph's pods for refusing.
const (
	// ReasonStoreMissing: the store of a mon is gone, and may not be made anew.
	ReasonStoreMissing = "StoreMissing"
	// ReasonDiskMissing: no device of the node has the identity that the OSD's disk is known by.
	ReasonDiskMissing = "DiskMissing"
	// ReasonDiskAmbiguous: several devices of the node have that identity.
	ReasonDiskAmbiguous = "DiskAmbiguous"
	// ReasonDiskChanged: the disk is not as it was when it was judged.
	ReasonDiskChanged = "DiskChanged"
	// ReasonForeignOSD: the disk holds another OSD.
	ReasonForeignOSD = "ForeignOSD"
	// ReasonDiskUnreadable: the label of the disk could not be read.
	ReasonDiskUnreadable = "DiskUnreadable"
)

// TerminationMessage encodes a refusal as a container's termination message.
func TerminationMessage(r v1alpha1.Refusal) string { return "" }

// DecodeTermination reads a container's termination message; false when it is not a refusal.
func DecodeTermination(message string) (v1alpha1.Refusal, bool) { return v1alpha1.Refusal{}, false }
