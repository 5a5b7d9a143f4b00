package node

import (
	"context"
	"fmt"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// State is what a node is doing.
type State string

// The states of a node.
const (
	Stopped     State = "Stopped"
	Starting    State = "Starting" // its services do not all run
	Running     State = "Running"
	Frozen      State = "Frozen"
	Partitioned State = "Partitioned"
)

// Status is the state of a node, as the machine sees it; Kubernetes may differ.
type Status struct {
	Name     string               `json:"name"`
	State    State                `json:"state"`
	Address  string               `json:"address"`
	PID      int                  `json:"pid,omitempty"` // of its PID 1, on the machine
	Services []boot.ServiceStatus `json:"services,omitempty"`
}

// Status looks at node n. It changes nothing and needs no lock.
func (m *Manager) Status(ctx context.Context, n int) Status {
	s := Status{Name: state.NodeName(n), State: Stopped, Address: m.cfg.Network.NodeAddr(n).String()}
	id, running := m.find(n)
	if !running {
		return s
	}
	s.PID, s.State = id.PID, Starting
	if frozen, err := m.frozen(n); err == nil && frozen {
		s.State = Frozen
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if reply, err := boot.Ask(ctx, inside(id, boot.ControlSocket), boot.Request{}); err == nil {
		s.Services = reply.Services
		if reply.Ready {
			s.State = Running
		}
	}
	if cut, err := m.network.Partitioned(n); err == nil && cut {
		s.State = Partitioned
	}
	return s
}

func errFrozen(n int, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is frozen: `seamount-local node thaw` it first", state.NodeName(n))
}
