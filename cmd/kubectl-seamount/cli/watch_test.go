package cli

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// screen hands on each block that is printed.
type screen struct{ blocks chan string }

func (s screen) Write(p []byte) (int, error) {
	s.blocks <- string(p)
	return len(p), nil
}

// block waits for the next block.
func (s screen) block(t *testing.T) string {
	t.Helper()
	select {
	case b := <-s.blocks:
		return b
	case <-time.After(time.Minute):
		t.Fatal("nothing was printed")
		return ""
	}
}

// change sets what the cluster says of itself.
func change(t *testing.T, w *world, message string) {
	t.Helper()
	var c v1alpha1.StorageCluster
	if err := w.kube.Get(t.Context(), client.ObjectKey{Namespace: "seamount", Name: "main"}, &c); err != nil {
		t.Fatal(err)
	}
	set(c.Status.Conditions, yes("Ready", "Serving", message))
	if err := w.kube.Update(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line     string
		terminal bool
		between  string
	}{
		"pipe":     {"status --watch", false, "---\nseamount/main"},
		"terminal": {"status -w", true, "\x1b[H\x1b[2Jseamount/main"},
		"JSON":     {"status -w -o json", true, "{"},
		"YAML":     {"status -w -o yaml", true, "---\nclusters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, interceptor.Funcs{}, healthy().objects()...)
			s := screen{make(chan string)}
			w.app.Out, w.app.OutTerminal = s, tt.terminal
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan int)
			go func() { ended <- w.app.Run(ctx, strings.Fields(tt.line)) }()
			if first := s.block(t); !strings.Contains(first, "HEALTH_OK") || strings.HasPrefix(first, "---") {
				t.Errorf("first block %q", first)
			}
			change(t, w, "all is new")
			if second := s.block(t); !strings.HasPrefix(second, tt.between) || !strings.Contains(second, "all is new") {
				t.Errorf("second block %q", second)
			}
			cancel()
			if code := <-ended; code != exitFailed || w.err.Len() > 0 {
				t.Errorf("exit code %d, stderr %q", code, &w.err)
			}
		})
	}
}

// TestWatchGoesOn: a watch that the API server ends is begun anew, and what is the same is not printed twice.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var begun []*watch.RaceFreeFakeWatcher
	again := make(chan struct{}, 100)
	w := newWorld(t, interceptor.Funcs{Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
		mu.Lock()
		defer mu.Unlock()
		begun = append(begun, watch.NewRaceFreeFake())
		again <- struct{}{}
		return begun[len(begun)-1], nil
	}}, healthy().objects()...)
	s := screen{make(chan string)}
	w.app.Out = s
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- w.app.Run(ctx, []string{"plan", "--watch"}) }()
	first := s.block(t)
	for range 2 { // of clusters and of disks
		<-again
	}
	mu.Lock()
	begun[0].Stop()
	mu.Unlock()
	for range 2 {
		<-again
	}
	var c v1alpha1.StorageCluster
	if err := w.kube.Get(t.Context(), client.ObjectKey{Namespace: "seamount", Name: "main"}, &c); err != nil {
		t.Fatal(err)
	}
	c.Status.Plan.Message = "something to do"
	if err := w.kube.Update(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	begun[2].Modify(&c)
	mu.Unlock()
	if second := s.block(t); second == first || !strings.Contains(second, "something to do") {
		t.Errorf("second block %q", second)
	}
	cancel()
	<-ended
}

func TestTable(t *testing.T) {
	t.Parallel()
	type row struct{ a, b, c string }
	columns := []column[row]{
		{name: "A", cell: func(r row) string { return r.a }},
		{name: "B", cell: func(r row) string { return r.b }},
		{name: "C", cell: func(r row) string { return r.c }, wide: true},
	}
	rows := []row{{"1", "", "x\ny"}, {"", "", "z"}}
	for name, tt := range map[string]struct {
		output output
		want   string
	}{
		"an empty column is left out": {output{format: formatTable}, "A\n1\n-\n"},
		"wide":                        {output{format: formatWide}, "A   C\n1   x y\n-   z\n"},
		"no headers":                  {output{format: formatWide, noHeaders: true}, "1   x y\n-   z\n"},
	} {
		p := &paper{output: tt.output}
		table(p, "", rows, columns...)
		if !bytes.Equal(p.Bytes(), []byte(tt.want)) {
			t.Errorf("%s: %q, want %q", name, p, tt.want)
		}
	}
}

// TestWatchAnOperation: an operation is shown again as it goes on.
func TestWatchAnOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, interceptor.Funcs{}, working().objects()...)
	s := screen{make(chan string)}
	w.app.Out = s
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- w.app.Run(ctx, []string{"operations", "remove-n2", "--watch"}) }()
	if first := s.block(t); !strings.Contains(first, "progress: 55%, 17 PGs left, 3.1 TB left, done in about 1h8m") {
		t.Errorf("first block %q", first)
	}
	var o v1alpha1.StorageOperation
	if err := w.kube.Get(t.Context(), client.ObjectKey{Namespace: "seamount", Name: "remove-n2"}, &o); err != nil {
		t.Fatal(err)
	}
	o.Status.Progress = &v1alpha1.OperationProgress{Percent: 60}
	if err := w.kube.Update(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	if second := s.block(t); !strings.Contains(second, "progress: 60%\n") {
		t.Errorf("second block %q", second)
	}
	cancel()
	<-ended
}
