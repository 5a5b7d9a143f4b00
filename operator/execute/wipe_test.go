package execute

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

const wipeOperation = "wipe-main-1-1"

// wipeRecord is that of a deletion of a cluster with one disk.
func wipeRecord(made bool, result manifest.WipeResult) manifest.WipeRecord {
	return manifest.WipeRecord{UID: "1", FSID: fsid, Operations: []manifest.WipeOperation{{
		Name: wipeOperation, Made: made,
		Disks: []manifest.WipedDisk{{Disk: "wwn-1", OSDs: []manifest.RecordedOSD{{ID: 0, UUID: "u0"}}, Result: result}},
	}}}
}

// newWipeWorld has a StorageCluster that is being deleted with its disks erased, unless change says otherwise, and the record.
func newWipeWorld(t *testing.T, record *manifest.WipeRecord, change func(*v1alpha1.StorageCluster), others ...client.Object) *world {
	t.Helper()
	cluster := &v1alpha1.StorageCluster{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "main", UID: "1", DeletionTimestamp: new(metav1.Now()), Finalizers: []string{FinalizerCluster},
		},
		Spec: v1alpha1.StorageClusterSpec{DeletionPolicy: v1alpha1.DeletionWipe},
	}
	if change != nil {
		change(cluster)
	}
	claim := &v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}
	w := newWorld(t, append(others, cluster, usableDisk(claim))...)
	w.target.Stored.Wipe = record
	if record != nil {
		w.make(t, w.builderOf().WipeConfigMap(*record))
	}
	w.make(t, w.builderOf().IdentitySecret(*w.target.Stored.Identity))
	return w
}

func (w *world) make(t *testing.T, object client.Object) {
	t.Helper()
	if err := w.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// reserve stores an OSD on the disk.
func (w *world) reserve(t *testing.T, disk string) {
	t.Helper()
	osd := osdOn(disk)
	r := &run{Executor: w.executor, Target: w.target, stored: *w.target.Stored}
	secret, err := w.builderOf().ReservationSecret(r.reservation(osd, map[string]int64{disk: 1 << 40}))
	if err != nil {
		t.Fatal(err)
	}
	w.make(t, secret)
}

func retained(c *v1alpha1.StorageCluster) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain }

func livesOn(c *v1alpha1.StorageCluster) { c.DeletionTimestamp = nil }

