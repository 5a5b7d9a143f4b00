package keys

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

// Keyring writes entities in the form that Ceph's daemons read, in the order given. The result holds their keys.
func Keyring(entities ...ceph.Entity) []byte {
	var b bytes.Buffer
	for _, e := range entities {
		fmt.Fprintf(&b, "[%s]\n\tkey = %s\n", e.Name, e.Key.Reveal())
		for _, service := range slices.Sorted(maps.Keys(e.Caps)) {
			fmt.Fprintf(&b, "\tcaps %s = %q\n", service, e.Caps[service])
		}
	}
	return b.Bytes()
}
