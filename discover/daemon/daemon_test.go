package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/client-go/rest"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/confine"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/scan"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// D7: where nothing keeps discover from writing it opens no disk, and says so on each.
func TestNothingIsReadUnconfined(t *testing.T) {
	t.Parallel()
	readers := Readers{Exe: "/nonexistent", Blkid: "/nonexistent", Smartctl: "/nonexistent", Parallel: 1, Stuck: 1, Deadline: time.Second}
	sources, pool := readers.Sources("/var/lib/kubelet", confine.Means{Text: "seccomp: function not known"})
	d := disk.Disk{Name: "sdb", Kind: disk.KindPlain, Hardware: disk.Hardware{Size: 1 << 40}}
	d.Content, d.Health = sources.Content.Read(t.Context(), d), sources.Health.Read(t.Context(), d)
	j := verdict.Judge(d, verdict.Context{Node: "n3"})
	if j.Result != v1alpha1.VerdictUnknown || !strings.Contains(j.Usable.Message, "cannot give up the ability to write on this kernel: seccomp: function not known") {
		t.Errorf("judged %s: %s", j.Result, j.Usable.Message)
	}
	if d.Health.Reported || pool.Timeouts() != 0 {
		t.Errorf("something was read: %+v", d.Health)
	}
}

func TestConfinementIsAMetric(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(confinement(confine.Means{Seccomp: true}))
	want := `# HELP seamount_discover_confined 1 where this means keeps discover from opening anything for writing.
# TYPE seamount_discover_confined gauge
seamount_discover_confined{means="landlock"} 0
seamount_discover_confined{means="seccomp"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// While the API does not answer, discover runs and is not ready.
func TestRunsWithoutTheAPI(t *testing.T) {
	t.Parallel()
	nobody, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Node: "n3", Namespace: "seamount", Listen: address, Pace: scan.DefaultPace(), Readers: Readers{Parallel: 1, Stuck: 1, Deadline: time.Second}}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, &rest.Config{Host: "https://127.0.0.1:1"}, o, confine.Means{}, testr.New(t)) }()
	await := func(path string, want int) string {
		for {
			if code, body := get(t, "http://"+address+path); code == want {
				return body
			}
			select {
			case err := <-ended:
				t.Fatalf("it ended: %v", err)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	await("/healthz", http.StatusOK)
	await("/readyz", http.StatusServiceUnavailable)
	if body := await("/metrics", http.StatusOK); !strings.Contains(body, "seamount_discover_confined") {
		t.Errorf("metrics:\n%s", body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}