// What cannot be undone is looked up on the server right before, whatever the plan was made from.
func TestWipeIsLookedUp(t *testing.T) {
	t.Parallel()
	unmade, made, done := wipeRecord(false, ""), wipeRecord(true, ""), wipeRecord(true, manifest.WipeErased)
	another := wipeRecord(true, manifest.WipeErased)
	another.UID = "2"
	asked := wipeRecord(true, manifest.WipeErased)
	asked.Directories = []manifest.WipeDirectory{{Node: "n1", Disk: "wwn-1"}}
	for name, test := range map[string]struct {
		record  *manifest.WipeRecord
		cluster func(*v1alpha1.StorageCluster)
		before  func(t *testing.T, w *world)
		do      plan.Action
		works   bool
	}{
		"recorded":               {nil, nil, nil, plan.EnsureWipe{Record: unmade}, true},
		"not deleted":            {nil, livesOn, nil, plan.EnsureWipe{Record: unmade}, false},
		"Retain":                 {nil, retained, nil, plan.EnsureWipe{Record: unmade}, false},
		"another cluster by now": {nil, func(c *v1alpha1.StorageCluster) { c.UID = "2" }, nil, plan.EnsureWipe{Record: unmade}, false},
		"an operation has begun": {nil, nil, func(t *testing.T, w *world) {
			w.make(t, w.builderOf().OperationConfigMap(manifest.OperationRecord{Operation: "remove-x"}))
		}, plan.EnsureWipe{Record: unmade}, false},
		"a pool was made": {nil, nil, func(t *testing.T, w *world) {
			w.make(t, &v1alpha1.StoragePool{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"},
				Spec: v1alpha1.StoragePoolSpec{ClusterRef: v1alpha1.ClusterReference{Name: "main"}}})
		}, plan.EnsureWipe{Record: unmade}, false},
		"a pool of another cluster": {nil, nil, func(t *testing.T, w *world) {
			w.make(t, &v1alpha1.StoragePool{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"},
				Spec: v1alpha1.StoragePoolSpec{ClusterRef: v1alpha1.ClusterReference{Name: "other"}}})
		}, plan.EnsureWipe{Record: unmade}, true},
		"its disk is reserved":      {nil, nil, func(t *testing.T, w *world) { w.reserve(t, "wwn-1") }, plan.EnsureWipe{Record: unmade}, true},
		"another disk was reserved": {nil, nil, func(t *testing.T, w *world) { w.reserve(t, "wwn-2") }, plan.EnsureWipe{Record: unmade}, false},
		"made":                      {&unmade, nil, nil, plan.MakeOperation{Operation: unmade.Operations[0]}, true},
		"made before":               {&made, nil, nil, plan.MakeOperation{Operation: unmade.Operations[0]}, false},
		"not recorded":              {nil, nil, nil, plan.MakeOperation{Operation: unmade.Operations[0]}, false},
		"made, and Retain by now":   {&unmade, retained, nil, plan.MakeOperation{Operation: unmade.Operations[0]}, false},
		"forgotten":                 {&done, nil, nil, plan.ForgetCluster{}, true},
		"a disk is left":            {&made, nil, nil, plan.ForgetCluster{}, false},
		"a directory is left":       {&asked, nil, nil, plan.ForgetCluster{}, false},
		"forgotten, not deleted":    {&done, livesOn, nil, plan.ForgetCluster{}, false},
		"forgotten, Retain by now":  {&done, retained, nil, plan.ForgetCluster{}, false},
		"of another cluster":        {&another, nil, nil, plan.ForgetCluster{}, false},
		"forgotten, a disk unknown": {&done, nil, func(t *testing.T, w *world) { w.reserve(t, "wwn-2") }, plan.ForgetCluster{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, test.record, test.cluster)
			if test.before != nil {
				test.before(t, w)
			}
			outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(test.do, "step")}})
			if (outcome.Done == 1) != test.works || outcome.Err != nil {
				t.Fatalf("done %d, %v", outcome.Done, outcome.Err)
			}
			_, forgets := test.do.(plan.ForgetCluster)
			if kept := w.exists(t, &corev1.Secret{}, manifest.IdentityName("main")); kept == (forgets && test.works) {
				t.Errorf("the identity is there: %t", kept)
			}
			_, makes := test.do.(plan.MakeOperation)
			if found := w.exists(t, &v1alpha1.StorageOperation{}, wipeOperation); found != (makes && test.works) {
				t.Errorf("the operation is there: %t", found)
			}
		})
	}
}

