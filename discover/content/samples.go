package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"slices"

	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/disk"
)

const (
	edge       = 1 << 20  // read whole at the beginning and at the end
	strata     = 512      // equal parts of the disk, each with one sample
	sampleSize = 16 << 10 // of a part, and of a place where copies of metadata lie
	wholeSize  = 16 << 20 // a disk of up to that size is read whole
)

// landmarks are where copies of metadata lie that wiping both ends leaves behind: btrfs at 64 MiB and 256 GiB, ext4 in
// the block groups 1 and 3 (128 and 384 MiB with blocks of 4 KiB), VMFS just behind 1 MiB.
var landmarks = []int64{1 << 20, 64 << 20, 128 << 20, 384 << 20, 256 << 30}

// Extent is a part of a disk.
type Extent struct{ Offset, Length int64 }

func (e Extent) end() int64 { return e.Offset + e.Length }

// Extents lists what is sampled of a disk of that size, in order and without overlap. It is a function of the size alone.
func Extents(size int64) []Extent {
	if size <= wholeSize {
		return whole(size)
	}
	extents := Ends(size)
	for _, offset := range slices.Concat(landmarks, bluestore.Positions(size), scattered(size)) {
		if offset < size {
			extents = append(extents, Extent{offset, min(sampleSize, size-offset)})
		}
	}
	return United(extents)
}

// Traces lists all that must be zero for a disk of that size to be found empty: what is sampled, and every place of a
// signature. It is a function of the size alone, in order and without overlap.
func Traces(size int64) []Extent {
	extents := Extents(size)
	for _, s := range signatures() {
		for _, place := range s.places {
			offset := place(size) &^ (alignment - 1)
			if offset >= 0 && offset < size {
				extents = append(extents, Extent{offset, min(sampleSize, size-offset)})
			}
		}
	}
	return United(extents)
}

// whole cuts a small disk into extents of an edge's length.
func whole(size int64) []Extent {
	var extents []Extent
	for offset := int64(0); offset < size; offset += edge {
		extents = append(extents, Extent{offset, min(edge, size-offset)})
	}
	return extents
}

// Ends are the first and the last MiB: all that is sampled of a disk with a signature.
func Ends(size int64) []Extent {
	if size <= 2*edge {
		return whole(size)
	}
	return []Extent{{0, edge}, {size - edge, edge}}
}

// scattered picks one place in each of the equal parts of a disk. The places come from a hash of size and part, so that
// they hit no pattern of a filesystem, and are the same each time.
func scattered(size int64) []int64 {
	places := make([]int64, strata)
	part := size / strata
	for i := range places {
		seed := binary.LittleEndian.AppendUint64(nil, uint64(size))
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(seed, uint64(i)))
		within := binary.LittleEndian.Uint64(sum[:]) % uint64(part-sampleSize)
		places[i] = (int64(i)*part + int64(within)) &^ (alignment - 1)
	}
	return places
}

// United sorts extents and joins those that touch.
func United(extents []Extent) []Extent {
	slices.SortFunc(extents, func(a, b Extent) int {
		if a.Offset < b.Offset {
			return -1
		}
		return 1
	})
	joined := extents[:1]
	for _, e := range extents[1:] {
		last := &joined[len(joined)-1]
		if e.Offset > last.end() {
			joined = append(joined, e)
			continue
		}
		last.Length = max(last.end(), e.end()) - last.Offset
	}
	return joined
}

// Sample reads extents and sums them up.
func Sample(ctx context.Context, r io.ReaderAt, extents []Extent) (disk.Samples, error) {
	samples := disk.Samples{First: -1}
	digest := sha256.New()
	for _, e := range extents {
		if err := ctx.Err(); err != nil {
			return samples, err
		}
		if err := sample(&samples, digest, r, e); err != nil {
			return samples, err
		}
	}
	samples.Digest = hex.EncodeToString(digest.Sum(nil))
	return samples, nil
}

func sample(samples *disk.Samples, digest hash.Hash, r io.ReaderAt, e Extent) error {
	data := make([]byte, e.Length)
	if _, err := r.ReadAt(data, e.Offset); err != nil {
		return err
	}
	samples.Count++
	samples.Bytes += e.Length
	if at := len(data) - len(bytes.TrimLeft(data, "\x00")); at < len(data) {
		samples.NonZero++
		if samples.First < 0 {
			samples.First = e.Offset + int64(at)
		}
	}
	digest.Write(binary.LittleEndian.AppendUint64(nil, uint64(e.Offset)))
	digest.Write(binary.LittleEndian.AppendUint64(nil, uint64(e.Length)))
	digest.Write(data)
	return nil
}
