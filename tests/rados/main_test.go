//go:build e2e

package rados

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

func TestMain(m *testing.M) { os.Exit(cephtest.Main(m)) }

const (
	// patience is the deadline of a call that must work, on a machine that is busy.
	patience = 4 * time.Minute
	// impatience is the deadline of a call that hangs.
	impatience = 2 * time.Second
	// grace is how late a call may come back after its deadline; the hang itself lasts longer by far.
	grace = 15 * time.Second
)

// config is how the admin of a cluster connects.
func config(c *cephtest.Cluster) rados.Config {
	return rados.Config{MonHosts: c.MonHosts(), FSID: c.FSID(), Entity: c.Admin().Name, Key: c.Admin().Key}
}

func connect(t testing.TB, config rados.Config) *rados.Client {
	t.Helper()
	c, err := rados.Connect(within(t, patience), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// send sends a command that reads, by its words.
func send(ctx context.Context, c *rados.Client, to command.Target, words string) error {
	_, err := c.Send(ctx, command.Request{Op: words, Target: to})
	return err
}

// wantUsable checks that mons and mgr answer over the session.
func wantUsable(t testing.TB, c *rados.Client) {
	t.Helper()
	if err := use(t, c); err != nil {
		t.Error(err)
	}
}

// awaitUsable is wantUsable for a client whose calls librados ends so soon that a mon on a busy machine may be too late for one.
func awaitUsable(t testing.TB, c *rados.Client) {
	t.Helper()
	NewWithT(t).Eventually(func() error { return use(t, c) }, patience).Should(Succeed())
}

// use asks a mon and the mgr.
func use(t testing.TB, c *rados.Client) error {
	t.Helper()
	if err := send(within(t, patience), c, command.Mon(), "status"); err != nil {
		return fmt.Errorf("mon command: %w", err)
	}
	if err := send(within(t, patience), c, command.Mgr(), "pg stat"); err != nil {
		return fmt.Errorf("mgr command: %w", err)
	}
	return nil
}

// wantFailure checks an error's kind and words, and that it tells no key.
func wantFailure(t testing.TB, err error, kind error, words string, keys ...ceph.Secret) {
	t.Helper()
	var typed *ceph.Error
	if !errors.As(err, &typed) || !errors.Is(err, kind) {
		t.Errorf("error = %v, want %v", err, kind)
		return
	}
	if !strings.Contains(err.Error(), words) {
		t.Errorf("error = %q, want the words %q", err, words)
	}
	for _, k := range keys {
		if !k.IsZero() && strings.Contains(err.Error(), k.Reveal()) {
			t.Errorf("the error tells a key: %v", err)
		}
	}
}

// wantInTime checks that a call came back by its deadline, and did not wait for the hang to end.
func wantInTime(t testing.TB, ctx context.Context) {
	t.Helper()
	deadline, ok := ctx.Deadline()
	if late := time.Since(deadline); !ok || late > grace {
		t.Errorf("the call came back %v after its deadline", late)
	}
}

func newUser(t testing.TB, c *cephtest.Cluster, name string, caps ...string) ceph.Secret {
	t.Helper()
	key, err := c.NewUser(within(t, patience), name, caps...)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
