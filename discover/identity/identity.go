// Package identity says what a disk is known by: a name that stays when the disk gets another kernel name, moves to
// another slot or node, or is written or wiped by Seamount. It is pure.
package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// maxNode bounds the part of a name that is the node's. Kubernetes names have at most 253 characters.
const maxNode, maxValue = 200, 253

// Of returns the name of the disk's StorageDisk and the identity that it stands for. Disks that hardware gives no
// identity are known by where they are on node: a partition table is only asked when even that is not known, because it
// is written when a disk is prepared, goes when it is wiped, and is the same on every machine that was cloned from one image.
//
// The name is empty where hardware could not be asked: a weaker identity would be another disk's object.
func Of(d disk.Disk, node string) (string, v1alpha1.DiskIdentity) {
	h := d.Hardware
	switch {
	case d.Kind == disk.KindLoop && lacks(d, FactBackingFile):
		return "", v1alpha1.DiskIdentity{}
	case d.Kind == disk.KindLoop:
		return local("loop", node, v1alpha1.IdentityBackingFile, strings.TrimSuffix(d.BackingFile, " (deleted)"))
	case meaningful(h.WWN):
		return "wwn-" + clean(h.WWN), of(v1alpha1.IdentityWWN, h.WWN)
	case lacks(d, FactWWN):
		return "", v1alpha1.DiskIdentity{}
	case meaningful(h.EUI):
		return "eui-" + clean(h.EUI), of(v1alpha1.IdentityEUI, h.EUI)
	case lacks(d, FactEUI):
		return "", v1alpha1.DiskIdentity{}
	case meaningful(h.Serial):
		return "sn-" + clean(join(model(h), h.Serial)), of(v1alpha1.IdentitySerial, h.Serial)
	case lacks(d, FactSerial):
		return "", v1alpha1.DiskIdentity{}
	}
	return place(d, node)
}

// place is the identity of a disk that hardware gives none. Only devices that exist by their name alone are known by it.
func place(d disk.Disk, node string) (string, v1alpha1.DiskIdentity) {
	table := d.Hardware.PartitionTableID
	switch {
	case lacks(d, FactLocation):
		return "", v1alpha1.DiskIdentity{}
	case d.Hardware.Slot != "":
		return local("path", node, v1alpha1.IdentityLocation, d.Hardware.Slot)
	case table != "":
		return "ptuuid-" + clean(table), of(v1alpha1.IdentityPartitionTable, table)
	case d.Kind == disk.KindPlain || d.Kind == disk.KindMultipath: // whose kernel names move
		return "", v1alpha1.DiskIdentity{}
	}
	return local("path", node, v1alpha1.IdentityLocation, "virtual-"+d.Name)
}

// Facts that a disk is identified by, as Problems name them.
const (
	FactWWN         = "WWN"
	FactEUI         = "EUI"
	FactSerial      = "serial"
	FactLocation    = "location"
	FactBackingFile = "backing file"
)

func lacks(d disk.Disk, fact string) bool {
	return slices.ContainsFunc(d.Problems, func(p disk.Problem) bool { return p.Fact == fact })
}

func of(source v1alpha1.IdentitySource, value string) v1alpha1.DiskIdentity {
	if len(value) > maxValue {
		value = "sha256:" + hash(value, sha256.Size)
	}
	return v1alpha1.DiskIdentity{Source: source, Value: value}
}

// local is the name of what is only known on its node.
func local(prefix, node string, source v1alpha1.IdentitySource, value string) (string, v1alpha1.DiskIdentity) {
	const bytes = 6
	return join(prefix, cut(node, maxNode), hash(value, bytes)), of(source, value)
}

// meaningful says whether an identifier tells one device from another: some have nothing but zeros, or any other one
// character, where their maker forgot to number them.
func meaningful(id string) bool {
	const few = 4
	return strings.Trim(id, " 0") != "" && (len(id) < few || strings.Trim(id, id[:1]) != "")
}

// model is a word for disks whose maker gives none, as virtio's.
func model(h disk.Hardware) string {
	if h.Model == "" {
		return string(h.Transport)
	}
	return h.Model
}

// join leaves out what is empty.
func join(parts ...string) string {
	var present []string
	for _, part := range parts {
		if part != "" {
			present = append(present, part)
		}
	}
	return strings.Join(present, "-")
}

var refused = regexp.MustCompile(`[^a-z0-9]*[^a-z0-9.-][^a-z0-9]*|[.-]{2,}`)

// clean makes a part of a Kubernetes name. Where characters are lost a hash keeps apart what they told apart; upper and
// lower case never tell two disks apart.
func clean(id string) string {
	const most, bytes = 180, 4
	lower := strings.ToLower(id)
	name := cut(refused.ReplaceAllString(lower, "-"), most)
	if name == lower {
		return name
	}
	return join(name, hash(lower, bytes))
}

// cut shortens a name such that something can be added to it.
func cut(name string, most int) string {
	return strings.Trim(name[:min(len(name), most)], ".-")
}

func hash(text string, bytes int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:bytes])
}
