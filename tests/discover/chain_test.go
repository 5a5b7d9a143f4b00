//go:build e2e

package discover

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/discover/reader"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/discover/verdict"
	"github.com/seamount-dev/seamount/tests/loopdev"
	"github.com/seamount-dev/seamount/tests/pidspace"
	"github.com/seamount-dev/seamount/tests/static"
)

// node is the name that this machine has here.
const node = "n1"

// deadline for one disk: generous, since the machine is busy with other tests.
const deadline = 60 * time.Second

// chain is discover from the kernel to the verdict, without an API.
type chain struct {
	inventory inventory.Reader
	reader    reader.Reader
	context   verdict.Context
}

// judged is what discover knows of a disk after one scan.
type judged struct {
	disk.Disk
	verdict.Judgement
	name string
	id   v1alpha1.DiskIdentity
	seal string
}

// programDir is the directory of program, empty while it was not built.
var programDir string

// program is the static program for nodes, built once from this checkout.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "seamount-discover-")
	if err != nil {
		return "", err
	}
	programDir = dir
	exe := filepath.Join(dir, "seamount-node")
	cmd := static.Build(exe, "github.com/seamount-dev/seamount/cmd/seamount-node")
	cmd.Stderr = os.Stderr
	return exe, cmd.Run()
})

func TestMain(m *testing.M) {
	if task := os.Getenv(confinedDevice); task != "" {
		if err := confined(task); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if status, outside := pidspace.Enter(); outside {
		os.Exit(status)
	}
	status := m.Run()
	if programDir != "" {
		os.RemoveAll(programDir) //nolint:errcheck // a directory of temporary files
	}
	os.Exit(status)
}

func newChain(t testing.TB) *chain {
	t.Helper()
	exe, err := program()
	if err != nil {
		t.Fatalf("build seamount-node: %v", err)
	}
	blkid, err := exec.LookPath("blkid")
	if err != nil {
		t.Fatal(err)
	}
	return &chain{
		reader:  reader.Reader{Pool: reader.NewPool(4, 8), Exe: exe, Blkid: blkid, Deadline: deadline},
		context: verdict.Context{Node: node, Kubelet: "/var/lib/kubelet"},
	}
}

// scan takes the inventory, and reads and judges the given disks, all others left alone.
func (c *chain) scan(t testing.TB, disks ...*loopdev.Disk) map[string]judged {
	t.Helper()
	found, err := c.inventory.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	all := map[string]judged{}
	g, ctx := errgroup.WithContext(t.Context())
	for _, d := range found {
		if !among(disks, d.Name) {
			continue
		}
		g.Go(func() error {
			j := c.judge(ctx, d)
			mu.Lock()
			defer mu.Unlock()
			all[d.Name] = j
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (c *chain) judge(ctx context.Context, d disk.Disk) judged {
	if !verdict.Unreadable(d, c.context) {
		d.Content = c.reader.Read(ctx, d)
	}
	j := judged{Disk: d, Judgement: verdict.Judge(d, c.context)}
	j.name, j.id = identity.Of(d, node)
	j.seal = seal.Of(d, j.id)
	return j
}

func among(disks []*loopdev.Disk, name string) bool {
	for _, d := range disks {
		if d.Name == name {
			return true
		}
	}
	return false
}

// mustBe compares what is said of a disk with what must be said. An empty reason stands for a disk that is Usable.
func (j judged) mustBe(t *testing.T, result v1alpha1.VerdictResult, reason string, kind v1alpha1.ContentKind) {
	t.Helper()
	var first, content string
	if len(j.Reasons) > 0 {
		first = j.Reasons[0].Reason
	}
	if j.Judgement.Content != nil {
		content = string(j.Judgement.Content.Kind)
	}
	if j.Result != result || first != reason || content != string(kind) {
		t.Errorf("%s is %s %s with content %q, want %s %s with %q\nreasons: %+v\nread: %+v",
			j.Name, j.Result, first, content, result, reason, kind, j.Reasons, j.Disk.Content)
	}
	for _, r := range j.Reasons {
		if r.Message == "" || r.Remedy == "" {
			t.Errorf("reason %s of %s lacks a message or a remedy: %+v", r.Reason, j.Name, r)
		}
	}
}
