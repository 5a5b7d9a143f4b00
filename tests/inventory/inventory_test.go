//go:build e2e

package inventory

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/tests/loopdev"
	"github.com/seamount-dev/seamount/tests/pidspace"
)

func TestMain(m *testing.M) {
	if status, outside := pidspace.Enter(); outside {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

const size = 320 << 20

// scan reads the machine, and finds the disks by name.
func scan(t testing.TB, r inventory.Reader) map[string]disk.Disk {
	t.Helper()
	disks, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]disk.Disk{}
	for _, d := range disks {
		found[d.Name] = d
	}
	return found
}

// TestHeld has a disk in every way in hand that this kernel knows. The last one is in nobody's.
func TestHeld(t *testing.T) {
	mounted, elsewhere, swapped, opened, bound, served, backing, free := loopdev.New(t, size), loopdev.New(t, size), loopdev.New(t, size),
		loopdev.New(t, size), loopdev.New(t, size), loopdev.New(t, size), loopdev.New(t, size), loopdev.New(t, size)
	kubelet := t.TempDir()
	mount(t, mounted.Path, t.TempDir())
	mountElsewhere(t, elsewhere.Path)
	swap(t, swapped.Path)
	hold(t, opened.Path)
	volume := filepath.Join(kubelet, "plugins/kubernetes.io~local-volume/volumeDevices/pv-a/0f0e")
	bind(t, bound.Path, volume)
	link := filepath.Join(kubelet, "pods/0f0f/volumeDevices/kubernetes.io~csi/pv-b")
	must(t, os.MkdirAll(filepath.Dir(link), 0o700), os.Symlink(served.Path, link))
	above := loopdev.Attach(t, backing.Path, loopdev.Options{})

	found := scan(t, inventory.Reader{Kubelet: kubelet})
	for name, tt := range map[string]struct {
		disk *loopdev.Disk
		kind disk.UseKind
		by   string
	}{
		"mounted":                       {mounted, disk.UseMount, "TestHeld"},
		"mounted in another namespace":  {elsewhere, disk.UseMount, "/mnt (pid "},
		"swapped to":                    {swapped, disk.UseSwap, swapped.Path},
		"open in a program":             {opened, disk.UseProcess, "(pid "},
		"mounted by kubelet on a file":  {bound, disk.UseVolume, volume},
		"linked to by kubelet":          {served, disk.UseVolume, link},
		"another device stands on this": {backing, disk.UseLoop, above.Name},
	} {
		t.Run(name, func(t *testing.T) {
			d := found[tt.disk.Name]
			if len(d.Uses) == 0 || d.Uses[0].Kind != tt.kind || !strings.Contains(d.Uses[0].By, tt.by) {
				t.Errorf("got %+v, want %s by %s", d.Uses, tt.kind, tt.by)
			}
			if len(d.Problems) > 0 {
				t.Errorf("not everything was read: %+v", d.Problems)
			}
		})
	}
	if d := found[free.Name]; len(d.Uses)+len(d.Problems) > 0 || d.Hardware.Size != size || d.BackingFile != free.File || d.Sequence == 0 {
		t.Errorf("the free disk is %+v", d)
	}
	if d := found[above.Name]; d.BackingDevice != backing.Path {
		t.Errorf("the device above stands on %q", d.BackingDevice)
	}
}

// TestNoNode has a device that the machine has and this node's /dev has not.
func TestNoNode(t *testing.T) {
	d := loopdev.New(t, size)
	must(t, unix.Mount("tmpfs", "/dev", "tmpfs", 0, "")) // of this namespace only
	defer func() { must(t, unix.Unmount("/dev", 0)) }()
	if _, seen := scan(t, inventory.Reader{})[d.Name]; seen {
		t.Errorf("%s is no disk of a node that has no device node of it", d.Name)
	}
	must(t, unix.Mknod(d.Path, unix.S_IFBLK|0o600, int(unix.Mkdev(7, 9999))))
	if _, seen := scan(t, inventory.Reader{})[d.Name]; seen {
		t.Errorf("%s is no disk of a node where another device has its name", d.Name)
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func run(t testing.TB, name string, arguments ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func mount(t testing.TB, device, dir string) {
	t.Helper()
	run(t, "mkfs.ext4", "-q", device)
	must(t, unix.Mount(device, dir, "ext4", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
}

// mountElsewhere mounts the device in a namespace of a process, which ends with the test.
func mountElsewhere(t testing.TB, device string) {
	t.Helper()
	run(t, "mkfs.ext4", "-q", device)
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount "$0" /mnt && echo ready && exec cat`, device)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	t.Cleanup(func() { must(t, stdin.Close(), cmd.Wait()) })
	if _, err := stdout.Read(make([]byte, 64)); err != nil {
		t.Fatal("mount elsewhere: ", err)
	}
}

func swap(t testing.TB, device string) {
	t.Helper()
	run(t, "mkswap", "-q", device)
	run(t, "swapon", device)
	t.Cleanup(func() { finish(t, "swapoff", device) })
}

// finish runs a command after the test's context has ended.
func finish(t testing.TB, name string, arguments ...string) {
	t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

func hold(t testing.TB, device string) {
	t.Helper()
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { must(t, f.Close()) })
}

func bind(t testing.TB, device, file string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600), unix.Mount(device, file, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(file, 0)) })
}
