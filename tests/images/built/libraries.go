//go:build e2e

package built

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rootVariable names the directory of the image whose libraries this process has.
const rootVariable = "SEAMOUNT_CEPH_ROOT"

// Rerun runs one test of this binary again with the client libraries of an image of Ceph, as the product's own images do. The
// machine's cannot read the keys that a mon of Ceph 20 makes (cipher aes256k). That test begins with RerunRoot.
func Rerun(t *testing.T, root, test string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := append(with(root, program), "-test.run=^"+test+"$", "-test.v", "-test.timeout=60m")
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), rootVariable+"="+root)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Errorf("with the libraries of the image: %v", err)
	}
}

// with is the command of a program with the libraries of an image, which its own loader finds.
func with(root, program string) []string {
	libraries := []string{filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "usr/lib/x86_64-linux-gnu/ceph")}
	return []string{filepath.Join(root, "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", strings.Join(libraries, ":"), program}
}

// Again is the command that starts this binary once more, with the libraries that this process has.
func Again() []string {
	if root := os.Getenv(rootVariable); root != "" {
		return with(root, os.Args[0])
	}
	return os.Args[:1:1]
}

// RerunRoot is where the image's files are, for a test that Rerun runs. It skips the test otherwise.
func RerunRoot(t *testing.T) string {
	t.Helper()
	root := os.Getenv(rootVariable)
	if root == "" {
		t.Skip("run by another test, which says where the release is")
	}
	return root
}
