package plan

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// The oldest and the newest release of Ceph that the operator knows how to run.
const (
	oldestRelease = 18
	newestRelease = 20
)

// version is a release of Ceph with as many of its numbers as are known: 20.2.4, 20.2 or 20.
type version []int

func (v version) String() string {
	texts := make([]string, len(v))
	for i, n := range v {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ".")
}

// below says whether v is older than other, as far as both are known.
func (v version) below(other version) bool {
	n := min(len(v), len(other))
	return slices.Compare(v[:n], other[:n]) < 0
}

var versionPattern = regexp.MustCompile(`^v?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:\.([0-9]{1,4}))?(?:[-_.][A-Za-z0-9_.-]*)?$`)

// parseVersion reads a version as Ceph or a tag writes it; nil when it is none.
func parseVersion(text string) version {
	match := versionPattern.FindStringSubmatch(text)
	if match == nil {
		return nil
	}
	var v version
	for _, part := range match[1:] {
		if part == "" {
			break
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		v = append(v, n)
	}
	return v
}

// imageVersion reads the version from an image's tag; nil when it has none that is a version, as with a digest.
func imageVersion(image string) version {
	name, _, _ := strings.Cut(image, "@")
	name = name[strings.LastIndex(name, "/")+1:]
	_, tag, found := strings.Cut(name, ":")
	if !found {
		return nil
	}
	return parseVersion(tag)
}

// ReleaseOf returns the release (20 of v20.2.4) that an image's tag names; 0 when it names none.
func ReleaseOf(image string) int {
	if v := imageVersion(image); v != nil {
		return v[0]
	}
	return 0
}

// imageChoice is which image daemons run.
type imageChoice struct {
	wanted string
	// held is why daemons stay on the image that they have; nil: they do not.
	held *v1alpha1.Refusal
	// newcomers get this image.
	newcomers string
}

// chooseImage decides whether spec.ceph.image may be rolled out. A build of the release that runs may, through the gate
// of every change. Another release needs an upgrade, and what is not known to be the same release is another.
func chooseImage(in Observed, snapshot *ceph.Snapshot) imageChoice {
	choice := imageChoice{wanted: in.Spec.Image, newcomers: in.Spec.Image}
	current := currentImages(in.Deployed)
	if len(current) == 1 && current[0] == choice.wanted {
		return choice
	}
	choice.held = judgeImage(in, snapshot, len(current) > 0)
	if choice.held != nil && len(current) > 0 {
		choice.newcomers = current[0]
	}
	return choice
}

// of returns the image of a daemon.
func (c imageChoice) of(d *Deployed) string {
	switch {
	case d == nil:
		return c.newcomers
	case c.held != nil && d.Template[partImage] != "":
		return d.Template[partImage]
	}
	return c.wanted
}

// currentImages lists the images that daemons have, the most frequent first.
func currentImages(deployed []Deployed) []string {
	counts := map[string]int{}
	for _, d := range deployed {
		if image := d.Template[partImage]; image != "" {
			counts[image]++
		}
	}
	images := slices.Collect(maps.Keys(counts))
	slices.SortFunc(images, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return images
}

func judgeImage(in Observed, snapshot *ceph.Snapshot, exists bool) *v1alpha1.Refusal {
	wanted, running := imageVersion(in.Spec.Image), runningVersion(in, snapshot)
	hold := func(reason, remedy, format string, args ...any) *v1alpha1.Refusal {
		return &v1alpha1.Refusal{Reason: reason, Message: fmt.Sprintf(format, args...), Remedy: remedy}
	}
	switch {
	case wanted != nil && (wanted[0] < oldestRelease || wanted[0] > newestRelease):
		return hold(v1alpha1.ReasonUnsupportedRelease, fmt.Sprintf("set spec.ceph.image to a release from %d to %d", oldestRelease, newestRelease),
			"%s is Ceph %d, which this version of Seamount does not know", in.Spec.Image, wanted[0])
	case !exists:
		return nil
	case in.Spec.Pause == v1alpha1.PauseUpgrades:
		return hold(v1alpha1.ReasonUpgradesPaused, "set spec.pause to None", "daemons stay on their image: spec.pause is Upgrades")
	case running == nil && !in.Mons.QuorumRecorded:
		return nil
	case wanted == nil:
		return hold(v1alpha1.ReasonUpgradeBlocked, "name the image by the tag of a release, such as quay.io/ceph/ceph:v20.2.4",
			"%s does not say which release it is, and a new release is held in this version of Seamount", in.Spec.Image)
	case running == nil:
		return hold(v1alpha1.ReasonUpgradeBlocked, "wait until Ceph answers", "it is not known which release runs")
	case wanted.below(running):
		return hold(v1alpha1.ReasonDowngradeRefused, "set spec.ceph.image to "+running.String()+" or later",
			"Ceph %s runs, and %s is older: daemons cannot read what a newer one wrote", running, in.Spec.Image)
	case wanted[0] != running[0]:
		return hold(v1alpha1.ReasonUpgradeBlocked, fmt.Sprintf("set spec.ceph.image to a build of Ceph %d", running[0]),
			"Ceph %s runs, and %s is another release: upgrades are not available in this release of Seamount", running, in.Spec.Image)
	}
	return nil
}

// runningVersion returns the newest version that is known to run; nil: none is known.
func runningVersion(in Observed, snapshot *ceph.Snapshot) version {
	var newest version
	consider := func(v version) {
		if v != nil && (newest == nil || newest.below(v)) {
			newest = v
		}
	}
	if snapshot != nil {
		for _, v := range snapshot.Versions {
			consider(parseVersion(v.Version))
		}
	}
	for _, onlyRunning := range []bool{true, false} {
		for _, d := range in.Deployed {
			if newest == nil && (d.Running || !onlyRunning && in.Mons.QuorumRecorded) {
				consider(imageVersion(d.Template[partImage]))
			}
		}
	}
	return newest
}
