//go:build linux

package cephtest

import (
	"context"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// NewUser makes a cephx user with a key that every librados can read: caps are as "ceph auth" takes them, a service and
// what is allowed there in turns.
func (c *Cluster) NewUser(ctx context.Context, name string, caps ...string) (ceph.Secret, error) {
	words := append([]string{"auth", "get-or-create-key", name}, caps...)
	if c.Release() >= 20 {
		words = append(words, "--key-type", "aes")
	}
	key, err := c.Ceph(ctx, words...)
	return ceph.NewSecret(strings.TrimSpace(string(key))), err
}
