package ceph

import "strings"

// Keys of the metadata of an image that is a volume or a snapshot of one. They are the only record of it: there is no
// second one that could disagree.
const (
	// ImageKeyVolume says what CSI needs to know, as JSON. An image of ours without it is a creation to resume.
	ImageKeyVolume = "seamount.volume"
	// ImageKeyOrigin says of what an image is a clone, from its first moment on: it shows whose a clone without a record is.
	ImageKeyOrigin = "seamount.origin"
	// ImageKeyDeleting marks an image that was deleted and waits in the trash for the last that reads from it.
	ImageKeyDeleting = "seamount.deleting"
	// ImageKeyGeneration counts who took the image for writing. It is read and written under the exclusive lock alone, so
	// that a writer who lost the lock meanwhile finds out before it writes again.
	ImageKeyGeneration = "seamount.generation"
	// ImageKeyFormatting marks an image on which a mkfs has begun and not ended, with the type of the filesystem.
	ImageKeyFormatting = "seamount.formatting"

	imageKeyClient   = "seamount.client."
	imageKeyAttached = "seamount.attached."
)

// ImageKeyAttached is where it is noted that a volume was attached to a node and not detached yet, with the way in which
// it may be used there.
func ImageKeyAttached(node string) string { return imageKeyAttached + node }

// ImageAttached returns the nodes that a volume is attached to, and how it may be used there.
func ImageAttached(metadata map[string]string) map[string]string {
	return keysAfter(metadata, imageKeyAttached)
}

// ImageKeyClient is where the address of a node's client is recorded before its first write, as AddBlocklist takes it.
func ImageKeyClient(node string) string { return imageKeyClient + node }

// ImageClients returns the recorded addresses by node.
func ImageClients(metadata map[string]string) map[string]string {
	return keysAfter(metadata, imageKeyClient)
}

func keysAfter(metadata map[string]string, prefix string) map[string]string {
	found := map[string]string{}
	for key, value := range metadata {
		if rest, is := strings.CutPrefix(key, prefix); is {
			found[rest] = value
		}
	}
	return found
}
