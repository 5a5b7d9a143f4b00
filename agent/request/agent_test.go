package request

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/agent/refusal"
	api "github.com/seamount-dev/seamount/api/v1alpha1"
)

// fakeDisks says what it is told to, and counts.
type fakeDisks struct {
	mu    sync.Mutex
	errs  []error // one after the other; the last for ever
	calls []string
}

func (f *fakeDisks) Partition(_ context.Context, name string, request api.DiskRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, name+" "+request.ID)
	err := f.errs[0]
	if len(f.errs) > 1 {
		f.errs = f.errs[1:]
	}
	return err
}

// Erase counts, and erases as many bytes as nothing else here.
func (f *fakeDisks) Erase(ctx context.Context, name string, request api.DiskRequest) (int64, error) {
	return 4096, f.Partition(ctx, "erase "+name, request)
}

// Remove counts, as what the fsid says.
func (f *fakeDisks) Remove(ctx context.Context, fsid string) error {
	return f.Partition(ctx, "remove "+fsid, api.DiskRequest{ID: "directory"})
}

type world struct {
	*Agent
	disks  *fakeDisks
	writes int
	down   bool
}

func newWorld(t *testing.T, d *api.StorageDisk, errs ...error) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := api.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{disks: &fakeDisks{errs: errs}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(d).WithObjects(d).
		WithInterceptorFuncs(interceptor.Funcs{SubResourceApply: func(ctx context.Context, c client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if w.writes++; w.down {
				return errors.New("the API is down")
			}
			return c.SubResource(sub).Apply(ctx, o, opts...)
		}}).Build()
	w.Agent = &Agent{Node: "n1", Disks: w.disks, Eraser: w.disks, Directories: w.disks, Log: logr.Discard(), Own: c, API: c}
	return w
}

func asking(change ...func(s *api.StorageDiskStatus)) *api.StorageDisk {
	d := &api.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "wwn-1"}, Status: api.StorageDiskStatus{
		Node: "n1", Request: &api.DiskRequest{ID: "r1", Action: api.DiskActionPartition, Node: "n1", Seal: "sha256:0"},
	}}
	for _, c := range change {
		c(&d.Status)
	}
	return d
}

func reported(id string, result api.DiskReportResult) func(s *api.StorageDiskStatus) {
	return func(s *api.StorageDiskStatus) { s.Report = &api.DiskReport{ID: id, Node: "n1", Result: result} }
}

func (w *world) report(t *testing.T) *api.DiskReport {
	t.Helper()
	var d api.StorageDisk
	if err := w.API.Get(t.Context(), client.ObjectKey{Name: "wwn-1"}, &d); err != nil {
		t.Fatal(err)
	}
	return d.Status.Report
}

// Only a request to this node, for a disk in this node, that is neither done nor refused, is work.
func TestAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *api.StorageDiskStatus)
		want   int
	}{
		"asked":                   {func(*api.StorageDiskStatus) {}, 1},
		"not asked":               {func(s *api.StorageDiskStatus) { s.Request = nil }, 0},
		"another node is asked":   {func(s *api.StorageDiskStatus) { s.Request.Node = "n2" }, 0},
		"the disk is elsewhere":   {func(s *api.StorageDiskStatus) { s.Node = "n2" }, 0},
		"done":                    {reported("r1", api.DiskReportDone), 0},
		"refused":                 {reported("r1", api.DiskReportRefused), 0},
		"failed":                  {reported("r1", api.DiskReportFailed), 1},
		"an earlier one was done": {reported("r0", api.DiskReportDone), 1},
		"refused by another node": {func(s *api.StorageDiskStatus) {
			s.Report = &api.DiskReport{ID: "r1", Node: "n2", Result: api.DiskReportRefused}
		}, 1},
	} {
		w := newWorld(t, asking(c.change), nil)
		if again, err := w.Serve(t.Context(), "wwn-1"); again || err != nil || len(w.disks.calls) != c.want || w.writes != c.want {
			t.Errorf("%s: %t, %v, worked %q, %d writes", name, again, err, w.disks.calls, w.writes)
		}
	}
}

