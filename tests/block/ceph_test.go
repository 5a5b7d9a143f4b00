//go:build e2e

package block

import (
	"slices"
	"testing"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados"
)

func ref(i block.Image) ceph.ImageRef { return ceph.ImageRef{Pool: i.Pool, Name: i.Name} }

// recorded are the clients that an image's metadata names.
func recorded(t testing.TB, c *rados.Client, image block.Image) map[string]string {
	t.Helper()
	metadata, err := c.ImageMetadata(within(t, patience), ref(image))
	do(t, err)
	return ceph.ImageClients(metadata)
}

func blocklisted(t testing.TB, c *rados.Client, address string) bool {
	t.Helper()
	list, err := command.NewAdmin(c, nil).Blocklist(within(t, patience))
	do(t, err)
	return slices.ContainsFunc(list, func(e ceph.BlocklistEntry) bool { return e.Addr == address })
}
