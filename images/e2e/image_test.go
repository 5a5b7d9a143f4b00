//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/seamount-dev/seamount/images"
	"github.com/seamount-dev/seamount/images/builder"
)

// sharedCache is the cache that developers use too.
func sharedCache(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("SEAMOUNT_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "seamount")
	}
	return filepath.Join(cache, "images")
}

// privateCache shares the packages, but not the images: those that hold our
// own programs would replace the developer's.
func privateCache(t *testing.T) string {
	t.Helper()
	packages, cache := filepath.Join(sharedCache(t), "debian"), t.TempDir()
	if err := errors.Join(os.MkdirAll(packages, 0o755), os.Symlink(packages, filepath.Join(cache, "debian"))); err != nil {
		t.Fatal(err)
	}
	return cache
}

func newBuilder(t *testing.T, cache, binDir string) *builder.Builder {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the e2e tests of images chroot and mount: run them as root")
	}
	b, err := builder.New(builder.Options{
		Definitions: images.Definitions, Builder: images.Builder,
		Cache: cache, BinDir: binDir, Version: "test", MaxAge: 24 * time.Hour,
		Progress: func(image, message string) { t.Log(image, message) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// root is an image's file system on this machine.
type root struct {
	t    *testing.T
	dir  string
	user string // UID:GID that commands run as
}

// unpack builds an image and unpacks it.
func unpack(t *testing.T, b *builder.Builder, name string) root {
	t.Helper()
	image, err := b.Build(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := tarball.ImageFromPath(image.Archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := archive.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r := root{t, t.TempDir(), "0:0"}
	for _, l := range layers {
		content, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		tar := exec.CommandContext(t.Context(), "tar", "-xpf", "-", "--numeric-owner", "-C", r.dir)
		tar.Stdin = content
		if out, err := tar.CombinedOutput(); err != nil {
			t.Fatalf("unpack %s: %v: %s", name, err, out)
		}
	}
	return r
}

// enter runs a command in the image. Its mounts are in a mount namespace of
// the command's own, so that nothing has to be unmounted, and its pid is that
// of the program.
const enter = `user=$1; shift; mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" && mount --rbind /dev "$0/dev" && exec chroot --userspec="$user" "$0" "$@"`

func (r root) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--", "sh", "-c", enter, r.dir, r.user}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a command in the image to its end and returns its output.
func (r root) run(args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	if err != nil {
		r.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryLimit bounds a command. It is generous: nothing is timed here, and the machine may be busy with other things.
const tryLimit = 5 * time.Minute

func (r root) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), tryLimit)
	defer cancel()
	var errOut strings.Builder
	cmd := r.command(ctx, args...)
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return string(out) + errOut.String(), err
	}
	return string(out), nil
}

// start runs a daemon in the image until the test ends.
func (r root) start(args ...string) {
	r.t.Helper()
	name := args[0]
	log, err := os.Create(filepath.Join(r.t.TempDir(), "log"))
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := r.command(context.Background(), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the log tells how it ended
	}()
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if content, err := os.ReadFile(log.Name()); err == nil && r.t.Failed() {
			lines := strings.Split(string(content), "\n")
			r.t.Logf("%s:\n%s", name, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
}

// eventually asks until the answer is yes, or fails with the last answer.
func eventually(t *testing.T, limit time.Duration, what string, ask func() (string, bool)) {
	t.Helper()
	deadline := time.After(limit)
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		answer, yes := ask()
		if yes {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s; last answer: %s", what, limit, answer)
		case <-ticker.C:
		}
	}
}