// Agents are asked to remove directories only when the server says that all disks are erased, and that no pod is left there.
func TestDirectoriesAreLookedUp(t *testing.T) {
	t.Parallel()
	done := wipeRecord(true, manifest.WipeErased)
	pod := func(node string, phase corev1.PodPhase) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "ceph-main-recovery-a", Labels: map[string]string{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue("ns", "main")},
		}, Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: phase}}
	}
	ends := pod("n1", corev1.PodRunning)
	ends.DeletionTimestamp, ends.Finalizers = new(metav1.Now()), []string{"test/kept"}
	running := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: wipeOperation}}
	for name, test := range map[string]struct {
		result  manifest.WipeResult
		cluster func(*v1alpha1.StorageCluster)
		object  client.Object
		works   bool
		left    string // why the directory on n1 stays; empty: its agent is asked
	}{
		"asked":               {result: manifest.WipeErased, works: true},
		"a disk was given up": {result: manifest.WipeLeft},
		"not deleted":         {result: manifest.WipeErased, cluster: livesOn},
		"Retain by now":       {result: manifest.WipeErased, cluster: retained},
		"a pod ends":          {result: manifest.WipeErased, object: ends},
		"a pod has ended":     {result: manifest.WipeErased, object: pod("n1", corev1.PodSucceeded), works: true},
		"a pod has failed":    {result: manifest.WipeErased, object: pod("n1", corev1.PodFailed), works: true},
		"a pod that nobody ends": {
			result: manifest.WipeErased, object: pod("n1", corev1.PodRunning), works: true, left: "pod ceph-main-recovery-a is left there",
		},
		"a pod is left where nobody is":    {result: manifest.WipeErased, object: pod("n2", corev1.PodRunning), works: true},
		"an operation is not seen to live": {result: manifest.WipeErased, object: running},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var others []client.Object
			if test.object != nil {
				others = append(others, test.object.DeepCopyObject().(client.Object))
			}
			w := newWipeWorld(t, &done, test.cluster, others...)
			asked := wipeRecord(true, test.result)
			asked.Asked = time.Unix(1, 0).UTC()
			asked.Directories = []manifest.WipeDirectory{{Node: "n1", Disk: "wwn-1"}, {Node: "n2", Result: manifest.WipeLeft}}
			outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(plan.RecordWipe{Record: asked}, "step")}})
			if (outcome.Done == 1) != test.works || outcome.Err != nil {
				t.Fatalf("done %d, %v", outcome.Done, outcome.Err)
			}
			stored, err := WipeRecord(t.Context(), w, client.ObjectKey{Namespace: "ns", Name: "main"}, fsid)
			if err != nil {
				t.Fatal(err)
			}
			if test.works && (stored.Directories[0].Message != test.left || (stored.Directories[0].Result == manifest.WipeLeft) != (test.left != "")) {
				t.Errorf("stored are %+v", stored.Directories)
			}
		})
	}
}

// The record of an earlier deletion is not taken for this one's: neither that of another fsid, nor that of another StorageCluster.
func TestWipeRecordOfAnother(t *testing.T) {
	t.Parallel()
	stale, record := wipeRecord(true, manifest.WipeErased), wipeRecord(false, "")
	stale.UID = "0"
	w := newWipeWorld(t, &stale, nil)
	other := wipeRecord(true, manifest.WipeErased)
	other.FSID = "f" + fsid
	w.make(t, w.builderOf().WipeConfigMap(other))
	read := func() *manifest.WipeRecord {
		stored, err := observe.Read(t.Context(), w, w, plan.ClusterKey{Namespace: "ns", Name: "main"})
		if err != nil {
			t.Fatal(err)
		}
		stored.Know(fsid)
		return stored.Wipe
	}
	if got := read(); got == nil || got.FSID != fsid || got.UID != "0" {
		t.Fatalf("read %+v", got)
	}
	w.runs(t, plan.EnsureWipe{Record: record})
	if diff := cmp.Diff(&record, read()); diff != "" {
		t.Errorf("what is stored (-want +got):\n%s", diff)
	}
	w.runs(t, plan.EnsureWipe{Record: wipeRecord(false, manifest.WipeLeft)}) // seen late: what is stored stays
	if got := read(); got.Disk("wwn-1").Result != "" {
		t.Errorf("what is stored: %+v", got)
	}
}

// That an operation is not seen is no person's decision: it may be made, and the cache old.
func TestWipeOperationIsSeenLate(t *testing.T) {
	t.Parallel()
	running, left, erased := wipeRecord(true, ""), wipeRecord(true, manifest.WipeLeft), wipeRecord(true, manifest.WipeErased)
	ended := v1alpha1.StorageOperationStatus{
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue}},
		Targets:    []v1alpha1.OperationTarget{{Disk: "wwn-1", Report: &v1alpha1.TargetReport{Result: v1alpha1.ReportVerified}}},
	}
	for name, test := range map[string]struct {
		record *manifest.WipeRecord
		status *v1alpha1.StorageOperationStatus // nil: there is no object
		do     plan.Action
		works  bool
	}{
		"gone":                       {&running, nil, plan.RecordWipe{Record: left}, true},
		"there, and taken for gone":  {&running, &v1alpha1.StorageOperationStatus{}, plan.RecordWipe{Record: left}, false},
		"there, and the disk empty":  {&running, &v1alpha1.StorageOperationStatus{}, plan.RecordWipe{Record: erased}, false},
		"erased":                     {&running, &ended, plan.RecordWipe{Record: erased}, true},
		"erased, and taken for gone": {&running, &ended, plan.RecordWipe{Record: left}, false},
		"forgotten while it runs":    {&left, &v1alpha1.StorageOperationStatus{}, plan.ForgetCluster{}, false},
		"forgotten, and it ended":    {&erased, &ended, plan.ForgetCluster{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, test.record, nil)
			if test.status != nil {
				w.make(t, &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: wipeOperation}, Status: *test.status})
			}
			outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(test.do, "step")}})
			if (outcome.Done == 1) != test.works || outcome.Err != nil {
				t.Errorf("done %d, %v", outcome.Done, outcome.Err)
			}
		})
	}
}

