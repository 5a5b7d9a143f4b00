// Package images holds the definitions of Seamount's container images. The
// program cmd/seamount-images builds them; README.md tells what each is for.
package images

import "embed"

// Definitions has one folder an image.
//
//go:embed ceph-18 ceph-20 pause seamount seamount-node workload
var Definitions embed.FS

// Builder is the source of what builds the images. It is part of what an image
// is keyed by, so that a change of the builder never meets an old image.
//
//go:embed builder/*.go debian/*.go definition/*.go oci/*.go rootfs/*.go
var Builder embed.FS
