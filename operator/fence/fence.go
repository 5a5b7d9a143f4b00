// Package fence keeps a node from writing to the volumes of a cluster for good, before they move to another node. Whether a
// node is lost is decided elsewhere: a node that is fenced although it lives loses its volumes.
//
// Three things are done, since none is enough by itself. The node's user loses its capabilities, so that no new client of
// the node gets in; clients that are connected keep what they had until their tickets end. The addresses of these clients
// go to the blocklist: they are recorded with each image before its first write, for a client that is dead to Ceph is not
// among its watchers any more, and may be alive. And what was done is read back.
//
// Of filesystems the metadata servers know the addresses: each has the sessions of the node's user, by the key that the
// client showed. They go to the blocklist too, and the sessions end. Those of other nodes go on, also on the same volume. A
// rank that nobody serves knows sessions that cannot be asked for: then the node is not fenced, and Fence says why.
package fence

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Client is what a fence needs of Ceph.
type Client interface {
	ceph.Auth
	Pools(ctx context.Context) ([]ceph.Pool, error)
	ListImages(ctx context.Context, pool string) ([]string, error)
	ImageMetadata(ctx context.Context, ref ceph.ImageRef) (map[string]string, error)
	Blocklist(ctx context.Context) ([]ceph.BlocklistEntry, error)
	AddBlocklist(ctx context.Context, addr string, d time.Duration) error
	Filesystems(ctx context.Context) ([]ceph.Filesystem, error)
	ceph.FileSessions
}

// Node is a node to fence, in the boot that is to write no more. Boot is its boot id as kubelet reported it last.
type Node struct{ Name, Boot string }

const (
	// lasts is how long an address stays on the blocklist: longer than any machine is expected to hang. The next boot has
	// other addresses.
	lasts = 5 * 365 * 24 * time.Hour
	// enough is what must be left of it, so that a fence that is repeated does not change the osdmap each time.
	enough = lasts / 2
	// imagesAtOnce is how many images are read at the same time.
	imagesAtOnce = 16
	// rounds of looking for addresses. After the second only what was recorded during the one before can be new.
	rounds = 5
)

// Report is what a fence has done.
type Report struct {
	// User has no capabilities any more; empty: the node never had a user.
	User string
	// Addresses that are on the blocklist, sorted.
	Addresses []string
}

// ErrNotFenced says that the node may still write.
var ErrNotFenced = errors.New("the node is not fenced")

// Fence takes the node's capabilities, blocklists its clients and ends their sessions with metadata servers. It may be repeated, also after it was cut short. As long
// as it fails, no volume of the node may move.
func Fence(ctx context.Context, client Client, node Node, now time.Time) (Report, error) {
	var report Report
	user, err := takeCaps(ctx, client, node)
	if err != nil {
		return report, fmt.Errorf("fence node %s: take the capabilities of its user: %w", node.Name, err)
	}
	report.User = user
	// A client that was connected may have recorded its address since the last look: look until nothing is new. The sessions
	// of one that is on the blocklist end, and are not seen at the next look: what was seen before counts too.
	for range rounds {
		found, added, err := block(ctx, client, node, report.User, now)
		if err != nil {
			return report, fmt.Errorf("fence node %s: %w", node.Name, err)
		}
		report.Addresses = union(report.Addresses, found)
		if added > 0 {
			continue
		}
		if err := evict(ctx, client, report, now); err != nil {
			return report, fmt.Errorf("fence node %s: %w", node.Name, err)
		}
		return report, verify(ctx, client, node, report, now)
	}
	return report, fmt.Errorf("fence node %s: clients of it still appear after %d rounds, although its user has no capabilities: %w",
		node.Name, rounds, ErrNotFenced)
}

