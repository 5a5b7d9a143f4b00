//go:build e2e && linux && cgo

package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph/conformance"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
)

func TestMain(m *testing.M) { os.Exit(cephtest.Main(m)) }

// rootVariable names the directory of the release that TestRoot runs.
const rootVariable = "SEAMOUNT_CEPH_ROOT"

// TestHost runs the suite on the daemons of the machine's own Ceph, 16.
func TestHost(t *testing.T) {
	t.Parallel()
	run(t, cephtest.Shared(t))
}

// TestCeph18 runs it on the daemons of our image of Ceph 18.
func TestCeph18(t *testing.T) {
	t.Parallel()
	runRoot(t, built.One(t, "ceph-18").Root(t))
}

// TestCeph20 runs it on the daemons of our image of Ceph 20 and with the client
// libraries of that image, as the product's images do. The machine's own cannot
// read the keys that a mon of Ceph 20 makes (cipher aes256k).
func TestCeph20(t *testing.T) {
	t.Parallel()
	root := built.One(t, "ceph-20").Root(t)
	libraries := []string{filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "usr/lib/x86_64-linux-gnu/ceph")}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "usr/lib64/ld-linux-x86-64.so.2"),
		"--library-path", strings.Join(libraries, ":"), program, "-test.run=^TestRoot$", "-test.v", "-test.timeout=20m")
	cmd.Env = append(os.Environ(), rootVariable+"="+root)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRoot") {
		t.Errorf("with the libraries of the image: %v", err)
	}
}

// TestRoot is run by TestCeph20, with other libraries than the rest.
func TestRoot(t *testing.T) {
	root := os.Getenv(rootVariable)
	if root == "" {
		t.Skip("run by TestCeph20, which says where the release is")
	}
	runRoot(t, root)
}

func runRoot(t *testing.T, root string) {
	run(t, cephtest.Start(t, cephtest.Options{OSDs: 3, MDS: 1, Rootfs: root}))
}

func run(t *testing.T, c *cephtest.Cluster) {
	b, err := newBackend(context.WithoutCancel(t.Context()), c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.admin.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	conformance.Run(t, func(testing.TB) conformance.Backend { return b })
}
