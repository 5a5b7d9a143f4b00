package rados

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

var errNoString = errors.New("the object holds no string as Ceph encodes it")

func decodeString(b []byte) (string, error) {
	if len(b) < 4 {
		return "", errNoString
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) != uint64(len(b)-4) {
		return "", errNoString
	}
	return string(b[4:]), nil
}

// encodeString appends a string or buffer as Ceph encodes it: length, bytes.
func encodeString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// encodeMap encodes a map as Ceph does: number, then key and value of each.
func encodeMap(m map[string]string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = encodeString(encodeString(b, k), m[k])
	}
	return b
}
