// Package attachment is what the CSI controller tells a node of a volume that it attaches: how to reach the cluster, as
// which user, and that user's key, which only this node can read. CSI carries it as the publish context, and Kubernetes
// keeps that in the VolumeAttachment, for everybody to see who may read those.
package attachment

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Attachment is a node's way to a cluster.
type Attachment struct {
	FSID string
	// Mons are addresses as mon_host takes them.
	Mons []string
	// Entity is the node's own user of Ceph, with "client." before its name.
	Entity string
	// SealedKey is the user's key, sealed to the node's public key (package agent/nodekey).
	SealedKey []byte
	// Filesystem, and Path of the subvolume, or of a snapshot of it, from that filesystem's root. Empty for an image.
	Filesystem, Path string
}

// Keys of the publish context.
const (
	keyFSID   = "fsid"
	keyMons   = "mons"
	keyEntity = "entity"
	keySealed = "sealedKey"

	keyFilesystem = "filesystem"
	keyPath       = "path"
)

// Context returns the publish context.
func (a Attachment) Context() map[string]string {
	context := map[string]string{
		keyFSID:   a.FSID,
		keyMons:   strings.Join(a.Mons, ","),
		keyEntity: a.Entity,
		keySealed: base64.StdEncoding.EncodeToString(a.SealedKey),
	}
	if a.Filesystem != "" {
		context[keyFilesystem], context[keyPath] = a.Filesystem, a.Path
	}
	return context
}

// Parse reads a publish context.
func Parse(context map[string]string) (Attachment, error) {
	for _, key := range []string{keyFSID, keyMons, keyEntity, keySealed} {
		if context[key] == "" {
			return Attachment{}, fmt.Errorf("the publish context has no %s: the volume was not attached by this driver's controller", key)
		}
	}
	sealed, err := base64.StdEncoding.DecodeString(context[keySealed])
	if err != nil {
		return Attachment{}, fmt.Errorf("the publish context's %s: %w", keySealed, err)
	}
	return Attachment{
		FSID: context[keyFSID], Mons: splitMons(context[keyMons]), Entity: context[keyEntity], SealedKey: sealed,
		Filesystem: context[keyFilesystem], Path: context[keyPath],
	}, nil
}

// splitMons divides at the commas between mons: those inside of brackets divide the addresses of one mon.
func splitMons(joined string) []string {
	var mons []string
	depth, start := 0, 0
	for i, r := range joined {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == ',' && depth == 0:
			mons = append(mons, joined[start:i])
			start = i + 1
		}
	}
	return append(mons, joined[start:])
}