// What came of a request is reported in the words of the API.
func TestReport(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 2000)
	for name, c := range map[string]struct {
		err    error
		result api.DiskReportResult
		reason string
	}{
		"done":    {nil, api.DiskReportDone, ""},
		"refused": {refusal.New("DiskChanged", "look", "a byte"), api.DiskReportRefused, "DiskChanged"},
		"busy":    {refusal.NewPassing("DiskBusy", "wait", "held"), api.DiskReportFailed, "DiskBusy"},
		"broken":  {errors.New("input/output error"), api.DiskReportFailed, api.ReasonPrepareFailed},
		"long":    {refusal.New("DiskChanged", long, "%s", long), api.DiskReportRefused, "DiskChanged"},
	} {
		w := newWorld(t, asking(), c.err)
		again, err := w.Serve(t.Context(), "wwn-1")
		got := w.report(t)
		if err != nil || got == nil || got.ID != "r1" || got.Node != "n1" || got.Result != c.result || again != (c.result == api.DiskReportFailed) {
			t.Fatalf("%s: %+v, again %t, %v", name, got, again, err)
		}
		if (got.Refusal == nil) != (c.reason == "") {
			t.Fatalf("%s: %+v", name, got)
		}
		if r := got.Refusal; r != nil && (r.Reason != c.reason || r.Message == "" || r.Remedy == "" || len([]rune(r.Message)) > 1024 || len([]rune(r.Remedy)) > 1024) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The same failure again writes nothing; another result takes the refusal away.
func TestReportChanges(t *testing.T) {
	t.Parallel()
	busy := refusal.NewPassing("DiskBusy", "wait", "held")
	w := newWorld(t, asking(), busy, busy, nil)
	for i, want := range []int{1, 1, 2, 2} {
		if _, err := w.Serve(t.Context(), "wwn-1"); err != nil || w.writes != want {
			t.Errorf("round %d: %v, %d writes", i, err, w.writes)
		}
	}
	if diff := cmp.Diff(&api.DiskReport{ID: "r1", Node: "n1", Result: api.DiskReportDone}, w.report(t)); diff != "" || len(w.disks.calls) != 3 {
		t.Error(diff, w.disks.calls)
	}
}

// An action goes to who knows it, and what was erased is reported once it is.
func TestActions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action api.DiskAction
		err    error
		calls  []string
		want   api.DiskReport
	}{
		"partition": {api.DiskActionPartition, nil, []string{"wwn-1 r1"}, api.DiskReport{Result: api.DiskReportDone}},
		"erase":     {api.DiskActionErase, nil, []string{"erase wwn-1 r1"}, api.DiskReport{Result: api.DiskReportDone, ErasedBytes: 4096}},
		"directory": {api.DiskActionRemoveHostDirectory, nil, []string{"remove f directory"}, api.DiskReport{Result: api.DiskReportDone}},
		"broken":    {api.DiskActionErase, errors.New("broken"), []string{"erase wwn-1 r1"}, api.DiskReport{Result: api.DiskReportFailed}},
		"unknown":   {"Paint", nil, nil, api.DiskReport{Result: api.DiskReportRefused}},
	} {
		w := newWorld(t, asking(func(s *api.StorageDiskStatus) { s.Request.Action, s.Request.FSID = c.action, "f" }), c.err)
		if _, err := w.Serve(t.Context(), "wwn-1"); err != nil {
			t.Fatal(err)
		}
		got := w.report(t)
		if got.Result != c.want.Result || got.ErasedBytes != c.want.ErasedBytes || cmp.Diff(c.calls, w.disks.calls) != "" {
			t.Errorf("%s: %+v, worked %q", name, got, w.disks.calls)
		}
	}
}

// What the server does not ask for any more, or does not answer about, is not erased, whatever the cache says; it is tried again.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	toErase := func(s *api.StorageDiskStatus) { s.Request.Action = api.DiskActionErase }
	for name, c := range map[string]struct {
		now   func(s *api.StorageDiskStatus)
		fails error
		calls int
	}{
		"asked":             {func(*api.StorageDiskStatus) {}, nil, 1},
		"withdrawn":         {func(s *api.StorageDiskStatus) { s.Request = nil }, nil, 0},
		"asked anew":        {func(s *api.StorageDiskStatus) { s.Request.ID = "r2" }, nil, 0},
		"in another node":   {func(s *api.StorageDiskStatus) { s.Node = "n2" }, nil, 0},
		"done already":      {reported("r1", api.DiskReportDone), nil, 0},
		"the API is silent": {func(*api.StorageDiskStatus) {}, errors.New("no route to host"), 0},
	} {
		w := newWorld(t, asking(toErase, c.now), nil)
		w.Own = newWorld(t, asking(toErase), nil).API
		w.API = interceptor.NewClient(w.API.(client.WithWatch), interceptor.Funcs{
			Get: func(ctx context.Context, live client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if c.fails != nil {
					return c.fails
				}
				return live.Get(ctx, key, o, opts...)
			},
		})
		again, err := w.Serve(t.Context(), "wwn-1")
		if len(w.disks.calls) != c.calls || w.writes != c.calls || again != (c.calls == 0) || !errors.Is(err, c.fails) {
			t.Errorf("%s: worked %q, %d writes, again %t, %v", name, w.disks.calls, w.writes, again, err)
		}
	}
}

func TestServeWithoutAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asking(), nil)
	w.down = true
	if _, err := w.Serve(t.Context(), "wwn-1"); err == nil {
		t.Error("the report is lost")
	}
	if again, err := w.Serve(t.Context(), "gone"); again || err != nil {
		t.Errorf("a disk that is gone: %t, %v", again, err)
	}
}

// What failed is tried again until it is done; a report that the API did not take, too.
func TestTriesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asking(), errors.New("broken"), errors.New("broken"), nil)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := newQueue()
		ended := make(chan struct{})
		go func() { w.work(ctx, q); close(ended) }()
		q.Add("wwn-1")
		<-time.After(time.Minute)
		cancel()
		<-ended
		if len(w.disks.calls) != 3 || w.report(t).Result != api.DiskReportDone {
			t.Errorf("worked %q, %+v", w.disks.calls, w.report(t))
		}
	})
}