// Somebody's operation of the name is not taken for the deletion's.
func TestWipeOperationOfAnother(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]v1alpha1.StorageOperationSpec{
		"more disks":      {Type: v1alpha1.OperationWipe, Disks: []string{"wwn-1", "wwn-9"}, Erase: v1alpha1.EraseSignatures},
		"nothing erased":  {Type: v1alpha1.OperationWipe, Disks: []string{"wwn-1"}, Erase: v1alpha1.EraseNone},
		"of another type": {Type: v1alpha1.OperationRemove, Disks: []string{"wwn-1"}, Erase: v1alpha1.EraseSignatures},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := wipeRecord(false, "")
			w := newWipeWorld(t, &record, nil)
			spec.ClusterRef.Name = "main"
			w.make(t, &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{
				Namespace: "ns", Name: wipeOperation, Labels: map[string]string{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue("ns", "main")},
			}, Spec: spec})
			w.run(t, plan.MakeOperation{Operation: record.Operations[0]}, false)
		})
	}
}

// An operation of a deletion begins only for what is recorded, and when no OSD has a Deployment, as the server says.
func TestWipeMayBegin(t *testing.T) {
	t.Parallel()
	recorded := wipeRecord(true, "")
	asked := func() manifest.OperationRecord {
		return manifest.OperationRecord{
			Operation: wipeOperation, UID: "o", Type: v1alpha1.OperationWipe, Deletion: true, DeletionOf: "1", Plan: v1alpha1.OperationPlan{ID: "p"},
			Disks: []manifest.RecordedDisk{{Disk: "wwn-1", FSID: fsid, OSDs: []string{"u0"}}},
		}
	}
	for name, test := range map[string]struct {
		cluster func(*v1alpha1.StorageCluster)
		change  func(t *testing.T, w *world, r *manifest.OperationRecord)
		works   bool
	}{
		"as recorded":            {nil, func(*testing.T, *world, *manifest.OperationRecord) {}, true},
		"not deleted":            {livesOn, func(*testing.T, *world, *manifest.OperationRecord) {}, false},
		"Retain":                 {retained, func(*testing.T, *world, *manifest.OperationRecord) {}, false},
		"another name":           {nil, func(_ *testing.T, _ *world, r *manifest.OperationRecord) { r.Operation = "wipe-x" }, false},
		"another disk":           {nil, func(_ *testing.T, _ *world, r *manifest.OperationRecord) { r.Disks[0].Disk = "wwn-2" }, false},
		"another OSD":            {nil, func(_ *testing.T, _ *world, r *manifest.OperationRecord) { r.Disks[0].OSDs = []string{"u0", "u1"} }, false},
		"another StorageCluster": {nil, func(_ *testing.T, _ *world, r *manifest.OperationRecord) { r.DeletionOf = "0" }, false},
		"another fsid":           {nil, func(_ *testing.T, _ *world, r *manifest.OperationRecord) { r.Disks[0].FSID = "f" }, false},
		"an OSD runs": {nil, func(t *testing.T, w *world, _ *manifest.OperationRecord) {
			deployment := deploymentOf(client.ObjectKey{Namespace: "ns", Name: "main"}, 0)
			deployment.Labels = map[string]string{
				v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue("ns", "main"), manifest.LabelComponent: manifest.ComponentOSD,
			}
			w.make(t, deployment)
		}, false},
		"one that is no deletion's": {nil, func(_ *testing.T, _ *world, r *manifest.OperationRecord) { r.Deletion = false }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, &recorded, test.cluster)
			record := asked()
			test.change(t, w, &record)
			object := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: record.Operation, UID: types.UID("o")}}
			w.make(t, object)
			operations := &Operations{Client: w, Live: w, Applier: NewApplier(w), Events: &events.FakeRecorder{}}
			target := OperationTarget{
				Object: object, Cluster: client.ObjectKey{Namespace: "ns", Name: "main"}, FSID: fsid,
				Recheck: func(context.Context) (plan.OperationDraft, *ceph.Snapshot, error) {
					return plan.OperationDraft{Plan: v1alpha1.OperationPlan{ID: "p"}}, nil, nil
				},
			}
			done, err := operations.Run(t.Context(), target, []plan.Step{step(plan.BeginOperation{Record: record}, "begin")})
			if (done == 1) != test.works || err != nil {
				t.Errorf("done %d, %v", done, err)
			}
			if found := w.exists(t, &corev1.ConfigMap{}, manifest.OperationRecordName("main", record.Operation)); found != test.works {
				t.Errorf("the record is there: %t", found)
			}
		})
	}
}

