package content

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"
	"github.com/siderolabs/go-blockdevice/v2/blkid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// find looks for the signatures of our own table, each of them once.
func find(d *device) ([]disk.Signature, error) {
	edges, err := readEdges(d)
	if err != nil {
		return nil, err
	}
	var found []disk.Signature
	seen := map[string]bool{}
	for _, s := range signatures() {
		offset, err := edges.locate(s)
		if err != nil {
			return found, err
		}
		if offset < 0 || seen[s.name] {
			continue
		}
		seen[s.name] = true
		found = append(found, disk.Signature{
			Source: disk.SourceBlockdevice, Device: d.name, Kind: s.kind, Type: s.name, Offset: offset,
		})
	}
	return found, nil
}

// Signatures reads from an open disk what the reader SourceBlockdevice recognises on it as a whole, not in its partitions. The file is
// left open, and is not one with O_DIRECT.
func Signatures(file *os.File, name string) ([]disk.Signature, error) {
	d := &device{file: file, path: file.Name(), name: name}
	if err := d.measure(); err != nil {
		return nil, err
	}
	d.dropCache()
	own, err := find(d)
	library, failed := probe(d, len(own) > 0)
	return merge(own, library), errors.Join(err, failed)
}

// edges are the first and the last MiB, where most signatures lie, so that they are read once.
type edges struct {
	device     *device
	head, tail []byte
}

func readEdges(d *device) (*edges, error) {
	length := min(int64(edge), d.size)
	e := &edges{d, make([]byte, length), make([]byte, length)}
	if err := d.readFull(e.head, 0); err != nil {
		return nil, err
	}
	return e, d.readFull(e.tail, d.size-length)
}

// locate returns the first place of a signature, -1 for none.
func (e *edges) locate(s entry) (int64, error) {
	for _, place := range s.places {
		offset := place(e.device.size)
		if offset < 0 || offset+int64(len(s.value)) > e.device.size {
			continue
		}
		got, err := e.read(offset, len(s.value))
		if err != nil {
			return -1, err
		}
		if bytes.Equal(got, []byte(s.value)) {
			return offset, nil
		}
	}
	return -1, nil
}

func (e *edges) read(offset int64, length int) ([]byte, error) {
	if offset+int64(length) <= int64(len(e.head)) {
		return e.head[offset:][:length], nil
	}
	if inTail := offset - (e.device.size - int64(len(e.tail))); inTail >= 0 {
		return e.tail[inTail:][:length], nil
	}
	got := make([]byte, length)
	return got, e.device.readFull(got, offset)
}

// probe asks the library. Its errors do not matter where our own table found something: the device is not empty then,
// and the library gives up on partition tables with odd entries, and on devices that are too small for it.
func probe(d *device, found bool) ([]disk.Signature, error) {
	if d.size < blkid.MinProbeSize {
		return nil, nil
	}
	info, err := blkid.ProbePath(d.path, blkid.WithSkipLocking(true))
	switch {
	case err != nil && found:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: look for signatures: %w", d.name, err)
	case info.Name == "":
		return nil, nil
	}
	return []disk.Signature{fromLibrary(d, info)}, nil
}

func fromLibrary(d *device, info *blkid.Info) disk.Signature {
	s := disk.Signature{Source: disk.SourceBlockdevice, Device: d.name, Offset: -1, UUID: text(info.UUID)}
	s.Kind, s.Type = libraryType(info.Name)
	if info.Label != nil {
		s.Label = *info.Label
	}
	if len(info.SignatureRanges) > 0 {
		s.Offset = int64(info.SignatureRanges[0].Offset)
	}
	return s
}

func text(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

// libraryType puts the library's names into those of the API and of blkid.
func libraryType(name string) (v1alpha1.ContentKind, string) {
	switch name {
	case "gpt":
		return v1alpha1.ContentPartitionTable, "gpt"
	case "luks":
		return v1alpha1.ContentEncrypted, "crypto_LUKS"
	case "lvm2-pv":
		return v1alpha1.ContentVolumeManager, "LVM2_member"
	case "zfs":
		return v1alpha1.ContentVolumeManager, "zfs_member"
	case "bluestore":
		return v1alpha1.ContentBlueStore, "ceph_bluestore"
	case "swap":
		return v1alpha1.ContentSwap, "swap"
	}
	return v1alpha1.ContentFilesystem, name
}
