package trial

import (
	"encoding/json"
	"testing"
)

func TestJudges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		judge  judge
		object string
		done   bool
		detail string
	}{
		"no condition yet":    {conditionReady, `{}`, false, "the operator has not looked at it yet"},
		"of an earlier spec":  {conditionReady, `{"metadata": {"generation": 2}, "status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]}}`, false, "the operator has not looked at it yet"},
		"its own words":       {conditionReady, notReady, false, "1 of 3 mons is in quorum"},
		"without a message":   {conditionReady, `{"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Waiting"}]}}`, false, "Waiting"},
		"ready":               {conditionReady, ready, true, ""},
		"new DaemonSet":       {rolledOut, `{"kind": "DaemonSet", "metadata": {"name": "agent", "generation": 1}}`, false, "agent: 0 of 0 pods are available"},
		"half a DaemonSet":    {rolledOut, `{"kind": "DaemonSet", "metadata": {"name": "agent"}, "status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}}`, false, "agent: 2 of 3 pods are available"},
		"DaemonSet":           {rolledOut, `{"kind": "DaemonSet", "metadata": {"name": "agent"}, "status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}}`, true, "agent: 3 of 3 pods are available"},
		"DaemonSet, no nodes": {rolledOut, `{"kind": "DaemonSet", "metadata": {"name": "agent"}}`, false, "agent: 0 of 0 pods are available"},
		"old Deployment":      {rolledOut, `{"kind": "Deployment", "metadata": {"name": "operator", "generation": 2}, "spec": {"replicas": 2}, "status": {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2}}`, false, "operator: 2 of 2 pods are available"},
		"Deployment":          {rolledOut, `{"kind": "Deployment", "metadata": {"name": "operator"}, "spec": {"replicas": 2}, "status": {"updatedReplicas": 2, "availableReplicas": 2}}`, true, "operator: 2 of 2 pods are available"},
		"pod without a node":  {podReady, `{"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node fits"}]}}`, false, "not on a node yet: no node fits"},
		"pod prepares":        {podReady, `{"status": {"initContainerStatuses": [{"name": "prepare", "state": {"running": {}}}], "containerStatuses": [{"name": "postgres", "state": {"waiting": {"reason": "PodInitializing"}}}]}}`, false, "prepare runs and is not ready yet"},
		"pod without image":   {podReady, `{"status": {"initContainerStatuses": [{"name": "prepare", "state": {"terminated": {"exitCode": 0}}}], "containerStatuses": [{"name": "postgres", "state": {"waiting": {"reason": "ErrImagePull", "message": "no route"}}}]}}`, false, "postgres: ErrImagePull: no route"},
		"pod waits":           {podReady, `{"status": {"containerStatuses": [{"name": "postgres", "state": {"waiting": {"reason": "ContainerCreating"}}}]}}`, false, "postgres: ContainerCreating"},
		"pod failed":          {podReady, `{"status": {"initContainerStatuses": [{"name": "prepare", "state": {"terminated": {"exitCode": 3}}}]}}`, false, "prepare ended with exit code 3"},
		"pod says nothing":    {podReady, `{"status": {"phase": "Pending"}}`, false, "pending"},
		"pod":                 {podReady, `{"spec": {"nodeName": "node2"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}`, true, "ready on node2"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o Object
			if err := json.Unmarshal([]byte(tc.object), &o); err != nil {
				t.Fatal(err)
			}
			if done, detail := tc.judge(o); done != tc.done || detail != tc.detail {
				t.Errorf("done %v, %q, want %v, %q", done, detail, tc.done, tc.detail)
			}
		})
	}
}

func TestRowsOfANewDatabase(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rows int
		was  bool
		ok   bool
	}{{demoRows, false, true}, {demoRows - 1, false, false}, {demoRows, true, true}, {5, true, true}} {
		if err := judgeRows(tc.rows, tc.was); (err == nil) != tc.ok {
			t.Errorf("%d rows, was there: %v: error %v", tc.rows, tc.was, err)
		}
	}
}

func TestUsersOfVolumes(t *testing.T) {
	t.Parallel()
	got, err := usersOfVolumes([]byte(`{"items": [
		{"spec": {"csi": {"driver": "rbd.csi.seamount.dev"}, "claimRef": {"namespace": "shop"}}},
		{"spec": {"csi": {"driver": "cephfs.csi.seamount.dev"}, "claimRef": {"namespace": "demo"}}},
		{"spec": {"csi": {"driver": "rbd.csi.seamount.dev"}, "claimRef": {"namespace": "shop"}}},
		{"spec": {"csi": {"driver": "rbd.csi.seamount.dev"}}},
		{"spec": {"csi": {"driver": "other"}, "claimRef": {"namespace": "theirs"}}},
		{"spec": {"hostPath": {}, "claimRef": {"namespace": "host"}}}]}`))
	if err != nil || len(got) != 2 || got[0] != "demo" || got[1] != "shop" {
		t.Errorf("%v, %v, want demo and shop", got, err)
	}
}
