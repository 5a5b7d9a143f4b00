// Package bluestore reads the labels by which Ceph's BlueStore marks a device as an OSD's. It takes bytes and gives
// facts. A label also holds the OSD's key: the parser steps over it, so that no struct, error or log ever carries it.
//
// The form is Ceph's bluestore_bdev_label_t (src/os/bluestore/bluestore_types.cc): two lines of text for people, the
// struct in Ceph's encoding, and a CRC-32C of both. It is the same in the releases 16 to 20; since 19.2 copies lie at
// fixed positions (bdev_label_positions), which a wipe of the beginning leaves behind.
package bluestore

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/discover/disk"
)

// LabelSize is how many bytes a label may take, wherever it lies.
const LabelSize = 4096

// magic is what the kernel's and util-linux' users know a label by. A newline and the UUID in words follow.
const magic = "bluestore block device"

// preamble is the length of the two lines of text: the magic and the UUID.
const preamble = len(magic) + 1 + 36 + 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Positions lists where a device of that size may have labels: at its beginning and, since Ceph 19.2, copies at 1, 10,
// 100 and 1000 GiB.
func Positions(size int64) []int64 {
	var positions []int64
	for _, gib := range []int64{0, 1, 10, 100, 1000} {
		if position := gib << 30; position+LabelSize <= size {
			positions = append(positions, position)
		}
	}
	return positions
}

// Deciding returns those of the labels of one device that say whose it is: the valid one at its beginning alone, else all
// other valid ones. Before Ceph 19.2 the places of the copies are data, in which somebody may write what looks like one.
func Deciding(labels []disk.Label) []disk.Label {
	var copies []disk.Label
	for _, label := range labels {
		switch {
		case label.Valid && label.Offset == 0:
			return []disk.Label{label}
		case label.Valid:
			copies = append(copies, label)
		}
	}
	return copies
}

// Read reads every label of a device, and names the device in it. A place that cannot be read is an error: it is not empty.
func Read(r io.ReaderAt, device string, size int64) ([]disk.Label, error) {
	var labels []disk.Label
	for _, position := range Positions(size) {
		block := make([]byte, LabelSize)
		if _, err := r.ReadAt(block, position); err != nil {
			return labels, fmt.Errorf("read label at %d: %w", position, err)
		}
		if label, found := Parse(block); found {
			label.Device, label.Offset = device, position
			labels = append(labels, label)
		}
	}
	return labels, nil
}

// Parse reads the label that a block begins with. It is false where none begins there; a label that is there but broken
// is a Label that is not Valid.
func Parse(block []byte) (disk.Label, bool) {
	label := disk.Label{OSDID: -1}
	if !bytes.HasPrefix(block, []byte(magic)) {
		return label, false
	}
	if len(block) < preamble {
		return label, true
	}
	d := &decoder{rest: block[preamble:]}
	d.label(&label)
	encoded := len(block) - len(d.rest)
	sum := d.uint32()
	label.Valid = !d.short && sum == ^crc32.Checksum(block[:encoded], castagnoli)
	return label, true
}

// label decodes the struct. All that later releases add to it lies behind what is read here, within its length.
func (d *decoder) label(label *disk.Label) {
	d.bytes(2) // versions of the encoding
	body := &decoder{rest: d.bytes(int(d.uint32())), short: d.short}
	if id, err := uuid.FromBytes(body.bytes(16)); err == nil {
		label.OSDUUID = id.String()
	}
	label.Size = int64(body.uint64())
	body.bytes(8) // time of birth
	label.Description = plain(body.string())
	for pairs := body.uint32(); pairs > 0 && !body.short; pairs-- {
		key, value := body.string(), body.string()
		take(label, key, value)
	}
	d.short = d.short || body.short
}

// take keeps the few values that are asked for. The others, and among them the key, stay where they are.
func take(label *disk.Label, key, value []byte) {
	switch string(key) {
	case "ceph_fsid":
		if id, err := uuid.ParseBytes(value); err == nil {
			label.FSID = id.String()
		}
	case "whoami":
		if id, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			label.OSDID = int(id)
		}
	case "ready":
		label.Ready = string(value) == "ready"
	}
}

// plain lets through the descriptions that Ceph writes, "main" and "bluefs db", and nothing that could be a key: in a
// broken label any bytes may stand in any place.
func plain(description []byte) string {
	text := string(description)
	if len(text) > 32 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz ") != "" {
		return ""
	}
	return text
}
