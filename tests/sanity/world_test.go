//go:build e2e && linux && cgo

package sanity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	operator "github.com/seamount-dev/seamount/operator/session"
	"github.com/seamount-dev/seamount/tests/agentnode"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		os.Exit(runVictim())
	}
	if status, ended := agentnode.Become(); ended {
		os.Exit(status)
	}
	os.Exit(cephtest.Main(m))
}

const (
	namespace, cluster, pool = "seamount", "main", "fast"

	gibibyte = 1 << 30
	mebibyte = 1 << 20
)

// world is a real cluster with a pool, and what the operator would hand over of it.
type world struct {
	t      testing.TB
	ceph   *cephtest.Cluster
	admin  *rados.Client
	handed handover.CSICluster
	key    nodekey.Key
}

// dial opens a session as the CSI controller's command does.
func dial(ctx context.Context, target operator.Target) (ceph.Client, error) {
	client, err := rados.Connect(ctx, rados.Config{MonHosts: target.MonHosts, FSID: target.FSID, Entity: target.Entity, Key: target.Key})
	if err != nil {
		return nil, err
	}
	return client, nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, cephtest.Shared(t))
}

func newWorldOn(t testing.TB, c *cephtest.Cluster) *world {
	t.Helper()
	ctx, user := t.Context(), c.Admin()
	w := &world{t: t, ceph: c}
	var err error
	w.admin, err = rados.Connect(ctx, rados.Config{MonHosts: c.MonHosts(), FSID: c.FSID(), Entity: user.Name, Key: user.Key})
	w.ok(err)
	t.Cleanup(func() { _ = w.admin.Close() })
	w.makePool()
	w.key, err = nodekey.Generate()
	w.ok(err)
	w.handed = handover.CSICluster{FSID: c.FSID(), Mons: c.MonHosts(), Nodes: map[string]handover.CSIUser{}}
	w.handed.User = w.user("client.seamount-csi", keys.CSICaps())
	w.handed.Nodes["n1"] = w.user(keys.NameNode("n1"), keys.NodeCaps())
	return w
}

// user makes a user of Ceph with what the operator gives it.
func (w *world) user(entity string, caps ceph.Caps) handover.CSIUser {
	w.t.Helper()
	made, err := w.admin.EnsureEntity(w.t.Context(), entity, caps)
	w.ok(err)
	return handover.CSIUser{Entity: entity, Key: made.Key}
}

// makePool makes a pool as a StoragePool does, which goes with the test.
func (w *world) makePool() {
	w.t.Helper()
	ctx := w.t.Context()
	w.ok(w.admin.CreatePool(ctx, ceph.PoolSpec{Name: pool, Type: ceph.Replicated, PGs: 16, AutoscaleMode: "off"}))
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := w.admin.DeletePool(ctx, pool); err != nil {
			w.t.Errorf("delete the pool: %v", err)
		}
	})
	w.ok(w.admin.InitImagePool(ctx, pool))
	w.ok(w.admin.SetApplicationValue(ctx, pool, "rbd", "seamount.owner", "StoragePool/"+pool))
	w.awaitSpace(pool)
}

// awaitSpace waits until a pool says that it has space. Until the OSDs have reported, no volume fits; the provisioner asks
// again, the suite does not.
func (w *world) awaitSpace(pool string) {
	w.t.Helper()
	available := func() (int64, error) { return w.available(pool) }
	gomega.NewWithT(w.t).Eventually(available).WithTimeout(patience).Should(gomega.BeNumerically(">", gibibyte))
}

// available is how much a pool says that it can take.
func (w *world) available(pool string) (int64, error) {
	found, err := w.poolNamed(pool)
	return found.AvailableBytes, err
}

func (w *world) poolNamed(name string) (ceph.Pool, error) {
	pools, err := w.admin.Pools(w.t.Context())
	if err != nil {
		return ceph.Pool{}, err
	}
	at := slices.IndexFunc(pools, func(p ceph.Pool) bool { return p.Name == name })
	if at < 0 {
		return ceph.Pool{}, fmt.Errorf("there is no pool %s", name)
	}
	return pools[at], nil
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("unexpected: %v", err)
	}
}

// sessions are those of a controller, as the Secret has them.
func (w *world) sessions() *session.Pool {
	w.t.Helper()
	raw, err := w.handed.Encode()
	w.ok(err)
	sessions := session.New(dial)
	sessions.Set(namespace, map[string][]byte{cluster: raw})
	w.t.Cleanup(sessions.Close)
	return sessions
}

// server is a controller of block volumes in this process.
func (w *world) server() *controller.Server { return w.serverOf(v1alpha1.ProvisionerRBD) }

func (w *world) serverOf(driver string) *controller.Server { return w.serverAt(driver, nil) }

// serverAt is a controller with a clock of its own.
func (w *world) serverAt(driver string, now func() time.Time) *controller.Server {
	return controller.New(w.t.Context(), controller.Options{Driver: driver, Sessions: w.sessions(), Now: now, Log: logr.Discard()})
}

func class() map[string]string {
	return map[string]string{
		v1alpha1.ParameterClusterNamespace: namespace, v1alpha1.ParameterCluster: cluster, v1alpha1.ParameterPool: pool, v1alpha1.ParameterMapper: "Auto",
	}
}

// empty checks that nothing is left in the pool.
func (w *world) empty() {
	w.t.Helper()
	left, err := w.left()
	w.ok(err)
	if len(left) > 0 {
		w.t.Errorf("left: %q", left)
	}
}

// left are the images of the pool, and those in its trash.
func (w *world) left() ([]string, error) {
	names, err1 := w.admin.ListImages(w.t.Context(), pool)
	trash, err2 := w.admin.ListTrash(w.t.Context(), pool)
	for _, entry := range trash {
		names = append(names, "in the trash: "+entry.Name)
	}
	return names, errors.Join(err1, err2)
}