// takeCaps leaves the node's user nothing but the mark of the fence.
func takeCaps(ctx context.Context, client ceph.Auth, node Node) (string, error) {
	name := keys.NameNode(node.Name)
	user, err := client.Entity(ctx, name)
	if errors.Is(err, ceph.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if wanted := keys.FencedCaps(node.Boot); !maps.Equal(user.Caps, wanted) {
		return name, client.SetCaps(ctx, name, wanted)
	}
	return name, nil
}

// block puts every address that is known of the node on the blocklist: those that are recorded with images, and those that
// its user has sessions from.
func block(ctx context.Context, client Client, node Node, user string, now time.Time) (found []string, added int, err error) {
	if found, err = addresses(ctx, client, node.Name); err != nil {
		return nil, 0, fmt.Errorf("look for the addresses of its clients: %w", err)
	}
	ofFiles, err := sessionAddresses(ctx, client, user)
	if err != nil {
		return nil, 0, err
	}
	found = union(found, ofFiles)
	added, err = add(ctx, client, found, now)
	return found, added, err
}

// union of addresses, sorted.
func union(some, others []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(some, others))))
}

// add puts addresses on the blocklist that are not there for long enough.
func add(ctx context.Context, client Client, addresses []string, now time.Time) (added int, err error) {
	blocked, err := blocked(ctx, client, now)
	if err != nil {
		return 0, err
	}
	for _, address := range addresses {
		if blocked[address] {
			continue
		}
		if err := client.AddBlocklist(ctx, address, lasts); err != nil {
			return added, fmt.Errorf("blocklist %s: %w", address, err)
		}
		added++
	}
	return added, nil
}

// blocked are the addresses that stay on the blocklist for long enough.
func blocked(ctx context.Context, client Client, now time.Time) (map[string]bool, error) {
	entries, err := client.Blocklist(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the blocklist: %w", err)
	}
	all := make(map[string]bool, len(entries))
	for _, entry := range entries {
		all[entry.Addr] = entry.Until.Sub(now) > enough
	}
	return all, nil
}

// addresses are those that are recorded for the node with the images of all StoragePools.
func addresses(ctx context.Context, client Client, node string) ([]string, error) {
	pools, err := client.Pools(ctx)
	if err != nil {
		return nil, err
	}
	all := addressSet{known: map[string]bool{}}
	for i := range pools {
		if _, ours := pools[i].ApplicationValues[plan.ApplicationRBD+"/"+plan.PoolOwnerKey]; !ours {
			continue
		}
		if err := all.read(ctx, client, pools[i].Name, node); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(all.known)), nil
}

// addressSet collects addresses.
type addressSet struct {
	mu    sync.Mutex
	known map[string]bool
}

// read adds what is recorded with the images of a pool. An image that is removed meanwhile has no client.
func (s *addressSet) read(ctx context.Context, client Client, pool, node string) error {
	images, err := client.ListImages(ctx, pool)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(imagesAtOnce)
	for _, image := range images {
		group.Go(func() error {
			metadata, err := client.ImageMetadata(ctx, ceph.ImageRef{Pool: pool, Name: image})
			if errors.Is(err, ceph.ErrNotFound) {
				return nil
			}
			if address := ceph.ImageClients(metadata)[node]; address != "" {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.known[address] = true
			}
			return err
		})
	}
	return group.Wait()
}

// verify reads back what was done.
func verify(ctx context.Context, client Client, node Node, report Report, now time.Time) error {
	if report.User != "" {
		user, err := client.Entity(ctx, report.User)
		if err != nil {
			return fmt.Errorf("fence node %s: read its user back: %w", node.Name, err)
		}
		if _, fenced := keys.FencedBoot(user.Caps); !fenced {
			return fmt.Errorf("fence node %s: somebody gave capabilities back to %s: %w", node.Name, report.User, ErrNotFenced)
		}
	}
	blocked, err := blocked(ctx, client, now)
	if err != nil {
		return fmt.Errorf("fence node %s: %w", node.Name, err)
	}
	for _, address := range report.Addresses {
		if !blocked[address] {
			return fmt.Errorf("fence node %s: somebody took %s off the blocklist: %w", node.Name, address, ErrNotFenced)
		}
	}
	return nil
}
