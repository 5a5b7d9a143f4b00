package host

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// A process is found by its argument while it lives. Once it has ended it is not, also before its parent has asked how, and
// neither is another that took its number.
func TestProcess(t *testing.T) {
	t.Parallel()
	node := Node{PID: os.Getpid()}
	argument := "10000." + strconv.Itoa(os.Getpid())
	if _, found, err := node.Find(argument); found || err != nil {
		t.Fatalf("before: %t, %v", found, err)
	}
	cmd := exec.Command("sleep", argument)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, found, err := node.Find(argument)
	if err != nil || !found || p.PID != cmd.Process.Pid || !node.Lives(p) {
		t.Fatalf("%+v, %t, %v", p, found, err)
	}
	other := Process{PID: p.PID, Start: p.Start + 1}
	if node.Lives(other) || node.Signal(other, unix.SIGKILL) != nil || !node.Lives(p) {
		t.Error("a process of another time was taken for it")
	}
	if err := node.Signal(p, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, p.PID, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if _, found, err := node.Find(argument); found || err != nil || node.Lives(p) {
		t.Errorf("after: %t, %v", found, err)
	}
	_ = cmd.Wait() // it was killed
	if err := node.Signal(p, unix.SIGTERM); err != nil {
		t.Errorf("what has ended: %v", err)
	}
}

func TestPinAmong(t *testing.T) {
	t.Parallel()
	mounts := []mountinfo.Mount{{Number: disk.Number{Minor: 5}, Type: "tmpfs"}, {Number: disk.Number{Minor: 5}, Type: "ceph"}}
	for kind, want := range map[string]int{"": 0, "ceph": 1, "fuse.ceph-fuse": -1} {
		if got := (&pinSearch{number: disk.Number{Minor: 5}, kind: kind}).among(mounts); got != want {
			t.Errorf("%q: %d, want %d", kind, got, want)
		}
	}
}