// An agent is asked to erase only what the server says is still to be erased, whatever the caches show.
func TestWipeMayAsk(t *testing.T) {
	t.Parallel()
	recorded, settled := wipeRecord(true, ""), wipeRecord(true, manifest.WipeLeft)
	another := wipeRecord(true, "")
	another.UID = "2"
	osd := deploymentOf(client.ObjectKey{Namespace: "ns", Name: "main"}, 0)
	osd.Labels = map[string]string{
		v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue("ns", "main"), manifest.LabelComponent: manifest.ComponentOSD,
	}
	for name, test := range map[string]struct {
		wipe    *manifest.WipeRecord
		cluster func(*v1alpha1.StorageCluster)
		object  func(*v1alpha1.StorageOperation)
		before  manifest.RecordedDisk
		running client.Object
		works   bool
	}{
		"asked":               {wipe: &recorded, works: true},
		"asked before":        {wipe: &settled, before: manifest.RecordedDisk{Asked: true, Seal: "s"}, works: true},
		"sealed anew":         {wipe: &settled, before: manifest.RecordedDisk{Asked: true, Seal: "r"}},
		"not deleted":         {wipe: &recorded, cluster: livesOn},
		"Retain by now":       {wipe: &recorded, cluster: retained},
		"of another cluster":  {wipe: &another},
		"no record":           {},
		"given up":            {wipe: &settled},
		"an OSD runs":         {wipe: &recorded, running: osd},
		"it is being deleted": {wipe: &recorded, object: func(o *v1alpha1.StorageOperation) { o.DeletionTimestamp = new(metav1.Now()) }},
		"it was made anew":    {wipe: &recorded, object: func(o *v1alpha1.StorageOperation) { o.UID = "p" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{
				Namespace: "ns", Name: wipeOperation, UID: "o", Finalizers: []string{manifest.FinalizerOperation},
			}}
			seen := object.DeepCopy()
			if test.object != nil {
				test.object(object)
			}
			w := newWipeWorld(t, test.wipe, test.cluster, object)
			if test.running != nil {
				w.make(t, test.running)
			}
			record := manifest.OperationRecord{Operation: wipeOperation, UID: "o", Type: v1alpha1.OperationWipe, Deletion: true, DeletionOf: "1"}
			record.Disks = []manifest.RecordedDisk{test.before}
			record.Disks[0].Disk, record.Disks[0].FSID, record.Disks[0].OSDs = "wwn-1", fsid, []string{"u0"}
			before := record.Copy()
			record.Disks[0].Asked, record.Disks[0].Seal = true, "s"
			operations := &Operations{Client: w, Live: w, Applier: NewApplier(w), Events: &events.FakeRecorder{}}
			target := OperationTarget{Object: seen, Cluster: client.ObjectKey{Namespace: "ns", Name: "main"}, FSID: fsid, Record: before}
			done, err := operations.Run(t.Context(), target, []plan.Step{step(plan.RecordOperation{Record: record}, "record")})
			if (done == 1) != test.works || err != nil {
				t.Errorf("done %d, %v", done, err)
			}
		})
	}
}
