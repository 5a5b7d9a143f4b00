// Package uninstall decides whether Seamount may be taken out of a Kubernetes: not while data depends on it. It decides on what
// it is told, and reads nothing itself.
package uninstall

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// driverSuffix ends the names of all of Seamount's CSI drivers.
const driverSuffix = ".csi.seamount.dev"

// Ours tells whether a CSI driver is one of Seamount's.
func Ours(driver string) bool { return strings.HasSuffix(driver, driverSuffix) }

// Found is what was found in a Kubernetes. Of volumes and snapshots it has those of Seamount's drivers only.
type Found struct {
	// Clusters are StorageClusters, as namespace/name.
	Clusters []string
	// Volumes are PersistentVolumes with their claims.
	Volumes []string
	// Snapshots are VolumeSnapshotContents with their VolumeSnapshots.
	Snapshots []string
}

// AddVolume adds a PersistentVolume, if it is of one of Seamount's drivers.
func (f *Found) AddVolume(volume *corev1.PersistentVolume) {
	if volume.Spec.CSI == nil || !Ours(volume.Spec.CSI.Driver) {
		return
	}
	claim := "without a claim"
	if ref := volume.Spec.ClaimRef; ref != nil {
		claim = "claim " + ref.Namespace + "/" + ref.Name
	}
	f.Volumes = append(f.Volumes, fmt.Sprintf("%s (%s)", volume.Name, claim))
}

// AddSnapshot adds a VolumeSnapshotContent, if it is of one of Seamount's drivers.
func (f *Found) AddSnapshot(content, driver, namespace, name string) {
	if Ours(driver) {
		f.Snapshots = append(f.Snapshots, fmt.Sprintf("%s (snapshot %s/%s)", content, namespace, name))
	}
}

const (
	why = `Without Seamount nobody repairs a cluster, and no volume can be attached, mounted or deleted.`
	// instead is what to do, in the order in which it works.
	instead = `What to do:
 1. Move away or give up the data: delete the VolumeSnapshots and PersistentVolumeClaims. A PersistentVolume with
    reclaim policy Retain stays after its claim: delete it too, once nobody needs its image.
 2. Delete the StoragePools and StorageFilesystems, then the StorageClusters. With deletionPolicy Retain the disks and
    the keys stay, and the same StorageCluster brings everything back.
 3. Uninstall again.
"helm uninstall --no-hooks" leaves out this check; docs/install.md says what that costs.`
)

// Check returns nil if nothing depends on Seamount, and otherwise an error that names it and says what to do.
func (f Found) Check() error {
	var lines []string
	for _, kind := range []struct {
		one, many string
		names     []string
	}{
		{"StorageCluster", "StorageClusters", f.Clusters},
		{"volume", "volumes", f.Volumes},
		{"snapshot", "snapshots", f.Snapshots},
	} {
		switch n := len(kind.names); n {
		case 0:
		case 1:
			lines = append(lines, " - 1 "+kind.one+": "+kind.names[0])
		default:
			lines = append(lines, fmt.Sprintf(" - %d %s: %s", n, kind.many, first(kind.names)))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New("not uninstalled, and nothing was changed: there is data that depends on Seamount.\n" +
		strings.Join(lines, "\n") + "\n" + why + "\n" + instead)
}

// first writes the first few names, in order.
func first(names []string) string {
	const few = 5
	names = slices.Sorted(slices.Values(names))
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
