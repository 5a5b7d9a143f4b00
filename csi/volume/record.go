// Package volume is what an image or a subvolume says of itself when it is a volume or a snapshot: one JSON document in its
// metadata, written when all else is done. It is the only record there is. The package is pure.
package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/seamount-dev/seamount/ceph"
)

// Kind of an image or a subvolume.
type Kind string

// What an image can be.
const (
	Volume   Kind = "Volume"
	Snapshot Kind = "Snapshot"
)

// Record is the document.
type Record struct {
	Kind Kind `json:"kind"`
	// Image is the name of the image or subvolume itself. A clone begins with its parent's record: by this it is known to be none of its own.
	Image string `json:"image"`
	// Request is the name that CSI asked for.
	Request string `json:"request"`
	// Source is the identifier of the volume or the snapshot that the image was made from; empty: it was made empty.
	Source string `json:"source,omitempty"`
	// Taken is when the content of a snapshot was taken.
	Taken time.Time `json:"taken,omitzero"`
	// Mapper that a volume is bound to.
	Mapper string `json:"mapper,omitempty"`
	// Mounter that a file volume is bound to.
	Mounter string `json:"mounter,omitempty"`
	// Base is the snapshot in Ceph with the content of a snapshot of a file volume, as ceph.SubvolumeSnapshotRef prints it, or of
	// a volume that shows one; Path is where it is from the filesystem's root, and Size how large the volume was.
	Base string `json:"base,omitempty"`
	Path string `json:"path,omitempty"`
	Size int64  `json:"size,omitempty"`
	// Depth is how many images at most are read one after another to read this one.
	Depth int `json:"depth,omitempty"`
	// Claim is the PersistentVolumeClaim or the VolumeSnapshot that it was made for, as namespace/name. It is for eyes.
	Claim string `json:"claim,omitempty"`
}

// ErrNone says that an image has no record of its own: its creation was cut short, or it is somebody else's.
var ErrNone = errors.New("the image has no record of a volume")

// Encode returns the document, in characters that metadata of subvolumes can hold too: ASCII without percent signs.
func (r Record) Encode() (string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	var plain strings.Builder
	for _, char := range string(raw) {
		if char == '%' || char > '~' { // only within strings
			for _, unit := range utf16.Encode([]rune{char}) {
				fmt.Fprintf(&plain, `\u%04x`, unit)
			}
		} else {
			plain.WriteRune(char)
		}
	}
	return plain.String(), nil
}

// Of reads the record of an image of this name from its metadata.
func Of(image string, metadata map[string]string) (Record, error) {
	raw, found := metadata[ceph.ImageKeyVolume]
	if !found {
		return Record{}, fmt.Errorf("%s: %w", image, ErrNone)
	}
	var r Record
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		return Record{}, fmt.Errorf("the record of %s in its metadata %s: %w", image, ceph.ImageKeyVolume, err)
	}
	switch {
	case r.Image != image:
		return Record{}, fmt.Errorf("%s: %w", image, ErrNone)
	case r.Kind != Volume && r.Kind != Snapshot:
		return Record{}, fmt.Errorf("the record of %s is of kind %q, which this release does not know", image, r.Kind)
	}
	return r, nil
}
