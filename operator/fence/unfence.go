package fence

import (
	"context"
	"errors"
	"fmt"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
)

// ErrSameBoot says that a node cannot be unfenced.
var ErrSameBoot = errors.New("the node has not started anew since it was fenced, so that it may still hold writes of before: restart it")

// Unfence gives a node its capabilities back, once it runs another boot than the one that was fenced. The addresses stay
// on the blocklist: they are those of the former boot. A node that is not fenced is left as it is. files are what nodes reach
// of filesystems.
func Unfence(ctx context.Context, client ceph.Auth, node Node, files ...keys.Files) error {
	name := keys.NameNode(node.Name)
	user, err := client.Entity(ctx, name)
	if errors.Is(err, ceph.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unfence node %s: %w", node.Name, err)
	}
	boot, fenced := keys.FencedBoot(user.Caps)
	switch {
	case !fenced:
		return nil
	case node.Boot == "" || boot == "" || boot == node.Boot:
		return fmt.Errorf("unfence node %s: it was fenced in boot %q and runs boot %q: %w", node.Name, boot, node.Boot, ErrSameBoot)
	}
	if err := client.SetCaps(ctx, name, keys.NodeCaps(files...)); err != nil {
		return fmt.Errorf("unfence node %s: %w", node.Name, err)
	}
	return nil
}
