package node

import (
	"context"

	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Freeze makes node n hang: no process of it runs until Thaw. It is idempotent.
func (m *Manager) Freeze(ctx context.Context, n int) error {
	return m.fault(ctx, "freeze", n, func(ctx context.Context) error {
		groups, err := m.groups()
		if err != nil {
			return err
		}
		return groups.Freeze(ctx, n)
	})
}

// Thaw ends Freeze. It is idempotent.
func (m *Manager) Thaw(ctx context.Context, n int) error {
	return m.fault(ctx, "thaw", n, func(context.Context) error { return m.thaw(n) })
}

func (m *Manager) thaw(n int) error {
	groups, err := m.groups()
	if err != nil {
		return err
	}
	return groups.Thaw(n)
}

func (m *Manager) frozen(n int) (bool, error) {
	groups, err := m.groups()
	if err != nil {
		return false, err
	}
	return groups.Frozen(n)
}

// Partition cuts node n off from the machine and all other nodes. A node that
// is started anew is connected again. It is idempotent.
func (m *Manager) Partition(ctx context.Context, n int) error {
	return m.fault(ctx, "partition", n, func(context.Context) error { return m.network.Partition(n) })
}

// Heal ends Partition. It is idempotent.
func (m *Manager) Heal(ctx context.Context, n int) error {
	return m.fault(ctx, "heal", n, func(context.Context) error { return m.network.Heal(n) })
}

// RestartKubelet ends the kubelet of node n and returns when the next one runs.
func (m *Manager) RestartKubelet(ctx context.Context, n int) error { return m.restart(ctx, n, kubelet) }

// RestartContainerd does the same with containerd; pods run on.
func (m *Manager) RestartContainerd(ctx context.Context, n int) error {
	return m.restart(ctx, n, containerd)
}

func (m *Manager) restart(ctx context.Context, n int, service string) error {
	return m.fault(ctx, "restart "+service+" of", n, func(ctx context.Context) error {
		id, err := m.running(n)
		if err != nil {
			return err
		}
		if frozen, err := m.frozen(n); frozen || err != nil {
			return errFrozen(n, err)
		}
		_, err = boot.Ask(ctx, inside(id, boot.ControlSocket), boot.Request{Restart: service})
		return err
	})
}

// fault does something to a node that runs.
func (m *Manager) fault(ctx context.Context, verb string, n int, do func(context.Context) error) error {
	if _, err := m.running(n); err != nil {
		return err
	}
	return m.log.Do(ctx, verb+" "+state.NodeName(n), func(ctx context.Context, _ *progress.Step) error {
		ctx, cancel := context.WithTimeout(ctx, bootLimit)
		defer cancel()
		return do(ctx)
	})
}
