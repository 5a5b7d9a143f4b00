package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

const (
	firstDisk  = "wwn-5000c50093280000"
	askRemoval = "plan --what-if remove " + firstDisk
)

// planning is an operator that answers what is created: with what plan makes of it.
func planning(plan func(*v1alpha1.StorageOperation)) interceptor.Funcs {
	return interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		operation, is := o.(*v1alpha1.StorageOperation)
		if !is {
			return c.Create(ctx, o, opts...)
		}
		operation.Name = operation.GenerateName + "x7k2p"
		operation.Generation = 1
		if err := c.Create(ctx, operation, opts...); err != nil {
			return err
		}
		answered := operation.DeepCopy()
		if plan(answered); answered.Status.Plan == nil {
			return nil
		}
		return c.Update(ctx, answered)
	}}
}

// planned is what the operator plans for an operation of the worlds.
func planned(o *v1alpha1.StorageOperation) {
	o.Status = replaceOSD2().Status
	o.Status.ObservedGeneration, o.Status.State = o.Generation, v1alpha1.OperationHeld
	o.Status.Summary.Targets = "osd.0"
	o.Status.Targets = []v1alpha1.OperationTarget{{Disk: firstDisk, Node: "n1", OSDs: []int32{0}, Seal: "sha256:1f0c"}}
	o.Status.Plan.Steps = []v1alpha1.OperationStep{
		{Name: "Drain", Effect: v1alpha1.EffectReversible, Why: "its data moves to other OSDs"},
		{Name: "Stop", Effect: v1alpha1.EffectReversible, Why: "its daemon stops"},
		{Name: "Purge", Effect: v1alpha1.EffectFinal, Why: "its key, its place in CRUSH and its id go"},
		{Name: "Erase", Effect: v1alpha1.EffectFinal, Why: "the disk becomes Usable"},
	}
	if o.Spec.Type == v1alpha1.OperationWipe {
		o.Status.Plan.Steps = o.Status.Plan.Steps[3:]
		o.Status.Plan.Outcome, o.Status.Plan.Risks, o.Status.State = nil, nil, v1alpha1.OperationRefused
		o.Status.Plan.Blockers = []v1alpha1.Refusal{{
			Reason: "InService", Message: "disk " + o.Spec.Disks[0] + " belongs to OSDs of cluster seamount/main",
			Remedy: "create a StorageOperation of type Remove",
		}}
	}
}

// left are the operations that the API server has.
func left(t *testing.T, w *world) []v1alpha1.StorageOperation {
	t.Helper()
	var list v1alpha1.StorageOperationList
	if err := w.kube.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// TestWhatIfLeavesNothing: however it ends, the operation that asked is gone.
func TestWhatIfLeavesNothing(t *testing.T) {
	t.Parallel()
	silent := func(*v1alpha1.StorageOperation) {}
	stale := func(o *v1alpha1.StorageOperation) { planned(o); o.Status.ObservedGeneration = 0 }
	for name, tt := range map[string]struct {
		line string
		plan func(*v1alpha1.StorageOperation)
		want int
		says string
	}{
		"planned":              {askRemoval, planned, exitOK, "This can be carried out now, once somebody has approved it and accepted RedundancyLoss."},
		"a node":               {"plan --what-if=Drain --node n1", planned, exitOK, "node: n1"},
		"refused":              {"plan --what-if wipe " + firstDisk, planned, exitOK, "This cannot be carried out now: InService stands in its way."},
		"no operator":          {askRemoval + " --timeout 20ms", silent, exitFailed, "error: the operator made no plan within 20ms\nhint: is the operator running?"},
		"the plan of before":   {askRemoval + " --timeout 20ms", stale, exitFailed, "the operator made no plan"},
		"as data":              {askRemoval + " -o json", planned, exitOK, `"id": "7f3a9c"`},
		"replaced by a disk":   {"plan --what-if replace " + firstDisk + " --replacement wwn-1 --erase full", planned, exitOK, "erase: Full"},
		"of a cluster by name": {"plan --what-if remove other --storagecluster main", planned, exitOK, "- other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, planning(tt.plan), healthy().objects()...)
			if code := w.run(t, tt.line); code != tt.want {
				t.Errorf("exit code %d, want %d: %s", code, tt.want, &w.err)
			}
			if said := w.out.String() + w.err.String(); !strings.Contains(said, tt.says) {
				t.Errorf("it does not say %q:\n%s", tt.says, said)
			}
			if found := left(t, w); len(found) > 0 {
				t.Errorf("left over: %+v", found)
			}
		})
	}
}

