package network

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// ErrNoCable is returned for a node that has no link to the switch: it does not run.
var ErrNoCable = errors.New("the node does not run")

// Attach connects the network namespace of process pid to the switch as node n,
// with a new cable: whatever was left of an earlier one is removed. The cable
// ends with the namespace.
func (m *Manager) Attach(n, pid int) error {
	inside, err := m.sw.open()
	if err != nil {
		return err
	}
	defer inside.Close()
	if err := removeLink(inside.Handle, portName(n)); err != nil {
		return err
	}
	plan := planNode(m.plan, n)
	cable := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: portName(n), TxQLen: -1},
		PeerName:         plan.Link,
		PeerHardwareAddr: plan.MAC,
		PeerNamespace:    netlink.NsPid(pid),
	}
	if err := inside.LinkAdd(cable); err != nil {
		return fmt.Errorf("connect %s to the switch: %w", state.NodeName(n), err)
	}
	bridge, err := inside.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("look for the bridge: %w", err)
	}
	if err := join(inside.Handle, portName(n), bridge); err != nil {
		return err
	}
	return configureNode(pid, plan)
}

func configureNode(pid int, plan end) error {
	file, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("open the network of pid %d: %w", pid, err)
	}
	node, err := handleAt(file)
	if err != nil {
		return err
	}
	defer node.Close()
	lo, err := node.LinkByName("lo")
	if err == nil {
		err = node.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("turn on the loopback: %w", err)
	}
	return configure(node.Handle, plan)
}

// Detach removes what is left of the cable of node n. It is idempotent.
func (m *Manager) Detach(n int) error {
	if there, err := m.sw.exists(); !there || err != nil {
		return err
	}
	inside, err := m.sw.open()
	if err != nil {
		return err
	}
	defer inside.Close()
	return removeLink(inside.Handle, portName(n))
}

func removeLink(h *netlink.Handle, name string) error {
	link, err := h.LinkByName(name)
	if err == nil {
		err = h.LinkDel(link)
	}
	if err != nil && !isGone(err) {
		return fmt.Errorf("remove %s from the switch: %w", name, err)
	}
	return nil
}

// Partition cuts node n off from the machine and from all other nodes, as if its
// cable were pulled. It is idempotent.
func (m *Manager) Partition(n int) error { return m.setPort(n, (*netlink.Handle).LinkSetDown) }

// Heal undoes Partition. It is idempotent.
func (m *Manager) Heal(n int) error { return m.setPort(n, (*netlink.Handle).LinkSetUp) }

func (m *Manager) setPort(n int, set func(*netlink.Handle, netlink.Link) error) error {
	return m.withPort(n, func(h *netlink.Handle, port netlink.Link) error { return set(h, port) })
}

// Partitioned reports whether node n is cut off by Partition.
func (m *Manager) Partitioned(n int) (bool, error) {
	down := false
	err := m.withPort(n, func(_ *netlink.Handle, port netlink.Link) error {
		down = port.Attrs().Flags&net.FlagUp == 0
		return nil
	})
	if errors.Is(err, ErrNoCable) {
		return false, nil
	}
	return down, err
}

func (m *Manager) withPort(n int, do func(*netlink.Handle, netlink.Link) error) error {
	there, err := m.sw.exists()
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%s: %w", state.NodeName(n), ErrNoCable)
	}
	inside, err := m.sw.open()
	if err != nil {
		return err
	}
	defer inside.Close()
	port, err := inside.LinkByName(portName(n))
	if isGone(err) {
		return fmt.Errorf("%s: %w", state.NodeName(n), ErrNoCable)
	}
	if err == nil {
		err = do(inside.Handle, port)
	}
	if err != nil {
		return fmt.Errorf("the cable of %s: %w", state.NodeName(n), err)
	}
	return nil
}
