package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Manager makes and removes the network of one cluster.
type Manager struct {
	plan    state.Network
	sw      netSwitch
	journal *state.Journal
	log     *progress.Reporter
}

// New makes a Manager. It does nothing yet.
func New(cfg state.Config, dir state.Dir, journal *state.Journal, log *progress.Reporter) *Manager {
	return &Manager{plan: cfg.Network, sw: newSwitch(dir), journal: journal, log: log}
}

// Check says which of the addresses or names that Up needs are taken by
// somebody else, one error for each, joined.
func (m *Manager) Check(context.Context) error {
	link, err := m.find()
	if err != nil {
		return err
	}
	own := -1
	if link != nil {
		if err := m.refuseForeign(link); err != nil {
			return err
		}
		own = link.Attrs().Index
	}
	machine, err := neighbours(own)
	if err != nil {
		return err
	}
	return conflicts(m.plan, machine)
}

// Up makes the switch and the machine's link into it. It is idempotent, and
// completes what an earlier Up left unfinished.
func (m *Manager) Up(ctx context.Context) error {
	return m.log.Do(ctx, "network", func(context.Context, *progress.Step) error {
		fresh, err := m.sw.make(m.journal)
		if err != nil {
			return err
		}
		if fresh {
			// What a lost switch had on its other end cannot be plugged into a new one.
			if err := m.unplug(); err != nil {
				return err
			}
		}
		return m.connect()
	})
}

func (m *Manager) connect() error {
	inside, err := m.sw.open()
	if err != nil {
		return err
	}
	defer inside.Close()
	bridge, err := makeBridge(inside.Handle)
	if err != nil {
		return err
	}
	if err := m.plugIn(inside); err != nil {
		return err
	}
	if err := join(inside.Handle, uplinkName, bridge); err != nil {
		return err
	}
	machine, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open the machine's network: %w", err)
	}
	defer machine.Close()
	return configure(machine, planMachine(m.plan))
}

// plugIn makes the cable between the machine and the switch unless it is there.
func (m *Manager) plugIn(inside *namespace) error {
	link, err := m.find()
	if err != nil {
		return err
	}
	if link != nil {
		if err := m.refuseForeign(link); err != nil {
			return err
		}
		return m.mark(link)
	}
	if err := m.journal.Plan(m.entry()); err != nil {
		return err
	}
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: m.plan.Bridge, HardwareAddr: planMachine(m.plan).MAC, TxQLen: -1},
		PeerName:      uplinkName,
		PeerNamespace: netlink.NsFd(inside.file),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("make the link %s: %w", m.plan.Bridge, err)
	}
	return m.mark(cable)
}

// mark writes the journal's mark on the link, the proof that it is ours.
func (m *Manager) mark(link netlink.Link) error {
	if err := netlink.LinkSetAlias(link, m.journal.Mark()); err != nil {
		return fmt.Errorf("mark the link %s: %w", m.plan.Bridge, err)
	}
	return m.journal.Made(m.entry())
}

func (m *Manager) entry() state.Entry {
	return state.Entry{Kind: state.KindLink, Name: m.plan.Bridge}
}

// Down removes the network. Nodes must have been stopped. It is idempotent.
func (m *Manager) Down(ctx context.Context) error {
	return m.log.Do(ctx, "remove network", func(context.Context, *progress.Step) error {
		if err := m.unplug(); err != nil {
			return err
		}
		return m.sw.remove(m.journal)
	})
}

// unplug removes the machine's link if it is ours. Its routes go with it.
func (m *Manager) unplug() error {
	if _, recorded := m.journal.Get(state.KindLink, m.plan.Bridge); !recorded {
		return nil
	}
	link, err := m.find()
	if err != nil {
		return err
	}
	if link != nil && m.refuseForeign(link) == nil {
		if err := netlink.LinkDel(link); err != nil && !isGone(err) {
			return fmt.Errorf("remove the link %s: %w", m.plan.Bridge, err)
		}
	}
	return m.journal.Gone(state.KindLink, m.plan.Bridge)
}

// find is the machine's link of that name, or nil.
func (m *Manager) find() (netlink.Link, error) {
	link, err := netlink.LinkByName(m.plan.Bridge)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the link %s: %w", m.plan.Bridge, err)
	}
	return link, nil
}

func (m *Manager) refuseForeign(link netlink.Link) error {
	entry, recorded := m.journal.Get(state.KindLink, m.plan.Bridge)
	if ours(entry, recorded, link.Attrs().Alias, m.journal.Mark()) {
		return nil
	}
	return fmt.Errorf("a link named %s exists that is not this cluster's: remove it (`ip link del %s`), or run `seamount-local down` with the state directory that it belongs to", m.plan.Bridge, m.plan.Bridge)
}

// ours: a recorded link carries our mark, except that a crash may have come
// between making and marking it.
func ours(entry state.Entry, recorded bool, alias, mark string) bool {
	return recorded && (alias == mark || (alias == "" && !entry.Made))
}

// configure gives an end its addresses and routes, and turns it on.
func configure(h *netlink.Handle, e end) error {
	link, err := h.LinkByName(e.Link)
	if err != nil {
		return fmt.Errorf("look for the link %s: %w", e.Link, err)
	}
	if err := h.AddrReplace(link, &netlink.Addr{IPNet: ipNet(e.Address)}); err != nil {
		return fmt.Errorf("give %s the address %s: %w", e.Link, e.Address, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("turn on %s: %w", e.Link, err)
	}
	for _, r := range e.Routes {
		if err := h.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(r.To), Gw: r.Via.AsSlice()}); err != nil {
			return fmt.Errorf("route %s through %s: %w", r.To, r.Via, err)
		}
	}
	return nil
}

// neighbours are the IPv4 addresses and routes of the machine, without those of
// the link that has index own and without the default route.
func neighbours(own int) ([]neighbour, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list the machine's links: %w", err)
	}
	var all []neighbour
	for _, link := range links {
		if link.Attrs().Index == own {
			continue
		}
		found, err := neighboursOn(link)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func neighboursOn(link netlink.Link) ([]neighbour, error) {
	name := link.Attrs().Name
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", name, err)
	}
	routes, err := netlink.RouteList(link, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list the routes of %s: %w", name, err)
	}
	var all []neighbour
	for _, a := range addrs {
		if p, ok := prefix(a.IPNet); ok {
			all = append(all, neighbour{Prefix: p, Link: name})
		}
	}
	for _, r := range routes {
		// The kernel's own route to a link's network says no more than the address.
		if p, ok := prefix(r.Dst); ok && p.Bits() > 0 && r.Protocol != unix.RTPROT_KERNEL {
			all = append(all, neighbour{Prefix: p, Link: name, Route: true})
		}
	}
	return all, nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits), ok
}

func isGone(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound) || errors.Is(err, unix.ENODEV)
}
