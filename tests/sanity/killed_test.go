//go:build e2e && linux && cgo

package sanity

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/audit"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// victimVariable makes the test binary a controller process: it names a directory with what the operator hands over.
const victimVariable = "SEAMOUNT_CSI_VICTIM"

// victimDriverVariable says of which driver it is.
const victimDriverVariable = "SEAMOUNT_CSI_VICTIM_DRIVER"

// runVictim serves the controller on a socket, until it is killed.
func runVictim() int {
	dir := os.Getenv(victimVariable)
	raw, err := os.ReadFile(filepath.Join(dir, "handed"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	sessions := session.New(dial)
	sessions.Set(namespace, map[string][]byte{cluster: raw})
	socket := filepath.Join(dir, "csi.sock")
	_ = os.Remove(socket) // of the one that was killed
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := grpc.NewServer()
	driver := os.Getenv(victimDriverVariable)
	csi.RegisterControllerServer(server, controller.New(context.Background(), controller.Options{Driver: driver, Sessions: sessions, Log: logr.Discard()}))
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// victims keeps a controller process alive, and kills it at random.
type victims struct {
	w      *world
	kind   kind
	dir    string
	client csi.ControllerClient
	kills  atomic.Int64
	// answers counts the calls that a process answered, well or not.
	answers atomic.Int64
	// calm is closed after the last kill.
	calm chan struct{}
	over chan struct{}
	done sync.WaitGroup
}

// kind of volumes that the victims make.
type kind struct {
	driver  string
	class   map[string]string
	place   string // what comes before the name in an identifier
	mode    csi.VolumeCapability_AccessMode_Mode
	fsType  string
	listing func(*world) ([]string, error)
}

func blockVolumes() kind {
	return kind{
		v1alpha1.ProvisionerRBD, class(), namespace + "/" + cluster + "/" + pool + "/", csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, "xfs",
		func(w *world) ([]string, error) { return w.admin.ListImages(w.t.Context(), pool) },
	}
}

func (w *world) victims(of kind) *victims {
	w.t.Helper()
	v := &victims{w: w, kind: of, dir: w.t.TempDir(), calm: make(chan struct{}), over: make(chan struct{})}
	raw, err := w.handed.Encode()
	w.ok(err)
	w.ok(os.WriteFile(filepath.Join(v.dir, "handed"), raw, 0o600))
	conn, err := grpc.NewClient("unix://"+filepath.Join(v.dir, "csi.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	w.ok(err)
	w.t.Cleanup(func() { _ = conn.Close() })
	v.client = csi.NewControllerClient(conn)
	return v
}

// haunt starts a process, kills it after a random time, and starts the next, until the work is over or there were so many
// kills. A process that is killed keeps the image that it had open busy for half a minute: without a bound the work would
// not end.
func (v *victims) haunt(kills int64) {
	v.done.Go(func() {
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // no secret
		for {
			command := built.Again()
			process := exec.Command(command[0], command[1:]...)
			process.Env = append(os.Environ(), victimVariable+"="+v.dir, victimDriverVariable+"="+v.kind.driver)
			process.Stderr = os.Stderr
			process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			if err := process.Start(); err != nil {
				v.w.t.Errorf("start the controller: %v", err)
				return
			}
			if v.kills.Load() < kills {
				v.await(v.answers.Load()+1+random.Int64N(8), time.Duration(random.Int64N(int64(300*time.Millisecond))))
			} else {
				close(v.calm)
				<-v.over
			}
			_ = process.Process.Kill() // it is gone, or is now
			_ = process.Wait()         // it was killed
			select {
			case <-v.over:
				return
			default:
			}
		}
	})
}

// await lets the process answer so many calls, and go on for a moment: however slow the machine is, each gets something done.
func (v *victims) await(answers int64, moment time.Duration) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for v.answers.Load() < answers {
		select {
		case <-v.over:
			return
		case <-ticker.C:
		}
	}
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-timer.C:
		v.kills.Add(1)
	case <-v.over:
	}
}

// patience is how long a call is repeated once nothing is killed any more: before, one that takes longer than others may be cut
// short each time. Each answer is told of after telling.
const patience, telling = 5 * time.Minute, 90 * time.Second

// insist repeats a call until it is answered, or the claim is deleted meanwhile, as the provisioner does.
func (v *victims) insist(given func() bool, call func(context.Context) error) (answered bool) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	start := time.Now()
	for ; ; <-ticker.C {
		ctx, cancel := context.WithTimeout(v.w.t.Context(), 20*time.Second)
		err := call(ctx)
		cancel()
		if status.Code(err) != codes.Unavailable {
			v.answers.Add(1)
		}
		if err == nil {
			return true
		}
		if given() {
			return false
		}
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Internal, codes.FailedPrecondition, codes.Canceled:
		default:
			v.w.t.Errorf("refused for good: %v", err)
			return false
		}
		select {
		case <-v.calm:
		default:
			start = time.Now()
		}
		if time.Since(start) > patience {
			v.w.t.Errorf("a call was never answered: %v", err)
			return false
		}
		if time.Since(start) > telling {
			v.w.t.Logf("%s: %v", time.Now().Format(time.TimeOnly), err)
		}
	}
}

func never() bool { return false }

// life is one claim: its volume is made, perhaps snapshotted and restored, and deleted; some claims are deleted while their
// volume is being made.
func (v *victims) life(n int) {
	random := rand.New(rand.NewPCG(uint64(n), 3)) //nolint:gosec // no secret
	name := fmt.Sprintf("pvc-00000000-0000-4000-8000-%012d", n)
	attempts := random.IntN(3)
	gone := never
	if n%4 == 0 {
		gone = func() bool { attempts--; return attempts < 0 }
	}
	id := v.kind.place + name
	if !v.insist(gone, v.create(name, nil)) {
		return
	}
	if n%5 == 0 {
		v.snapshotLife(n, id)
	}
	v.insist(never, v.delete(id))
}

func (v *victims) create(name string, from *csi.VolumeContentSource) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := v.client.CreateVolume(ctx, v.kind.request(name, from))
		return err
	}
}

