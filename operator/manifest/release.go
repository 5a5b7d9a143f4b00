package manifest

import (
	"regexp"
	"strconv"
)

// releaseTag is a tag such as v20.2.4, 20.2, v20 or v20.2.4-20260101.
var releaseTag = regexp.MustCompile(`^v?([1-9][0-9])(\.[0-9]+)*([-_+].*)?$`)

// imageTag finds the tag of an image's name: behind the last colon, where that is no port of a registry.
var imageTag = regexp.MustCompile(`:([^:/@]+)(@.*)?$`)

// Release returns the major release of Ceph that an image's tag names; 0 where it names none.
func Release(image string) int {
	tag := imageTag.FindStringSubmatch(image)
	if tag == nil {
		return 0
	}
	found := releaseTag.FindStringSubmatch(tag[1])
	if found == nil {
		return 0
	}
	release, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return release
}
