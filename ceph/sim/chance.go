package sim

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
)

// chance draws numbers that depend on the seed, on what they are for, and on
// how many were drawn before.
type chance struct {
	seed  uint64
	drawn uint64
}

func (r *chance) draw(topic string) uint64 {
	r.drawn++
	return crush.Hash(crush.Hash(r.seed, hashOf(topic)), r.drawn)
}

func (r *chance) bytes(topic string, n int) []byte {
	var b []byte
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, r.draw(topic))
	}
	return b[:n]
}

func (r *chance) uuid(topic string) string {
	b := r.bytes(topic, 16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (r *chance) hex(topic string, n int) string {
	return hex.EncodeToString(r.bytes(topic, (n+1)/2))[:n]
}

// key makes a cephx key: type 1 (AES), the time, the length, 16 bytes.
func (r *chance) key(topic string, seconds int64) ceph.Secret {
	b := binary.LittleEndian.AppendUint16(nil, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(seconds))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.draw(topic)%1e9))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, r.bytes(topic, 16)...)
	return ceph.NewSecret(base64.StdEncoding.EncodeToString(b))
}

func hashOf(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}