func volumeRequest(name string, from *csi.VolumeContentSource) *csi.CreateVolumeRequest {
	return blockVolumes().request(name, from)
}

func (k kind) request(name string, from *csi.VolumeContentSource) *csi.CreateVolumeRequest {
	return &csi.CreateVolumeRequest{
		Name: name, Parameters: k.class, CapacityRange: &csi.CapacityRange{RequiredBytes: gibibyte}, VolumeContentSource: from,
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: k.fsType}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: k.mode},
		}},
	}
}

func (v *victims) delete(id string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := v.client.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: id})
		return err
	}
}

// snapshotLife snapshots a volume, restores the snapshot, and deletes snapshot and restored volume in one order or the other.
func (v *victims) snapshotLife(n int, source string) {
	var snapshot string
	made := v.insist(never, func(ctx context.Context) error {
		response, err := v.client.CreateSnapshot(ctx, &csi.CreateSnapshotRequest{Name: fmt.Sprintf("snapshot-00000000-0000-4000-8000-%012d", n), SourceVolumeId: source})
		snapshot = response.GetSnapshot().GetSnapshotId()
		return err
	})
	if !made {
		return
	}
	restored := fmt.Sprintf("pvc-00000000-0000-4000-9000-%012d", n)
	v.insist(never, v.create(restored, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: snapshot},
	}}))
	deletions := []func(context.Context) error{
		v.delete(v.kind.place + restored),
		func(ctx context.Context) error {
			_, err := v.client.DeleteSnapshot(ctx, &csi.DeleteSnapshotRequest{SnapshotId: snapshot})
			return err
		},
	}
	for i := range deletions {
		v.insist(never, deletions[(i+n/5)%2])
	}
}

