//go:build e2e

package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// removed removes an OSD while somebody writes. Its disk is found Usable by itself, and becomes another OSD, since the rule
// still selects it.
func (s *suite) removed(t *testing.T) {
	l := s.startLoad(t, "removed")
	d := s.disks[0]
	before := s.awaitInService(t, d)
	start := time.Now()
	s.operate(t, "remove-one", v1alpha1.OperationRemove, before.Name)
	done := s.awaitOperation(t, "remove-one", v1alpha1.OperationSucceeded)
	t.Logf("removed after %.1f s: %s", time.Since(start).Seconds(), asJSON(t, done))
	s.verified(t, done)
	after := s.awaitInService(t, d)
	t.Logf("an OSD again after %.1f s", time.Since(start).Seconds())
	if was, is := before.Status.OSDs[0].UUID, after.Status.OSDs[0].UUID; was == is {
		t.Errorf("the OSD %s was not removed", was)
	}
	s.awaitWhole(t)
	l.end(t)
	s.keptRedundancy(t, start)
}

// keptRedundancy holds that Ceph answered and no PG lost copies that it needs while data moved. Whenever an OSD comes or goes,
// PGs are peering for a moment; how long that keeps anybody waiting is what the writer tells.
func (s *suite) keptRedundancy(t *testing.T, since time.Time) {
	t.Helper()
	s.watch.answered(t, since)
	for _, x := range s.watch.since(since) {
		for states := range x.States {
			for word := range strings.SplitSeq(states, "+") {
				if slices.Contains([]string{"down", "incomplete", "stale", "peered", "recovery_unfound", "backfill_unfound"}, word) {
					t.Errorf("data was not served: %+v", x)
				}
			}
		}
	}
}

// drainCancelled drains an OSD and cancels that: it takes data again, and nothing else is changed. Ceph is kept from moving
// data meanwhile, else so little of it would have moved before anybody cancels.
func (s *suite) drainCancelled(t *testing.T) {
	l := s.startLoad(t, "cancelled")
	disk := s.awaitInService(t, s.disks[1])
	osd := disk.Status.OSDs[0]
	release := s.holdData(t)
	s.operate(t, "drain-one", v1alpha1.OperationDrain, disk.Name)
	s.awaitIn(t, osd.ID, false)
	s.awaitOperation(t, "drain-one", v1alpha1.OperationRunning)
	s.Kubectl(t, "-n", s.namespace, "patch", "storageoperation", "drain-one", "--type=merge", "-p", `{"spec":{"intent":"Cancel"}}`)
	s.awaitOperation(t, "drain-one", v1alpha1.OperationCancelled)
	release()
	s.awaitIn(t, osd.ID, true)
	if now := s.awaitInService(t, s.disks[1]); now.Status.OSDs[0].UUID != osd.UUID {
		t.Errorf("it is another OSD now: %+v", now.Status.OSDs)
	}
	s.awaitWhole(t)
	l.end(t)
}

// holdData keeps Ceph from moving data until release is called. What clients write is served all the same.
func (s *suite) holdData(t *testing.T) (release func()) {
	t.Helper()
	done := false
	release = func() {
		if done {
			return
		}
		done = true
		s.Eventually(t, "data may move again", func() error {
			_, err := s.run(context.WithoutCancel(t.Context()), "ceph osd unset nobackfill; ceph osd unset norecover")
			return err
		})
	}
	t.Cleanup(release)
	s.ask(t, "ceph osd set nobackfill; ceph osd set norecover")
	return release
}

// awaitIn waits until an OSD is in, which takes data, or is not.
func (s *suite) awaitIn(t *testing.T, id int32, want bool) {
	t.Helper()
	s.Eventually(t, fmt.Sprintf("osd.%d is in: %v", id, want), func() error {
		osds, err := s.osdmap(t.Context())
		if err == nil && slices.ContainsFunc(osds, func(o mappedOSD) bool { return o.OSD == id && o.In == 1 }) != want {
			err = fmt.Errorf("the osdmap says %+v", osds)
		}
		return err
	})
}

// removalRefused asks to remove all disks of a node, which a pool of three copies on three hosts cannot do without.
func (s *suite) removalRefused(t *testing.T) {
	s.Apply(t, s.namespace, fmt.Sprintf(operationManifest, "remove-node", s.name, v1alpha1.OperationRemove, "node: node3"))
	status := s.awaitOperation(t, "remove-node", v1alpha1.OperationRefused)
	said := asJSON(t, status.Plan.Blockers)
	t.Logf("refused: %s", said)
	if !strings.Contains(said, `"TooFewDomains"`) {
		t.Error("no blocker says that a failure domain is missing")
	}
	s.Kubectl(t, "-n", s.namespace, "delete", "storageoperation", "remove-node")
}

const operationManifest = `
apiVersion: seamount.dev/v1alpha1
kind: StorageOperation
metadata: {name: %s}
spec: {clusterRef: {name: %s}, type: %s, %s}
`

// plan creates an operation on disks.
func (c *ceph) plan(t *testing.T, name string, kind v1alpha1.OperationType, disks ...string) {
	t.Helper()
	c.Apply(t, c.namespace, fmt.Sprintf(operationManifest, name, c.name, kind, "disks: ["+strings.Join(disks, ", ")+"]"))
}

// operate creates an operation on disks, reads its plan, and approves it with all its risks.
func (c *ceph) operate(t *testing.T, name string, kind v1alpha1.OperationType, disks ...string) v1alpha1.OperationPlan {
	t.Helper()
	c.plan(t, name, kind, disks...)
	return c.approve(t, name)
}

// approve waits for the plan of an operation, and approves it with all its risks.
func (c *ceph) approve(t *testing.T, name string) v1alpha1.OperationPlan {
	t.Helper()
	status := c.awaitOperation(t, name, v1alpha1.OperationAwaitingApproval)
	t.Logf("the plan of %s: %s", name, asJSON(t, status.Plan))
	approval, err := json.Marshal(map[string]any{"spec": map[string]any{"approval": map[string]any{
		"planID": status.Plan.ID, "acceptedRisks": status.Plan.Risks,
		"approver": strings.TrimSpace(c.Kubectl(t, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	c.Kubectl(t, "-n", c.namespace, "patch", "storageoperation", name, "--type=merge", "-p", string(approval))
	return *status.Plan
}

// awaitOperation waits until an operation is in a state.
func (c *ceph) awaitOperation(t *testing.T, name string, state v1alpha1.OperationState) v1alpha1.StorageOperationStatus {
	t.Helper()
	var operation v1alpha1.StorageOperation
	c.Eventually(t, name+" is "+string(state), func() error {
		if err := c.Client.Get(t.Context(), c.key(name), &operation); err != nil {
			return err
		}
		if operation.Status.State != state || operation.Status.Plan == nil {
			return fmt.Errorf("it is %s", asJSON(t, operation.Status))
		}
		return nil
	})
	return operation.Status
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
