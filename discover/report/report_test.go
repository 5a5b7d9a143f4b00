package report

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/applyconfiguration"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/verdict"
)

const name = "wwn-5000c50093282dee"

// world is an API server in memory that counts what is written to it, and the reporters of two nodes.
type world struct {
	*testing.T
	client.Client
	writes int
	time   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, time: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)}
	count := func() { w.writes++ }
	w.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.StorageDisk{}, &v1alpha1.StorageCluster{}).
		WithTypeConverters(applyconfiguration.NewTypeConverter(scheme)).
		WithInterceptorFuncs(counting(count)).Build()
	return w
}

func counting(count func()) interceptor.Funcs {
	return interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			count()
			return c.Apply(ctx, obj, opts...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			count()
			return c.SubResource(sub).Apply(ctx, obj, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			count()
			return c.SubResource(sub).Patch(ctx, obj, p, opts...)
		},
	}
}

// node is a reporter as if its program had just been started.
func (w *world) node(name string) *Reporter {
	return New(w.Client, w.Client, name, func() time.Time { return w.time })
}

func (w *world) report(r *Reporter, changes ...func(*disk.Disk)) Outcome {
	w.Helper()
	outcome, err := r.Report(w.Context(), sighting(changes...), verdict.Context{Node: r.node})
	if err != nil {
		w.Fatal(err)
	}
	return outcome
}

func (w *world) missing(r *Reporter, seen ...string) {
	w.Helper()
	if err := r.Missing(w.Context(), func(name string) bool { return slices.Contains(seen, name) }); err != nil {
		w.Fatal(err)
	}
}

func (w *world) get() *v1alpha1.StorageDisk {
	w.Helper()
	d := &v1alpha1.StorageDisk{}
	if err := w.Get(w.Context(), client.ObjectKey{Name: name}, d); err != nil {
		w.Fatal(err)
	}
	return d
}

// wrote asserts how many writes there were since the last call.
func (w *world) wrote(want int, what string) {
	w.Helper()
	if w.writes != want {
		w.Errorf("%s: %d writes, want %d", what, w.writes, want)
	}
	w.writes = 0
}

// operator writes what the operator owns.
func (w *world) operator() {
	w.Helper()
	d := w.get()
	d.Status.State = v1alpha1.DiskPlanned
	d.Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: "main", FSID: "8b1c"}
	d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionFresh, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonNodeReporting, LastTransitionTime: metav1.NewTime(w.time),
	})
	if err := w.Client.Status().Update(w.Context(), d, client.FieldOwner(v1alpha1.FieldOwnerOperator)); err != nil {
		w.Fatal(err)
	}
}

func sighting(changes ...func(*disk.Disk)) Sighting {
	d := disk.Disk{
		Name: "sdb", Kind: disk.KindPlain, Zoned: "none",
		Hardware: disk.Hardware{
			Media: v1alpha1.MediaHDD, Transport: v1alpha1.TransportSAS, Model: "ST16000NM002G", Serial: "ZL2ABCDE", Firmware: "E004",
			Path: "pci-0000:3b:00.0-sas-phy4", Size: 16000900661248, LogicalBlockSize: 512,
		},
		Content: disk.Content{
			Outcome: disk.OutcomeRead, Sources: []disk.Source{disk.SourceBlockdevice, disk.SourceBlkid},
			Samples: disk.Samples{Count: 4096, Bytes: 16 << 20, First: -1, Digest: "1f0c"},
		},
		Health: disk.Health{Reported: true, Source: "SMART"},
	}
	for _, change := range changes {
		change(&d)
	}
	return Sighting{Name: name, Identity: v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "5000c50093282dee"}, Disk: d}
}

func mounted(d *disk.Disk) { d.Uses = []disk.Use{{Kind: disk.UseMount, Device: "sdb", By: "/data"}} }

func (w *world) expect(node string, presence v1alpha1.Presence, result v1alpha1.VerdictResult, reason string) *v1alpha1.StorageDisk {
	w.Helper()
	d := w.get()
	var first string
	if d.Status.Verdict != nil && len(d.Status.Verdict.Reasons) > 0 {
		first = d.Status.Verdict.Reasons[0].Reason
	}
	if d.Status.Node != node || d.Status.Presence != presence || verdictOf(d) != result || first != reason {
		w.Errorf("the API has %s %s %s %s, want %s %s %s %s", d.Status.Node, d.Status.Presence, verdictOf(d), first, node, presence, result, reason)
	}
	return d
}

func TestANewDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3 := w.node("n3")
	if outcome := w.report(n3); !outcome.Ours || outcome.Before != "" || outcome.Result != v1alpha1.VerdictUsable {
		t.Errorf("the outcome is %+v", outcome)
	}
	d := w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, "")
	want := map[string]string{v1alpha1.LabelNode: "n3", v1alpha1.LabelMedia: "HDD"}
	if diff := cmp.Diff(want, d.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	status := d.Status
	if status.Device.Name != "sdb" || status.Device.Path != "pci-0000:3b:00.0-sas-phy4" || status.Identity.Value != "5000c50093282dee" ||
		status.Hardware.Size.Value() != 16000900661248 || status.Hardware.Serial != "ZL2ABCDE" || status.Content.Kind != v1alpha1.ContentEmpty {
		t.Errorf("the status is %+v", status)
	}
	if c := find(status.Conditions, v1alpha1.ConditionUsable); c == nil || c.Status != metav1.ConditionTrue || !c.LastTransitionTime.Time.Equal(w.time) {
		t.Errorf("the conditions are %+v", status.Conditions)
	}
}

func TestNothingIsWrittenWhenNothingChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3 := w.node("n3")
	w.report(n3)
	w.writes, w.time = 0, w.time.Add(time.Hour)
	w.report(n3)
	w.missing(n3, name)
	w.wrote(0, "the same again")
	restarted := w.node("n3")
	if err := restarted.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.report(restarted)
	w.missing(restarted, name)
	w.wrote(0, "after a restart")
	w.operator()
	w.report(restarted)
	w.wrote(0, "after the operator wrote")
	w.report(restarted, mounted)
	w.wrote(1, "the verdict changed")
	if d := w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictRejected, v1alpha1.ReasonMounted); d.Status.State != v1alpha1.DiskPlanned || d.Status.Claim == nil {
		t.Errorf("the operator's fields are gone: %+v", d.Status)
	}
}

func TestATransitionIsDatedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3, born := w.node("n3"), w.time
	w.report(n3, mounted)
	w.time = w.time.Add(time.Hour)
	w.report(n3, mounted, func(d *disk.Disk) { d.ReadOnly = true })
	if c := find(w.get().Status.Conditions, v1alpha1.ConditionUsable); !c.LastTransitionTime.Time.Equal(born) {
		t.Errorf("still False since %s, and dated %s", born, c.LastTransitionTime)
	}
	w.report(n3)
	if c := find(w.get().Status.Conditions, v1alpha1.ConditionUsable); !c.LastTransitionTime.Time.Equal(w.time) {
		t.Errorf("True since %s, and dated %s", w.time, c.LastTransitionTime)
	}
}

func TestFieldsThatNoLongerHoldGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3 := w.node("n3")
	w.report(n3)
	w.report(n3, func(d *disk.Disk) {
		d.Content = disk.Content{Outcome: disk.OutcomeTimeout, Text: "no answer"}
		d.Hardware.Firmware = ""
	})
	d := w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictUnknown, v1alpha1.ReasonReadTimeout)
	if d.Status.Content != nil || d.Status.Hardware.Firmware != "" || d.Status.Verdict.Seal != "" {
		t.Errorf("a disk that does not answer has %+v", d.Status)
	}
}

func TestAMissingDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3 := w.node("n3")
	w.report(n3)
	w.missing(n3)
	d := w.expect("n3", v1alpha1.PresenceMissing, v1alpha1.VerdictUnknown, v1alpha1.ReasonNotScanned)
	if d.Status.Hardware == nil || d.Status.Identity == nil || d.Status.Device != nil || find(d.Status.Conditions, v1alpha1.ConditionHealthy).Status != metav1.ConditionUnknown {
		t.Errorf("a missing disk has %+v", d.Status)
	}
	w.writes = 0
	w.missing(n3)
	w.missing(w.node("n3"))
	w.wrote(0, "still missing")
	w.report(n3)
	w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, "")
}

func TestAFailedDiskIsStillNamedWhenItIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3 := w.node("n3")
	w.report(n3, func(d *disk.Disk) { d.Health.Failing = true })
	w.missing(n3)
	if c := find(w.get().Status.Conditions, v1alpha1.ConditionHealthy); c.Reason != v1alpha1.ReasonSMARTFailing {
		t.Errorf("why it failed is forgotten: %+v", c)
	}
}

func TestADiskMovesToAnotherNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3, n4 := w.node("n3"), w.node("n4")
	w.report(n3)
	w.operator()
	uid := w.get().UID
	w.missing(n3)
	w.report(n4, func(d *disk.Disk) { d.Name, d.Hardware.Firmware = "sdx", "" })
	d := w.expect("n4", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, "")
	if d.UID != uid || d.Status.Claim == nil || d.Status.Device.Name != "sdx" || d.Labels[v1alpha1.LabelNode] != "n4" {
		t.Errorf("the object did not move with its history: %+v", d)
	}
	if d.Status.Hardware.Firmware != "" {
		t.Errorf("what n3 wrote is still there: %+v", d.Status.Hardware)
	}
	w.writes = 0
	w.missing(n3)
	w.report(n4, func(d *disk.Disk) { d.Name, d.Hardware.Firmware = "sdx", "" })
	w.wrote(0, "after the move")
	w.missing(n4)
	w.report(n3)
	w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, "")
}

func TestADiskThatTwoNodesSee(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3, n4 := w.node("n3"), w.node("n4")
	w.report(n3)
	if outcome := w.report(n4); outcome.Ours || !n4.Shared() {
		t.Errorf("the disk of n3 became the one of n4: %+v", outcome)
	}
	if d := w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, ""); !slices.Equal(d.Status.OtherNodes, []string{"n4"}) {
		t.Errorf("other nodes %v", d.Status.OtherNodes)
	}
	w.report(n3)
	w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictRejected, v1alpha1.ReasonSeveralNodes)
	w.writes = 0
	w.report(n3)
	w.report(n4)
	w.wrote(0, "both still see it")
	restarted := w.node("n4")
	if err := restarted.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.missing(restarted)
	if d := w.get(); len(d.Status.OtherNodes) != 0 || restarted.Shared() {
		t.Errorf("n4 does not see it, and other nodes are %v", d.Status.OtherNodes)
	}
	w.report(n3)
	w.expect("n3", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, "")
}

func TestASharedDiskIsTakenOverWhenItIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3, n4 := w.node("n3"), w.node("n4")
	w.report(n3)
	w.report(n4)
	w.missing(n3)
	w.report(n4)
	if d := w.expect("n4", v1alpha1.PresencePresent, v1alpha1.VerdictUsable, ""); len(d.Status.OtherNodes) != 0 || n4.Shared() {
		t.Errorf("n4 is among the others of its own disk: %v", d.Status.OtherNodes)
	}
}

// What a person or an older program wrote into discover's fields goes, and once.
func TestForeignLeftoversGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n3 := w.node("n3")
	w.report(n3, func(d *disk.Disk) { d.Hardware.Firmware = "" })
	d := w.get()
	d.Status.Hardware.Firmware, d.Status.OtherNodes = "edited", []string{"n3", "n9"}
	if err := w.Client.Status().Update(t.Context(), d, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	n3.written = map[string]*v1alpha1.StorageDisk{}
	w.report(n3, func(d *disk.Disk) { d.Hardware.Firmware = "" })
	if d := w.get(); d.Status.Hardware.Firmware != "" || !slices.Equal(d.Status.OtherNodes, []string{"n9"}) {
		t.Errorf("the leftovers are still there: %+v %v", d.Status.Hardware, d.Status.OtherNodes)
	}
}

// A cache that lags behind makes nothing be written twice.
func TestALaggingCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.report(w.node("n3"))
	old := w.get()
	lagging := interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
			old.DeepCopyInto(obj.(*v1alpha1.StorageDisk))
			return nil
		},
	})
	n3 := New(lagging, w.Client, "n3", func() time.Time { return w.time })
	w.writes = 0
	for range 3 {
		w.time = w.time.Add(time.Minute)
		w.report(n3, mounted)
	}
	w.wrote(1, "the verdict changed, and the cache does not know it")
}
