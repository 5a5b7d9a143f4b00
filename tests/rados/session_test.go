//go:build e2e

package rados

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// A session that is on the blocklist says so once, and connects anew under
// another address for the next call.
func TestBlocklistedSessionReconnects(t *testing.T) {
	cluster := cephtest.Shared(t)
	cfg := config(cluster)
	cfg.Entity = "client.fenced"
	cfg.Key = newUser(t, cluster, cfg.Entity, "mon", "allow *", "osd", "allow *", "mgr", "allow *")
	admin, c := connect(t, config(cluster)), connect(t, cfg)
	makePool(t, cluster, admin, "fenced")
	image := ceph.ImageRef{Pool: "fenced", Name: "one"}
	do(t, c.CreateImage(within(t, patience), ceph.ImageSpec{ImageRef: image, Size: 1 << 20}))

	fence(t, cluster, sessionAddress(t, cluster, cfg.Entity))
	size := int64(1 << 20)
	resize := func() error { size += 1 << 20; return c.ResizeImage(within(t, patience), image, size) }
	// As long as neither the OSDs nor the session have the map with the blocklist, it works on.
	var refused error
	NewWithT(t).Eventually(func() error { refused = resize(); return refused }, patience).Should(HaveOccurred())
	wantFailure(t, refused, ceph.ErrBlocklisted, "rbd resize fenced/one: ")
	do(t, resize())
	if s := c.Stats(); s.Connect.Started != 2 {
		t.Errorf("counters = %+v, want one attempt to connect anew", s)
	}
	// The first resize may have opened the image before the OSD knew of the blocklist: what it watches then ends with
	// osd_client_watch_timeout, 30 seconds, or sooner.
	NewWithT(t).Eventually(func() error { return admin.RemoveImage(within(t, patience), image) }, patience).Should(Succeed())
}

// sessionAddress asks the mon for the address of the user's one connection.
func sessionAddress(t *testing.T, cluster *cephtest.Cluster, entity string) string {
	t.Helper()
	out, err := cluster.Ceph(within(t, patience), "tell", "mon.a", "sessions")
	if err != nil {
		t.Fatal(err)
	}
	var sessions []struct {
		Entity string `json:"entity_name"`
		Socket struct {
			Addr  string
			Nonce int64
		} `json:"socket_addr"`
	}
	if err := json.Unmarshal(out, &sessions); err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		if s.Entity == entity {
			return fmt.Sprintf("%s/%d", s.Socket.Addr, s.Socket.Nonce)
		}
	}
	t.Fatalf("no session of %s in %s", entity, out)
	return ""
}

func fence(t *testing.T, cluster *cephtest.Cluster, addr string) {
	t.Helper()
	if _, err := cluster.Ceph(within(t, patience), "osd", "blocklist", "add", addr, "3600"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := cluster.Ceph(within(t, patience), "osd", "blocklist", "rm", addr); err != nil {
			t.Error(err)
		}
	})
}

// librados does not tell a session that its user was removed: it hangs. The
// client finds out by itself, and comes back with the user.
func TestUserIsRemoved(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	cluster := small(t)
	cfg := config(cluster)
	cfg.Entity, cfg.Timeouts.Mon = "client.passing", 2*impatience
	cfg.Key = newUser(t, cluster, cfg.Entity, "mon", "allow *", "mgr", "allow *")
	c := connect(t, cfg)
	awaitUsable(t, c)
	_, err := cluster.Ceph(within(t, patience), "auth", "rm", cfg.Entity)
	do(t, err)
	do(t, cluster.Restart("mon.a"))

	status := func() error { return send(within(t, impatience), c, command.Mon(), "status") }
	g.Eventually(status, patience).Should(MatchError(ceph.ErrAuthentication))
	// A client that was turned away rests before it connects once more.
	last := send(within(t, patience), c, command.Mon(), "status")
	wantFailure(t, last, ceph.ErrAuthentication, "status: permission denied: the cluster has no such user", cfg.Key)

	do(t, connect(t, config(cluster)).ImportEntity(within(t, patience),
		ceph.Entity{Name: cfg.Entity, Key: cfg.Key, Caps: ceph.Caps{"mon": "allow *", "mgr": "allow *"}}))
	g.Eventually(status, patience).Should(Succeed())
	g.Eventually(func() int { return c.Stats().Sessions }, 2*patience).Should(BeNumerically("<=", 2))
}

// Sessions that end, and attempts that fail, leave no goroutine and no file behind.
func TestNothingLeaks(t *testing.T) {
	cluster := cephtest.Shared(t)
	wrong := config(cluster)
	wrong.Key = cephtest.NewKey()
	round := func() {
		c, err := rados.Connect(within(t, patience), config(cluster))
		do(t, err)
		wantUsable(t, c)
		do(t, c.Close())
		NewWithT(t).Eventually(func() int { return c.Stats().Sessions }, patience).Should(BeZero())
		_, err = rados.Connect(within(t, patience), wrong)
		wantFailure(t, err, ceph.ErrAuthentication, "permission denied")
	}
	round() // what a process opens once for ever
	before := openFiles(t)
	goroutines := goleak.IgnoreCurrent()
	for range 5 {
		round()
	}
	NewWithT(t).Eventually(func() int { return openFiles(t) }, patience).Should(BeNumerically("<=", before))
	NewWithT(t).Eventually(func() error { return goleak.Find(goroutines) }, patience).Should(Succeed())
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
