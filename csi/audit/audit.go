// Package audit compares the images and subvolumes of a cluster with the volumes and snapshots that Kubernetes knows. What has been in one and
// not in the other for a while is reported; what is provably ours and provably unused is removed. It decides on data that it is
// handed; an executor of its own reads and acts.
package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/csi/handle"
)

// Patience is how long something must be amiss before it is told or acted on: a creation or a deletion may be under way.
const Patience = 10 * time.Minute

// Reason says what is amiss.
type Reason string

// What can be amiss.
const (
	// Orphaned is an image that no PersistentVolume, claim or VolumeSnapshotContent belongs to.
	Orphaned Reason = "Orphaned"
	// Unfinished is an image of ours whose creation was cut short and that nobody asks for any more.
	Unfinished Reason = "Unfinished"
	// Headless is a name in the pool's directory without an image.
	Headless Reason = "Headless"
	// Missing is a PersistentVolume or VolumeSnapshotContent whose image does not exist.
	Missing Reason = "Missing"
)

// Known is what Kubernetes knows.
type Known struct {
	// Handles are the identifiers of PersistentVolumes and VolumeSnapshotContents of the driver, with the name of the object.
	Handles map[string]string
	// Requests are the names that claims and snapshots which may be under way ask for, such as pvc-<uid>.
	Requests map[string]bool
}

// Image is an image in a pool of ours, or a subvolume.
type Image struct {
	Handle handle.Handle
	// Looked says whether the rest was read: only of images that are amiss.
	Looked bool
	// Headless: there is no image behind the name.
	Headless bool
	// Recorded says whether it has a record of its own, Clone whether it reads from another image.
	Recorded, Clone bool
	// Begun says whether it was marked as ours before it had a record.
	Begun bool
	// Deleting says whether its deletion was asked for and not finished.
	Deleting bool
	// Bytes that it holds, Users that have it open, and Snapshots and Children that it has. Bytes is -1 when unknown.
	Bytes                      int64
	Users, Snapshots, Children int
	// Claim that it was made for, for eyes.
	Claim string
}

// Finding is something that is amiss.
type Finding struct {
	Reason Reason
	Handle handle.Handle
	// Remove says whether it is provably ours and unused.
	Remove bool
	// Message says what is amiss and what a person can do.
	Message string
	// Object is the PersistentVolume or VolumeSnapshotContent that lacks its image.
	Object string
}

// Key tells findings apart from one pass to the next.
func (f Finding) Key() string { return string(f.Reason) + " " + f.Handle.String() }

// Candidates are the images of which Kubernetes knows nothing.
func Candidates(images []Image, known Known) []Image {
	var found []Image
	for _, image := range images {
		_, has := known.Handles[image.Handle.String()]
		if !has && !known.Requests[image.Handle.Name()] && handle.Named(image.Handle.Name()) {
			found = append(found, image)
		}
	}
	return found
}

// Judge says what is amiss, sorted. Only clusters that were listed whole are judged.
func Judge(images []Image, known Known, listed map[string]bool) []Finding {
	var found []Finding
	for _, image := range Candidates(images, known) {
		if image.Looked {
			found = append(found, judge(image))
		}
	}
	there := map[string]bool{}
	for _, image := range images {
		there[image.Handle.String()] = true
	}
	for _, id := range slices.Sorted(maps.Keys(known.Handles)) {
		h, err := handle.Parse(id)
		if err == nil && !there[id] && listed[h.Place()] {
			found = append(found, Finding{
				Reason: Missing, Handle: h, Object: known.Handles[id],
				Message: fmt.Sprintf("%s has no %s %s: its data is gone, or the %[2]s was renamed; restore it from a backup, or delete the object", known.Handles[id], noun(h), where(h)),
			})
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Key(), b.Key()) })
	return found
}

// judge looks at an image of which Kubernetes knows nothing.
func judge(image Image) Finding {
	f := Finding{Reason: Orphaned, Handle: image.Handle}
	where := where(image.Handle)
	switch {
	case image.Headless:
		f.Reason, f.Remove = Headless, true
		f.Message = fmt.Sprintf("the name %s has no image behind it: what is left of a creation or a deletion that was cut short is cleared away", where)
		return f
	case !image.Recorded:
		f.Reason = Unfinished
	}
	why := keptBecause(image)
	f.Remove = why == ""
	if f.Remove {
		f.Message = fmt.Sprintf("%s %s was made by this driver%s, nothing in Kubernetes belongs to it, and it was never written to: it is removed", noun(image.Handle), where, madeFor(image))
		return f
	}
	f.Message = fmt.Sprintf("%s %s%s belongs to nothing in Kubernetes. It is kept, because %s. If nobody needs it: %s; else make a PersistentVolume for %s",
		noun(image.Handle), where, madeFor(image), why, removal(image.Handle), image.Handle)
	return f
}

func noun(h handle.Handle) string {
	if h.File() {
		return "subvolume"
	}
	return "image"
}

func where(h handle.Handle) string {
	if h.File() {
		return strings.Join([]string{h.Filesystem, h.Group, h.Subvolume}, "/")
	}
	return h.Pool + "/" + h.Image
}

// removal is what a person can do to be rid of it.
func removal(h handle.Handle) string {
	if h.File() {
		return fmt.Sprintf("ceph fs subvolume rm %s %s --group_name %s", h.Filesystem, h.Subvolume, h.Group)
	}
	return "rbd trash mv " + where(h)
}

func madeFor(image Image) string {
	if image.Claim == "" {
		return ""
	}
	return " (made for " + image.Claim + ")"
}

// keptBecause says why an image may not be removed; empty: it is provably ours and unused. A volume that was kept on purpose
// (reclaimPolicy Retain) looks like one that was forgotten, unless it never held anything.
func keptBecause(image Image) string {
	var why []string
	add := func(is bool, format string, args ...any) {
		if is {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	add(image.Users > 0, "%d clients have it open", image.Users)
	if image.Deleting {
		return strings.Join(why, ", ")
	}
	add(!image.Recorded && !image.Begun && image.Clone, "it is a clone that nothing shows to be ours")
	add(!image.Recorded && !image.Begun && !image.Clone && image.Handle.File(), "nothing shows it to be ours")
	add(image.Bytes > 0, "it holds data")
	add(image.Bytes < 0, "what it holds could not be read")
	add(image.Recorded && image.Clone, "it holds the data of what it was made from")
	add(image.Snapshots > 0, "it has %d snapshots", image.Snapshots)
	add(image.Children > 0, "%d images read from it", image.Children)
	return strings.Join(why, ", ")
}
