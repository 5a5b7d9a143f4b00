package content

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/disk"
)

func sizes() []int64 {
	return []int64{
		0, 512, 4096, 1 << 20, 2<<20 + 512, wholeSize, wholeSize + 512, 300 << 20, 1 << 30, 10<<30 + 4096, 7_999_999_991_808, 30 << 40,
	}
}

func TestExtents(t *testing.T) {
	t.Parallel()
	for _, size := range sizes() {
		extents, end, total := Extents(size), int64(-1), int64(0)
		for _, e := range extents {
			if e.Offset <= end || e.Length <= 0 || e.end() > size || e.Offset%alignment != 0 && e.end() != size {
				if size > wholeSize {
					t.Errorf("size %d: extent %+v after byte %d", size, e, end)
				}
			}
			end, total = e.end(), total+e.Length
		}
		if total > wholeSize || size <= wholeSize && total != size {
			t.Errorf("size %d: %d bytes are read", size, total)
		}
		if diff := cmp.Diff(extents, Extents(size)); diff != "" {
			t.Errorf("size %d: not the same twice:\n%s", size, diff)
		}
		for _, offset := range append(bluestore.Positions(size), max(size-1, 0)) {
			if size > 0 && !covers(extents, offset, 1) {
				t.Errorf("size %d: byte %d is not read", size, offset)
			}
		}
	}
}

// covers tells whether any byte of a range is sampled.
func covers(extents []Extent, offset, length int64) bool {
	for _, e := range extents {
		if e.Offset < offset+length && offset < e.end() {
			return true
		}
	}
	return false
}

// What the documentation of the package promises: data in one piece of two parts is always hit.
func TestLongDataIsHit(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range sizes()[6:] {
		extents, length := Extents(size), 2*(size/strata+1)
		for range 2000 {
			if offset := random.Int64N(size - length); !covers(extents, offset, length) {
				t.Fatalf("size %d: %d bytes at %d are not hit", size, length, offset)
			}
		}
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	data := make([]byte, size)
	extents := []Extent{{0, 4096}, {1 << 20, 16384}, {size - 512, 512}}
	sampled := func(data []byte) disk.Samples {
		samples, err := Sample(t.Context(), bytes.NewReader(data), extents)
		if err != nil {
			t.Fatal(err)
		}
		return samples
	}
	blank := sampled(data)
	if diff := cmp.Diff(disk.Samples{Count: 3, Bytes: 4096 + 16384 + 512, First: -1, Digest: blank.Digest}, blank); diff != "" {
		t.Errorf("blank (-want +got):\n%s", diff)
	}
	for _, at := range []int64{0, 4095, 1 << 20, 1<<20 + 16383, size - 512, size - 1} {
		data[at] = 1
		if got := sampled(data); got.NonZero != 1 || got.First != at || got.Digest == blank.Digest {
			t.Errorf("a byte at %d: %+v", at, got)
		}
		data[at] = 0
	}
	data[4096] = 1
	if got := sampled(data); got != blank {
		t.Errorf("a byte that is not sampled: %+v", got)
	}
	if _, err := Sample(t.Context(), bytes.NewReader(data[:size-1]), extents); err == nil {
		t.Error("no error past the end")
	}
}
