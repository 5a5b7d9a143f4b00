package sim

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// Blocklist implements ceph.OSDs.
func (k *Client) Blocklist(ctx context.Context) ([]ceph.BlocklistEntry, error) {
	return ask(ctx, k, monRead("Blocklist", "osd blocklist ls"), "", func(c *Cluster) ([]ceph.BlocklistEntry, error) {
		c.expireBlocklist()
		entries := make([]ceph.BlocklistEntry, 0, len(c.blocklist))
		for _, addr := range slices.Sorted(maps.Keys(c.blocklist)) {
			entries = append(entries, ceph.BlocklistEntry{Addr: addr, Until: c.blocklist[addr]})
		}
		return entries, nil
	})
}

// AddBlocklist implements ceph.OSDs.
func (k *Client) AddBlocklist(ctx context.Context, addr string, d time.Duration) error {
	return k.do(ctx, monWrite("AddBlocklist", "osd blocklist add"), addr, func(c *Cluster) error {
		full, err := clientAddress(addr)
		if err != nil {
			return err
		}
		if d <= 0 {
			return refusal.New(ceph.EINVAL, "the duration %s is not positive", d)
		}
		c.blocklist[full] = c.clock.now.Add(d)
		c.osdmap.epoch++
		c.after(mdsNotices, c.endFencedSessions)
		return nil
	})
}

// RemoveBlocklist implements ceph.OSDs.
func (k *Client) RemoveBlocklist(ctx context.Context, addr string) error {
	return k.do(ctx, monWrite("RemoveBlocklist", "osd blocklist rm"), addr, func(c *Cluster) error {
		full, err := clientAddress(addr)
		if err != nil {
			return err
		}
		delete(c.blocklist, full)
		c.osdmap.epoch++
		return nil
	})
}

// clientAddress checks an address and gives it the port and nonce 0 that it lacks.
func clientAddress(addr string) (string, error) {
	addr = strings.TrimPrefix(strings.TrimPrefix(addr, "v1:"), "v2:")
	hostPort, nonce, ok := strings.Cut(addr, "/")
	if !ok {
		nonce = "0"
	}
	if ip, err := netip.ParseAddr(strings.Trim(hostPort, "[]")); err == nil {
		hostPort = netip.AddrPortFrom(ip, 0).String()
	}
	if _, err := netip.ParseAddrPort(hostPort); err != nil || strings.Trim(nonce, "0123456789") != "" {
		return "", refusal.New(ceph.EINVAL, "unable to parse address %s", addr)
	}
	return hostPort + "/" + nonce, nil
}

func (c *Cluster) expireBlocklist() {
	maps.DeleteFunc(c.blocklist, func(_ string, until time.Time) bool { return !until.After(c.clock.now) })
}

// blocklisted tells whether a client is fenced, by its own address or its whole host's.
func (c *Cluster) blocklisted(addr string) bool {
	c.expireBlocklist()
	_, own := c.blocklist[addr]
	ip, _, _ := strings.Cut(addr, ":0/")
	_, whole := c.blocklist[ip+":0/0"]
	return own || whole
}
