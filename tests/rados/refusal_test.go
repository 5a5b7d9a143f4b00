//go:build e2e

package rados

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// Each of these is refused by its deadline with an error that says why, and
// costs the cluster's other sessions nothing.
func TestConnectRefused(t *testing.T) {
	cluster := cephtest.Shared(t)
	good := connect(t, config(cluster))
	capless := newUser(t, cluster, "client.capless", "osd", "allow *")
	tests := map[string]struct {
		change func(*rados.Config)
		kind   error
		words  string
	}{
		"wrong key": {
			func(c *rados.Config) { c.Key = cephtest.NewKey() },
			ceph.ErrAuthentication, "connect client.admin: permission denied: the cluster has no such user, or another key for it, or gives it no mon capabilities",
		},
		"unknown user": {
			func(c *rados.Config) { c.Entity = "client.nobody" },
			ceph.ErrAuthentication, "connect client.nobody: permission denied",
		},
		"no mon capabilities": {
			func(c *rados.Config) { c.Entity, c.Key = "client.capless", capless },
			ceph.ErrAuthentication, "gives it no mon capabilities",
		},
		"malformed key": {
			func(c *rados.Config) { c.Key = ceph.NewSecret(c.Key.Reveal()[:20]) },
			ceph.ErrAuthentication, "the key of client.admin cannot be used: it is damaged",
		},
		"key of a cipher that librados 16 lacks": {
			func(c *rados.Config) {
				c.Key = ceph.NewSecret("AgBvZWRp0qkBBSAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
			},
			ceph.ErrAuthentication, "connect client.admin: ",
		},
		"another cluster": {
			func(c *rados.Config) { c.FSID = "00000000-0000-4000-8000-000000000000" },
			ceph.ErrInvalid, "its fsid is " + cluster.FSID() + ", want 00000000-0000-4000-8000-000000000000",
		},
		"nobody listens": {
			func(c *rados.Config) { c.MonHosts = []string{"v2:" + freePort(t)} },
			ceph.ErrUnreachable, "no mon can be reached: dial tcp 127.0.0.1",
		},
		"no such host": {
			func(c *rados.Config) { c.MonHosts = []string{"mon.invalid"} },
			ceph.ErrUnreachable, "no mon can be reached: dial tcp: lookup mon.invalid",
		},
		"no mon host": {
			func(c *rados.Config) { c.MonHosts = nil },
			ceph.ErrInvalid, "no mon host is given",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := config(cluster)
			tt.change(&cfg)
			ctx := within(t, patience)
			c, err := rados.Connect(ctx, cfg)
			if c != nil {
				t.Error("a client came along with the error")
			}
			wantFailure(t, err, tt.kind, tt.words, cfg.Key, cluster.Admin().Key)
			wantInTime(t, ctx)
			wantUsable(t, good)
		})
	}
}

// freePort is an address that refuses connections.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A command that the release lacks is ErrUnsupported, whoever is asked.
func TestCommandThatTheReleaseLacks(t *testing.T) {
	c := connect(t, config(cephtest.Shared(t)))
	for _, to := range []command.Target{command.Mon(), command.Mgr()} {
		t.Run(to.String(), func(t *testing.T) {
			wantFailure(t, send(within(t, patience), c, to, "osd levitate"), ceph.ErrUnsupported, "osd levitate: ")
			wantUsable(t, c)
		})
	}
}

func TestCommandToAnOSD(t *testing.T) {
	c := connect(t, config(cephtest.Shared(t)))
	if err := send(within(t, patience), c, command.OSD(0), "version"); err != nil {
		t.Error(err)
	}
	wantFailure(t, send(within(t, patience), c, command.OSD(4711), "version"), ceph.ErrNotFound, "osd dne")
	wantFailure(t, send(within(t, patience), c, command.Target{Service: "mds"}, "version"), ceph.ErrUnsupported, "this program carries no commands to metadata servers")
	wantUsable(t, c)
}

func TestCommandWithoutCapabilities(t *testing.T) {
	cluster := cephtest.Shared(t)
	cfg := config(cluster)
	cfg.Entity, cfg.Key = "client.reader", newUser(t, cluster, "client.reader", "mon", "allow r")
	c := connect(t, cfg)
	_, err := c.Send(within(t, patience), command.Request{Op: "osd pool create", Target: command.Mon(), Args: command.Args{"pool": "nobody"}})
	wantFailure(t, err, ceph.ErrPermission, "osd pool create: access denied")
	wantFailure(t, send(within(t, patience), c, command.Mgr(), "pg stat"), ceph.ErrPermission, "access denied: does your client key have mgr caps?")
	if err := send(within(t, patience), c, command.Mon(), "status"); err != nil {
		t.Errorf("a command that is allowed: %v", err)
	}
}

// Nothing that a person or a log may see of a client tells its key.
func TestNothingTellsTheKey(t *testing.T) {
	cluster := cephtest.Shared(t)
	cfg := config(cluster)
	c := connect(t, cfg)
	key := cfg.Key.Reveal()
	request := command.Request{Op: "auth get", Target: command.Mon(), Args: command.Args{"entity": cfg.Entity}}
	reply, err := c.Send(within(t, patience), request)
	if err != nil || !strings.Contains(string(reply.Output), key) {
		t.Fatalf("the reply does not hold the key, so that this test shows nothing: %v", err)
	}
	for _, v := range []any{cfg, &cfg, c.Stats(), request, reply} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, key) {
				t.Errorf("%s of %T tells the key", verb, v)
			}
		}
	}
}