// TestWhatIfAsksOnly: what is created is held, not approved, and says what it is.
func TestWhatIfAsksOnly(t *testing.T) {
	t.Parallel()
	var asked v1alpha1.StorageOperation
	w := newWorld(t, planning(func(o *v1alpha1.StorageOperation) { asked = *o.DeepCopy(); planned(o) }), healthy().objects()...)
	if code := w.run(t, askRemoval); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &w.err)
	}
	if asked.Spec.Intent != v1alpha1.IntentHold || asked.Spec.Approval != nil || asked.Labels[v1alpha1.LabelWhatIf] == "" ||
		asked.GenerateName != "what-if-" || asked.Namespace != "seamount" || asked.Spec.ClusterRef.Name != "main" {
		t.Errorf("created: %+v", asked)
	}
}

// TestWhatIfInterrupted: with Ctrl-C, before or after the operation was created, nothing stays.
func TestWhatIfInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, planning(func(*v1alpha1.StorageOperation) { cancel() }), healthy().objects()...)
	if code := w.app.Run(ctx, strings.Fields(askRemoval)); code != exitFailed || w.err.Len() > 0 || w.out.Len() > 0 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &w.out, &w.err)
	}
	if found := left(t, w); len(found) > 0 {
		t.Errorf("left over: %+v", found)
	}
	if code := w.app.Run(ctx, strings.Fields(askRemoval)); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if found := left(t, w); len(found) > 0 {
		t.Errorf("created although nobody waits: %+v", found)
	}
}

// TestWhatIfLosesTheReply: an operation of which nobody told us the name is found by its label.
func TestWhatIfLosesTheReply(t *testing.T) {
	t.Parallel()
	funcs := planning(planned)
	create := funcs.Create
	funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		if err := create(ctx, c, o.DeepCopyObject().(client.Object), opts...); err != nil {
			return err
		}
		return errors.New("connection reset by peer")
	}
	w := newWorld(t, funcs, troubled().objects()...)
	before := len(left(t, w))
	if code := w.run(t, askRemoval); code != exitFailed || !strings.Contains(w.err.String(), "connection reset by peer") {
		t.Errorf("exit code %d, stderr %q", code, &w.err)
	}
	if found := left(t, w); len(found) != before {
		t.Errorf("%d operations, want those of before: %+v", len(found), found)
	}
}

func TestWhatIfWithoutRights(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: v1alpha1.Group, Resource: "storageoperations"}
	denied := apierrors.NewForbidden(resource, "", errors.New(`User "alice" cannot do that`))
	undeleted := planning(planned)
	undeleted.Delete = func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error { return denied }
	for name, tt := range map[string]struct {
		funcs interceptor.Funcs
		may   bool
		wants []string
		stays int
	}{
		"create": {
			interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return denied }}, true,
			[]string{`User "alice" cannot do that`, "hint: ask for it: kubectl auth can-i create storageoperations.seamount.dev -n seamount"}, 0,
		},
		"delete":                 {planning(planned), false, []string{"you may not delete StorageOperations", "can-i delete"}, 0},
		"delete, found too late": {undeleted, true, []string{"warning: StorageOperation seamount/what-if-x7k2p only asked what if", "hint: delete it: kubectl delete"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.funcs, healthy().objects()...)
			w.kube.May = func(context.Context, string, string) (bool, error) { return tt.may, nil }
			if code := w.run(t, askRemoval); code != exitFailed {
				t.Errorf("exit code %d", code)
			}
			for _, want := range tt.wants {
				if !strings.Contains(w.err.String(), want) {
					t.Errorf("stderr lacks %q:\n%s", want, &w.err)
				}
			}
			if found := left(t, w); len(found) != tt.stays {
				t.Errorf("left over: %+v", found)
			}
		})
	}
}

