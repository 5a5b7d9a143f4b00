package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// confinedFile names, in the environment, the file that a confined process tries to write; confinedBy what it is
// confined by.
const (
	confinedFile = "SEAMOUNT_CONFINED_FILE"
	confinedBy   = "SEAMOUNT_CONFINED_BY"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(confinedFile); path != "" {
		if err := tryAsConfined(path, os.Getenv(confinedBy)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The law D7: a write open fails, on every thread and in children, and reading goes on.
func TestWriteOpenFails(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"inventory", "devices", "landlock"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte("as it was"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), confinedFile+"="+path, confinedBy+"="+by)
			if out, err := cmd.CombinedOutput(); err != nil {
				if strings.Contains(string(out), notHere) {
					t.Skip(string(out))
				}
				t.Fatalf("%v: %s", err, out)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != "as it was" {
				t.Errorf("the file is %q now (%v)", after, err)
			}
		})
	}
}

// notHere says that the kernel, or a program with cgo, does not have the means.
const notHere = "not on this kernel or in this program: "

func confineBy(by string) (Means, error) {
	switch by {
	case "inventory":
		return ReadOnly(), nil
	case "devices":
		return ReadOnlyDevices(), nil
	}
	if err := landlock(); err != nil {
		return Means{}, errors.New(notHere + err.Error())
	}
	return Means{Landlock: true}, nil
}

func tryAsConfined(path, by string) error {
	release := otherThreads(4, path)
	means, err := confineBy(by)
	if err != nil {
		return err
	}
	if !means.Held() {
		return errors.New("nothing holds: " + means.Text)
	}
	return errors.Join(append(release(), refusesWriting(path), readsAndRuns(path))...)
}

// otherThreads starts threads before the confinement, and has them try to write after it.
func otherThreads(n int, path string) func() []error {
	var started, ended sync.WaitGroup
	started.Add(n)
	ended.Add(n)
	confined := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		go func() {
			defer ended.Done()
			runtime.LockOSThread()
			started.Done()
			<-confined
			errs[i] = refusesWriting(path)
		}()
	}
	started.Wait()
	return func() []error {
		close(confined)
		ended.Wait()
		return errs
	}
}

func refusesWriting(path string) error {
	for name, flags := range map[string]int{
		"write": os.O_WRONLY, "read and write": os.O_RDWR, "truncate": os.O_WRONLY | os.O_TRUNC, "append": os.O_WRONLY | os.O_APPEND,
	} {
		file, err := os.OpenFile(path, flags, 0)
		if err == nil {
			return errors.Join(errors.New("opened to "+name), file.Close())
		}
		if !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.EACCES) {
			return err
		}
	}
	how := unix.OpenHow{Flags: unix.O_RDWR}
	if fd, err := unix.Openat2(unix.AT_FDCWD, path, &how); err == nil {
		return errors.Join(errors.New("opened by openat2"), unix.Close(fd))
	}
	return nil
}

// readsAndRuns shows that reading works, and that a child is held as its parent.
func readsAndRuns(path string) error {
	if got, err := os.ReadFile(path); err != nil || string(got) != "as it was" {
		return errors.Join(err, errors.New("cannot read"))
	}
	out, err := exec.Command("/bin/sh", "-c", "cat "+path+" && ! echo written > "+path).Output()
	if err != nil || string(out) != "as it was" {
		return errors.Join(err, errors.New("the child read "+string(out)))
	}
	return nil
}

// A jump out of the program would make the kernel refuse all of it.
func TestProgramStaysInside(t *testing.T) {
	t.Parallel()
	code := program()
	if len(code) > unix.BPF_MAXINSNS {
		t.Fatalf("%d instructions", len(code))
	}
	for i, c := range code {
		if c.Code&unix.BPF_JMP == unix.BPF_JMP && (i+1+int(c.Jt) >= len(code) || i+1+int(c.Jf) >= len(code)) {
			t.Errorf("instruction %d jumps out of the program", i)
		}
	}
}
