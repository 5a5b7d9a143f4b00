//go:build e2e

package volume

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/agentnode"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// patience is how long something may take on a machine that is busy.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if status, ended := agentnode.Enter(); ended {
		os.Exit(status)
	}
	os.Exit(cephtest.Main(m))
}

// node is a node with an agent, and with a user of Ceph.
type node struct {
	*agentnode.Node
	t        testing.TB
	cluster  *cephtest.Cluster
	attached *agentv1.Connection
}

// newNode starts an agent on a node that never had one. Its user of Ceph is one for all tests.
func newNode(t testing.TB, cluster *cephtest.Cluster) *node {
	t.Helper()
	n := &node{Node: agentnode.New(t), t: t, cluster: cluster}
	n.attach()
	return n
}

// attach does what the CSI controller does: it seals the node's key of Ceph to the node.
func (n *node) attach() {
	n.t.Helper()
	described, err := n.Describe(within(n.t), &agentv1.DescribeRequest{})
	do(n.t, err)
	id, err := nodekey.ParseID(described.GetNodeId())
	do(n.t, err)
	entity := "client.seamount-node-" + agentnode.Name
	sealed, err := nodekey.Seal(id, entity, newUser(n.t, n.cluster, entity).Reveal())
	do(n.t, err)
	n.attached = &agentv1.Connection{Fsid: n.cluster.FSID(), Mons: n.cluster.MonHosts(), Entity: entity, SealedKey: sealed}
}

func newUser(t testing.TB, c *cephtest.Cluster, name string) ceph.Secret {
	t.Helper()
	key, err := c.NewUser(within(t), name, "mon", "profile rbd", "osd", "profile rbd")
	do(t, err)
	return key
}

// blockDir is the directory of the keeper.
func (n *node) blockDir() string { return filepath.Join(n.Order.Run, "block", n.cluster.FSID()) }

func (n *node) keeper() *client.Client { return client.New(n.blockDir()) }

// helpers are the processes that serve volumes.
func (n *node) helpers() (keeper, worker int) {
	n.t.Helper()
	status, err := n.keeper().Status(within(n.t))
	do(n.t, err)
	if status.Worker == nil {
		n.t.Fatalf("no worker serves: %s", status.Trouble)
	}
	return status.PID, status.Worker.PID
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// insist repeats a call as kubelet does. What a call began goes on when its time is over, and until that is done another is turned away.
func insist(ctx context.Context, call func() error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		err := call()
		if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Aborted {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