func TestWhatIfUsage(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"plan --node n1", "plan --what-if explode " + firstDisk, "plan --what-if remove", "plan --what-if remove --node n1 " + firstDisk,
		"plan --what-if wipe --node n1", "plan --what-if remove x --replacement y", "plan --what-if replace x z --replacement y",
		"plan --what-if remove x --erase twice", "plan --what-if remove x --watch", "plan --what-if remove x --timeout 0s",
	} {
		w := newWorld(t, planning(planned), healthy().objects()...)
		if code := w.run(t, line); code != exitUsage || !strings.Contains(w.err.String(), "hint: ") {
			t.Errorf("%s: exit code %d, stderr %q", line, code, &w.err)
		}
	}
	second := cluster()
	second.Name = "second"
	w := newWorld(t, planning(planned), append(healthy().objects(), second)...)
	if code := w.run(t, "plan --what-if wipe unknown"); code != exitUsage || !strings.Contains(w.err.String(), "there are several StorageClusters") {
		t.Errorf("exit code %d, stderr %q", code, &w.err)
	}
}

// TestWhatIfSaysWhoApproves: a policy, a pause and what is not safe change what is said.
func TestWhatIfSaysWhoApproves(t *testing.T) {
	t.Parallel()
	unsafe := func(o *v1alpha1.StorageOperation) {
		planned(o)
		set(o.Status.Conditions, no("Safe", "DataNotClean", "3 PGs are degraded"))
	}
	for name, tt := range map[string]struct {
		change func(*v1alpha1.StorageClusterSpec)
		plan   func(*v1alpha1.StorageOperation)
		says   string
	}{
		"policy": {func(s *v1alpha1.StorageClusterSpec) {
			s.Approvals = &v1alpha1.ApprovalsSpec{Removals: v1alpha1.ApprovalAutomatic}
		}, planned,
			"it may begin as soon as it is created: spec.approvals.removals of the StorageCluster is Automatic."},
		"pause":    {func(s *v1alpha1.StorageClusterSpec) { s.Pause = v1alpha1.PauseAll }, planned, "for as long as spec.pause"},
		"not safe": {func(*v1alpha1.StorageClusterSpec) {}, unsafe, "This would wait now: 3 PGs are degraded."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := healthy()
			tt.change(&f.cluster.Spec)
			w := newWorld(t, planning(tt.plan), f.objects()...)
			if code := w.run(t, askRemoval); code != exitOK || !strings.Contains(w.out.String(), tt.says) {
				t.Errorf("exit code %d, %q is missing:\n%s%s", code, tt.says, &w.out, &w.err)
			}
		})
	}
}

// TestLeftOverQuestion: what nobody took back says what it is, and is neither approved nor let go.
func TestLeftOverQuestion(t *testing.T) {
	t.Parallel()
	o := replaceOSD2()
	o.Labels = map[string]string{v1alpha1.LabelWhatIf: "x"}
	o.CreationTimestamp = metav1.NewTime(now)
	for line, says := range map[string]string{
		"operations":                    "kubectl seamount plan --what-if asks what Replace of osd.2 would do",
		"operations " + o.Name:          "next: kubectl delete storageoperations.seamount.dev -n seamount " + o.Name,
		"why sop/" + o.Name:             "kubectl delete storageoperations.seamount.dev",
		"approve " + o.Name + " --yes":  "only asks what if",
		"hold " + o.Name + " --release": "only asks what if",
	} {
		w := newWorld(t, interceptor.Funcs{}, o.DeepCopy())
		w.run(t, line)
		if said := w.out.String() + w.err.String(); !strings.Contains(said, says) {
			t.Errorf("%s does not say %q:\n%s", line, says, said)
		}
		if now := stored(t, w); now.Spec.Approval != nil || now.Spec.Intent != v1alpha1.IntentProceed {
			t.Errorf("%s: spec %+v", line, now.Spec)
		}
	}
}
