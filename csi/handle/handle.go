// Package handle names volumes and snapshots: the identifiers that CSI hands around, and the images and subvolumes of Ceph that
// follow from the names of requests. It is pure: it asks nobody and keeps nothing.
package handle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Handle identifies a volume or a snapshot by logical names, never by numbers of Ceph, so that it also holds in a
// cluster that was mirrored or rebuilt. It names an image, or a subvolume of a filesystem.
type Handle struct {
	// Namespace and Cluster are the StorageCluster's.
	Namespace, Cluster string
	// Pool of Ceph with the image's header, and the image. Empty for a subvolume.
	Pool, Image string
	// Filesystem, the subvolume group in it, and the subvolume. Empty for an image.
	Filesystem, Group, Subvolume string
}

// maxLength is that of an identifier in the CSI specification.
const maxLength = 128

// ErrInvalid says that an identifier is none of Seamount's.
var ErrInvalid = errors.New("not an identifier of Seamount, which looks like namespace/cluster/pool/image or " +
	"namespace/cluster/filesystem/group/subvolume")

// File says whether it names a subvolume.
func (h Handle) File() bool { return h.Filesystem != "" }

// Name is that of the image or the subvolume.
func (h Handle) Name() string {
	if h.File() {
		return h.Subvolume
	}
	return h.Image
}

// With is the handle of another image or subvolume in the same place.
func (h Handle) With(name string) Handle {
	if h.File() {
		h.Subvolume = name
	} else {
		h.Image = name
	}
	return h
}

// Place is where the image or the subvolume is: namespace/cluster/pool, or namespace/cluster/filesystem/group.
func (h Handle) Place() string {
	return strings.TrimSuffix(h.With("").String(), "/")
}

// String returns namespace/cluster/pool/image, or namespace/cluster/filesystem/group/subvolume.
func (h Handle) String() string {
	parts := []string{h.Namespace, h.Cluster, h.Pool, h.Image}
	if h.File() {
		parts = []string{h.Namespace, h.Cluster, h.Filesystem, h.Group, h.Subvolume}
	}
	return strings.Join(parts, "/")
}

// Check refuses a handle that CSI would not carry.
func (h Handle) Check() error {
	if id := h.String(); len(id) > maxLength {
		return fmt.Errorf("the identifier %s has %d bytes and CSI carries %d: use shorter names for namespace, cluster, pool, "+
			"filesystem or StorageClass", id, len(id), maxLength)
	}
	return nil
}

// Parse reads what String wrote.
func Parse(id string) (Handle, error) {
	parts := strings.Split(id, "/")
	if slices.ContainsFunc(parts, func(p string) bool { return p == "" || strings.ContainsAny(p, "@\x00") }) {
		return Handle{}, fmt.Errorf("%q: %w", id, ErrInvalid)
	}
	switch len(parts) {
	case 4:
		return Handle{Namespace: parts[0], Cluster: parts[1], Pool: parts[2], Image: parts[3]}, nil
	case 5:
		return Handle{Namespace: parts[0], Cluster: parts[1], Filesystem: parts[2], Group: parts[3], Subvolume: parts[4]}, nil
	}
	return Handle{}, fmt.Errorf("%q: %w", id, ErrInvalid)
}

// plain are the names that the provisioner and the snapshotter of Kubernetes give, and which an image keeps.
var plain = regexp.MustCompile(`^(pvc|snapshot)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ImageOf returns the image that a request of this name makes: the name itself where Kubernetes made it, and otherwise
// a hash of it, since a request's name may hold any character.
func ImageOf(request string) string {
	if plain.MatchString(request) {
		return request
	}
	sum := sha256.Sum256([]byte(request))
	return "csi-" + hex.EncodeToString(sum[:16])
}

// ours are the names that ImageOf returns.
var ours = regexp.MustCompile(`^((pvc|snapshot)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|csi-[0-9a-f]{32})$`)

// Named tells whether an image has a name that ImageOf gives.
func Named(image string) bool { return ours.MatchString(image) }
