//go:build e2e

package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/pidspace"
	"github.com/seamount-dev/seamount/tests/static"
)

// program is the static program for nodes, built once from this checkout.
var program = sync.OnceValues(func() (string, error) {
	exe := filepath.Join(scratch, "seamount-node")
	cmd := static.Build(exe, "github.com/seamount-dev/seamount/cmd/seamount-node")
	cmd.Stderr = os.Stderr
	return exe, cmd.Run()
})

// scratch is a directory of this test binary.
var scratch string

func TestMain(m *testing.M) {
	// With the tests end all daemons that they started, whatever ends the tests.
	if status, outside := pidspace.Enter(); outside {
		os.Exit(status)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "seamount-daemon-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// enterPod makes the filesystem of a container in a directory, as its manifest has it, and runs the container's program.
const enterPod = `set -e
root=$1 image=$2 mounts=$3 user=$4; shift 4
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc dev proc sys var/lib run tmp seamount
for dir in bin lib lib64 sbin; do ln -s "usr/$dir" "$dir"; done
mount --bind "$image/usr" usr
for file in ld.so.cache passwd group; do if [ -e "$image/etc/$file" ]; then cp "$image/etc/$file" etc/; fi; done
while read -r from to; do
  mkdir -p ".$to"
  if [ "$from" != "$to" ]; then mount --bind "$from" ".$to"; fi
done < "$mounts"
for fs in dev proc sys; do mount --rbind "/$fs" "$fs"; done
mount -o remount,ro "$root"
if [ "$user" = privileged ]; then exec chroot "$root" "$@"; fi
exec setpriv --no-new-privs chroot --userspec="$user:$user" "$root" "$@"`

// pod is a container of a Deployment, and its directories. Like a pod it keeps them when its container starts again.
type pod struct {
	t      *testing.T
	node   *node
	spec   corev1.PodSpec
	dir    string
	output *output
	cmd    *exec.Cmd
	ended  chan struct{}
}

// output of a container, which may still run.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// reset forgets what was printed so far. The container has ended.
func (o *output) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Reset()
}

// newPod makes the directories of a Deployment's pod.
func newPod(t *testing.T, n *node, d *appsv1.Deployment) *pod {
	t.Helper()
	p := &pod{t: t, node: n, spec: d.Spec.Template.Spec, dir: t.TempDir(), output: &output{}}
	if err := os.Mkdir(filepath.Join(p.dir, "root"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, v := range p.spec.Volumes {
		if err := os.MkdirAll(p.volume(v), 0o755); err != nil {
			t.Fatal(err)
		}
		if v.EmptyDir != nil {
			if err := os.Chmod(p.volume(v), 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() { p.kill() })
	return p
}

// volume is the directory behind a volume.
func (p *pod) volume(v corev1.Volume) string {
	switch {
	case v.Secret != nil:
		return p.node.object(v.Secret.SecretName)
	case v.ConfigMap != nil:
		return p.node.object(v.ConfigMap.Name)
	case v.HostPath != nil && v.HostPath.Path == "/dev":
		return "/dev"
	case v.HostPath != nil:
		return filepath.Join(p.node.dir, "host", v.HostPath.Path)
	default:
		return filepath.Join(p.dir, "volumes", v.Name)
	}
}

// mounts writes what is mounted where, the outer before the inner.
func (p *pod) mounts(c corev1.Container) string {
	var lines []string
	for _, m := range c.VolumeMounts {
		for _, v := range p.spec.Volumes {
			if v.Name == m.Name && m.MountPath != "/dev" {
				lines = append(lines, p.volume(v)+" "+m.MountPath)
			}
		}
	}
	file := filepath.Join(p.dir, "mounts-"+c.Name)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// command runs a container with the environment of the pod.
func (p *pod) command(c corev1.Container, argv ...string) *exec.Cmd {
	user := "privileged"
	if c.SecurityContext.Privileged == nil && *c.SecurityContext.RunAsUser != 0 {
		user = fmt.Sprint(*c.SecurityContext.RunAsUser)
	}
	args := append([]string{"-c", enterPod, "sh", filepath.Join(p.dir, "root"), p.node.image, p.mounts(c), user}, argv...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", handover.EnvNode + "=" + nodeName, handover.EnvPodIPs + "=" + p.node.address}
	for _, e := range c.Env {
		if e.Value != "" {
			cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
		}
	}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// install does what the init container does. That runs an image with nothing but the program; here it is the program.
func (p *pod) install() {
	p.t.Helper()
	exe, err := program()
	if err != nil {
		p.t.Fatalf("build seamount-node: %v", err)
	}
	c := p.spec.InitContainers[0]
	args := c.Args
	for _, v := range p.spec.Volumes { // the paths of the pod as they are here
		for _, m := range c.VolumeMounts {
			if m.Name == v.Name {
				args = replaced(args, m.MountPath, p.volume(v))
			}
		}
	}
	if out, err := exec.Command(exe, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("install: %v: %s", err, out)
	}
}

func replaced(args []string, from, to string) []string {
	var result []string
	for _, arg := range args {
		result = append(result, strings.Replace(arg, from, to, 1))
	}
	return result
}

// start runs the pod's containers.
func (p *pod) start() {
	p.t.Helper()
	p.install()
	c := p.spec.Containers[0]
	p.cmd = p.command(c, append(append([]string{}, c.Command...), c.Args...)...)
	p.ended = make(chan struct{})
	started := make(chan error)
	cmd, ended := p.cmd, p.ended
	go func() {
		// The kernel kills the process when the thread that started it ends: the thread stays as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // its state has the exit code
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		p.t.Fatal(err)
	}
}

// signal all processes of the container.
func (p *pod) signal(signal syscall.Signal) {
	if err := syscall.Kill(-p.cmd.Process.Pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Error(err)
	}
}

// makesFilesystem tells whether one of the container's processes is an mkfs.
func (p *pod) makesFilesystem() bool {
	lists, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, list := range lists {
		argv, err := os.ReadFile(list)
		if err != nil || !strings.Contains(string(argv), "ceph-osd\x00--mkfs") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(list)))
		if group, groupErr := syscall.Getpgid(pid); err == nil && groupErr == nil && group == p.cmd.Process.Pid {
			return true
		}
	}
	return false
}

// kill ends the container at once, as the kernel does with a namespace of processes whose first was killed.
func (p *pod) kill() {
	if p.cmd != nil {
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// stop ends the container as kubelet does.
func (p *pod) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.wait()
}

// wait returns the exit code of the container once it has ended.
func (p *pod) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.output)
	}
	return p.cmd.ProcessState.ExitCode()
}

// running tells whether the container has not ended.
func (p *pod) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// exec runs a program in the container's filesystem and returns what it prints.
func (p *pod) exec(argv ...string) (string, error) {
	c := p.spec.Containers[0]
	cmd := p.command(c, argv...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr.Pdeathsig = nil, nil, 0
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lastWords of the container.
func (p *pod) lastWords() string {
	p.t.Helper()
	words, err := os.ReadFile(filepath.Join(p.dir, "volumes", "run", filepath.Base(handover.TerminationFile)))
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.output)
	}
	return string(words)
}
