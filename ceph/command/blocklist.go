package command

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func listBlocklist() Request { return Request{Op: "osd blocklist ls", Target: Mon()} }

func addBlocklist(addr string, d time.Duration) Request {
	return Request{
		Op: "osd blocklist", Target: Mon(), Subject: addr,
		Args: Args{"blocklistop": "add", "addr": addr, "expire": d.Seconds()},
	}
}

// rangePrefix marks a whole network, as Ceph's osdmap does: cidr:10.1.0.0:0/16.
// The command that lifts it wants 10.1.0.0/16 and the word range.
const rangePrefix = "cidr:"

func removeBlocklist(addr string) Request {
	r := Request{
		Op: "osd blocklist", Target: Mon(), Subject: addr,
		Args: Args{"blocklistop": "rm", "addr": addr},
	}
	if network, ok := strings.CutPrefix(addr, rangePrefix); ok {
		r.Args["range"] = "range"
		r.Args["addr"] = strings.Replace(network, ":0/", "/", 1)
	}
	return r
}

type blocklistAnswer []struct {
	Addr  string     `json:"addr"`
	Range string     `json:"range"` // instead of Addr
	Until *cephStamp `json:"until"`
}

func (l blocklistAnswer) check() error {
	for _, e := range l {
		if (e.Addr == "") == (e.Range == "") {
			return errors.New("an entry that is not one address or one network")
		}
	}
	return nil
}

// Blocklist lists fenced client addresses, sorted by address. A whole network,
// as other clients may fence it, starts with "cidr:".
func (a *Admin) Blocklist(ctx context.Context) ([]ceph.BlocklistEntry, error) {
	r := listBlocklist()
	reply, err := a.transport.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	return decodeBlocklist(r, reply.Output)
}

// decodeBlocklist reads two lists: Ceph prints that of addresses and that of
// networks one behind the other, without anything around them.
func decodeBlocklist(r Request, output []byte) ([]ceph.BlocklistEntry, error) {
	lists, err := decodeEach[blocklistAnswer](r, output)
	if err != nil {
		return nil, err
	}
	var out []ceph.BlocklistEntry
	for _, e := range slices.Concat(lists...) {
		addr := e.Addr
		if e.Range != "" {
			addr = rangePrefix + e.Range
		}
		out = append(out, ceph.BlocklistEntry{Addr: addr, Until: time.Time(*e.Until)})
	}
	slices.SortFunc(out, func(a, b ceph.BlocklistEntry) int { return strings.Compare(a.Addr, b.Addr) })
	return out, nil
}

// AddBlocklist fences an address until the duration from now is over. One that
// is fenced gets the new end. Ceph takes a duration that is over already; here
// it is ErrInvalid, because it would fence nobody.
func (a *Admin) AddBlocklist(ctx context.Context, addr string, d time.Duration) error {
	r := addBlocklist(addr, d)
	if d <= 0 {
		return r.invalid("the fence would be over at once: " + d.String())
	}
	return a.act(ctx, r)
}

// RemoveBlocklist lifts a fence. An address that is not on the list is no error.
func (a *Admin) RemoveBlocklist(ctx context.Context, addr string) error {
	return a.act(ctx, removeBlocklist(addr))
}
