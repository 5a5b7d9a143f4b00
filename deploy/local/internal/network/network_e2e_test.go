//go:build e2e

package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func testConfig() state.Config {
	cfg := state.DefaultConfig()
	cfg.Network.Bridge = "smtest0"
	cfg.Network.Machine = netip.MustParsePrefix("10.240.0.1/24")
	cfg.Network.Pods = netip.MustParsePrefix("10.241.0.0/16")
	return cfg
}

func newManager(t *testing.T, dir state.Dir) *Manager {
	t.Helper()
	j, err := state.OpenJournal(dir, "boot")
	if err != nil {
		t.Fatal(err)
	}
	return New(testConfig(), dir, j, progress.Discard())
}

// holder is a process in a network namespace of its own.
func holder(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it was killed
	return cmd.Process.Pid
}

// answers reports whether a machine with that address exists: nothing listens on
// the port, so that it refuses the connection. A new port of the bridge forwards
// after up to a second, when the kernel has noticed the carrier.
func answers(address string) error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "9"), 4*time.Second)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	if err == nil {
		err = errors.Join(errors.New("something listens"), conn.Close())
	}
	return err
}

// comesToAnswer repeats answers: a machine that is busy with other things may take longer for one.
func comesToAnswer(address string) error {
	limit, ticker := time.After(30*time.Second), time.NewTicker(200*time.Millisecond)
	defer ticker.Stop()
	for {
		err := answers(address)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-limit:
			return err
		}
	}
}

func TestNetwork(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := state.Dir(t.TempDir())
	m := newManager(t, dir)
	t.Cleanup(func() {
		if err := newManager(t, dir).Down(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := net.InterfaceByName("smtest0"); err == nil {
			t.Error("smtest0 is still there")
		}
	})
	if err := m.Check(t.Context()); err != nil {
		t.Fatalf("nothing is taken yet: %v", err)
	}
	for range 2 {
		// A new Manager each time stands for a command that was killed and run again.
		m = newManager(t, dir)
		if err := m.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 2; n++ {
		if err := m.Attach(n, holder(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Check(t.Context()); err != nil {
		t.Errorf("our own network stands in our way: %v", err)
	}
	if err := comesToAnswer("10.240.0.12"); err != nil {
		t.Fatalf("node 2 does not answer: %v", err)
	}
	if err := m.Partition(2); err != nil {
		t.Fatal(err)
	}
	if down, err := m.Partitioned(2); err != nil || !down {
		t.Errorf("partitioned: %v, %v", down, err)
	}
	if err := answers("10.240.0.12"); err == nil {
		t.Error("a partitioned node answers")
	}
	if err := comesToAnswer("10.240.0.11"); err != nil {
		t.Errorf("the other node does not answer: %v", err)
	}
	if err := m.Heal(2); err != nil {
		t.Fatal(err)
	}
	if err := comesToAnswer("10.240.0.12"); err != nil {
		t.Errorf("a healed node does not answer: %v", err)
	}
}

func TestForeignLinkIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	foreign := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "smtest1", TxQLen: -1}}
	if err := netlink.LinkAdd(foreign); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(foreign) }) //nolint:errcheck // checked below
	dir := state.Dir(t.TempDir())
	m := newManager(t, dir)
	m.plan.Bridge = "smtest1"
	for _, err := range []error{m.Check(t.Context()), m.Up(t.Context())} {
		if err == nil || !strings.Contains(err.Error(), "that is not this cluster's") {
			t.Errorf("a foreign link of that name: %v", err)
		}
	}
	if err := m.Down(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := net.InterfaceByName("smtest1"); err != nil {
		t.Error("the foreign link was removed")
	}
}
