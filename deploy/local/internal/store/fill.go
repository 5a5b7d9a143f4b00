package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// ImportArgs are ctr's arguments to import an archive for Kubernetes. Once
// unpacked, the layers themselves are not needed: that halves the room.
func ImportArgs(archive string) []string {
	return []string{"-n", "k8s.io", "images", "import", "--local", "--discard-unpacked-layers", archive}
}

// maxSocket is the longest path of a unix socket, sun_path in unix(7).
const maxSocket = 107

const config = `version = 3
root = %q
state = %q
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]
[grpc]
  address = %q
`

// fill imports archives into the containerd root, with a containerd that exists
// only for that.
func (g *Golden) fill(ctx context.Context, step *progress.Step, work, root string, archives List) error {
	socket := filepath.Join(work, "c.sock")
	if len(socket)+len(".ttrpc") > maxSocket {
		return fmt.Errorf("the path %s is too long for a socket: set %s to a shorter path", socket, state.DirEnv)
	}
	file := filepath.Join(work, "containerd.toml")
	text := fmt.Sprintf(config, root, filepath.Join(work, "state"), socket)
	if err := state.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(g.dir.Logs(), "image-store.log"))
	if err != nil {
		return fmt.Errorf("log of the image store: %w", err)
	}
	defer log.Close() // containerd has its own descriptor
	step.Log(log.Name())
	stop, err := serve(g.bin.Program("containerd"), file, log)
	if err != nil {
		return err
	}
	err = g.importAll(ctx, step, socket, archives)
	return errors.Join(err, stop())
}

func (g *Golden) importAll(ctx context.Context, step *progress.Step, socket string, archives List) error {
	if err := await(ctx, socket); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs, slots := make([]error, len(archives)), make(chan struct{}, atOnce)
	for i, a := range archives {
		slots <- struct{}{}
		wg.Go(func() {
			step.Detail("unpacking %s", filepath.Base(a.Path))
			errs[i] = g.unpack(ctx, socket, a)
			<-slots
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// atOnce is how many archives are unpacked at the same time.
const atOnce = 2

func (g *Golden) unpack(ctx context.Context, socket string, a Archive) error {
	cmd := exec.CommandContext(ctx, g.bin.Program("ctr"), append([]string{"-a", socket}, ImportArgs(a.Path)...)...)
	if output, err := dependent(cmd); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", a.Path, err, bytes.TrimSpace(output))
	}
	return nil
}

// dependent runs a program that ends with this one, whatever ends it: ctr would go on to look for the containerd that is gone.
func dependent(cmd *exec.Cmd) ([]byte, error) {
	// The parent of Pdeathsig is the thread, which must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd.CombinedOutput()
}

// serve starts containerd in a mount and a pid namespace of its own, so that
// nothing of it is left whatever ends it: it dies with this command.
func serve(program, config string, log *os.File) (stop func() error, err error) {
	cmd := exec.Command(program, "--config", config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// Unshareflags makes the mounts private as well, see os/exec.
		Unshareflags: syscall.CLONE_NEWNS,
		Cloneflags:   syscall.CLONE_NEWPID,
		Pdeathsig:    syscall.SIGKILL,
	}
	started, ended, quit := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		// The parent of Pdeathsig is the thread, which must not end before.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- cmd.Start()
		<-quit
		cmd.Wait() //nolint:errcheck // it was told to end
		close(ended)
	}()
	if err := <-started; err != nil {
		close(quit)
		return nil, fmt.Errorf("start containerd: %w", err)
	}
	return func() error {
		err := cmd.Process.Signal(unix.SIGTERM)                               // it closes its databases
		kill := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() }) //nolint:errcheck // it ended meanwhile
		defer kill.Stop()
		close(quit)
		<-ended
		return err
	}, nil
}

// await waits until containerd answers. That it does not is noticed when ctx ends.
func await(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd does not answer: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