// TestKilled makes and deletes volumes on our image of Ceph 20, 8 or as many as are asked for, while the controller's process
// is killed at random, and claims are deleted in between. Afterwards the audit clears away what nobody waits for any more, and
// nothing is left: no image, nothing in the trash, no object. Then it goes on from each state of cutShort. It is not for the machine's own Ceph 16, which keeps a client
// that is killed in the moment in which it opens an image as a watcher of it for good (ceph/ceph pull request 50861): an image
// that somebody watches is not removed.
func TestKilled(t *testing.T) { built.Rerun(t, built.One(t, "ceph-20").Root(t), "TestKilledRoot") }

// TestKilledRoot is run by TestKilled, with the libraries of the image.
func TestKilledRoot(t *testing.T) {
	root := built.RerunRoot(t)
	c := cephtest.Start(t, cephtest.Options{OSDs: 3, Rootfs: root})
	t.Run("Random", func(t *testing.T) {
		w := newWorldOn(t, c)
		w.killed(blockVolumes(), rounds.Of(t, rounds.Volumes, 8))
		// What a process had sent to the OSDs when it was killed may be done a moment later.
		for _, left := range []func() ([]string, error){w.left, w.leftObjects} {
			gomega.NewWithT(t).Eventually(left).WithTimeout(patience).WithPolling(time.Second).Should(gomega.BeEmpty())
		}
	})
	t.Run("CutShort", func(t *testing.T) { cutShortOn(t, c) })
}

// killed makes and deletes so many volumes, and lets the audit clear away what is left.
func (w *world) killed(of kind, volumes int) {
	const atOnce = 8
	v := w.victims(of)
	v.haunt(int64(2 * volumes))
	numbers := make(chan int)
	var lives sync.WaitGroup
	for range atOnce {
		lives.Go(func() {
			for n := range numbers {
				v.life(n)
			}
		})
	}
	for n := range volumes {
		numbers <- n
	}
	close(numbers)
	lives.Wait()
	close(v.over)
	v.done.Wait()
	names, err := of.listing(w)
	w.ok(err)
	w.t.Logf("%d volumes, %d kills; before the audit: %d left", volumes, v.kills.Load(), len(names))
	if v.kills.Load() < int64(volumes/10) {
		w.t.Errorf("only %d kills", v.kills.Load())
	}
	w.audit(of.driver)
}

// audit lets eleven minutes of the audit's own time pass, in a Kubernetes that knows no volume.
func (w *world) audit(driver string) {
	w.t.Helper()
	now := time.Now()
	var findings []string
	a := &audit.Auditor{
		Driver: driver, Sessions: w.sessions(), Log: logr.Discard(), Now: func() time.Time { return now },
		Known: func(context.Context) (audit.Known, error) { return audit.Known{}, nil },
		Tell:  func(_ context.Context, f audit.Finding) { findings = append(findings, string(f.Reason)+": "+f.Message) },
	}
	for range 2 {
		w.ok(a.Pass(w.t.Context()))
		now = now.Add(11 * time.Minute)
	}
	w.t.Logf("the audit found:\n%s", strings.Join(findings, "\n"))
}

// noObjects checks what Ceph itself keeps in the pool: nothing but its directories.
func (w *world) noObjects() {
	w.t.Helper()
	left, err := w.leftObjects()
	w.ok(err)
	if len(left) > 0 {
		w.t.Errorf("these objects are left: %q", left)
	}
}

// leftObjects are those of the pool that are not its directories.
func (w *world) leftObjects() ([]string, error) {
	objects, err := w.objects()
	return slices.DeleteFunc(objects, func(object string) bool {
		switch object {
		case "rbd_directory", "rbd_info", "rbd_children", "rbd_trash", "rbd_mirroring":
			return true
		}
		return false
	}), err
}

// objects lists the objects of the pool with the rados program, which knows nothing of images.
func (w *world) objects() ([]string, error) {
	out, err := w.ceph.Tool(w.t.Context(), "rados", "--pool", pool, "ls").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("rados ls: %w: %s", err, exit.Stderr)
	}
	return strings.Fields(string(out)), err
}
