package process

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func TestMain(m *testing.M) {
	PassGate()
	os.Exit(m.Run())
}

// patience bounds waits for things that happen at once on an idle machine.
const patience = 30 * time.Second

func launcher(t *testing.T) Launcher {
	t.Helper()
	j, err := state.OpenJournal(state.Dir(t.TempDir()), "boot")
	if err != nil {
		t.Fatal(err)
	}
	l := Launcher{Journal: j}
	t.Cleanup(func() {
		for _, e := range j.Entries(state.KindProcess) {
			if err := l.Stop(context.Background(), e.Name, 0); err != nil {
				t.Error(err)
			}
		}
		j.Close()
	})
	return l
}

// shell is a daemon that runs a script, with a log of its own.
func shell(t *testing.T, name, script string) Spec {
	return Spec{
		Name: name, Path: "/bin/sh", Args: []string{"-c", script},
		Env: []string{"PATH=/usr/bin:/bin", "MARK=set"},
		Log: filepath.Join(t.TempDir(), "logs", name+".log"),
	}
}

// start starts the daemon and waits until its log says that it is ready.
func start(t *testing.T, l Launcher, spec Spec) ID {
	t.Helper()
	id, err := l.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	awaitLog(t, spec.Log, "ready")
	return id
}

func awaitLog(t *testing.T, log, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		data, err := os.ReadFile(log)
		if err == nil && strings.Contains(string(data), text) {
			return string(data)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%q never came into the log: %q, %v", text, data, err)
		case <-tick.C:
		}
	}
}

func TestStartIsDetachedRecordedAndIdempotent(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	spec := shell(t, "daemon", `echo "mark=$MARK home=$HOME pwd=$(pwd) ready"; exec sleep 1000`)
	id := start(t, l, spec)

	if log := awaitLog(t, spec.Log, "ready"); log != "mark=set home= pwd=/ ready\n" {
		t.Errorf("log %q: the environment is not the one that was asked for", log)
	}
	if sid, err := unix.Getsid(id.PID); err != nil || sid != id.PID {
		t.Errorf("session %d of process %d, %v: it would get the terminal's signals", sid, id.PID, err)
	}
	e, ok := l.Journal.Get(state.KindProcess, "daemon")
	recorded, hasID := FromEntry(e)
	if !ok || !hasID || !e.Made || recorded != id || e.Facts["log"] != spec.Log {
		t.Errorf("the journal has %+v of %v", e, id)
	}
	if again, err := l.Start(spec); err != nil || again != id {
		t.Errorf("a second start: %v, %v, want the same process %v", again, err, id)
	}
}

func TestStopEndsWithTerm(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	spec := shell(t, "polite", `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	id := start(t, l, spec)
	if err := l.Stop(t.Context(), "polite", patience); err != nil {
		t.Fatal(err)
	}
	awaitLog(t, spec.Log, "bye")
	if id.Alive() {
		t.Error("the process is alive after Stop")
	}
	if _, ok := l.Find("polite"); ok {
		t.Error("Find finds it after Stop")
	}
	if err := l.Stop(t.Context(), "polite", patience); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestStopKillsWhatIgnoresTerm(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	id := start(t, l, shell(t, "stubborn", `trap '' TERM; echo ready; while :; do sleep 0.01; done`))
	if err := l.Stop(t.Context(), "stubborn", 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if id.Alive() {
		t.Error("the process is alive after Stop")
	}
}

func TestStopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	id := start(t, l, shell(t, "stubborn", `trap '' TERM; echo ready; while :; do sleep 0.01; done`))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Stop(ctx, "stubborn", patience); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that the deadline passed", err)
	}
	if !id.Alive() {
		t.Error("the process was killed before its grace was over")
	}
	if _, ok := l.Find("stubborn"); !ok {
		t.Error("a process that was not stopped is forgotten")
	}
}

// A process id that was given to another process since must not be signalled.
func TestStopLeavesOtherProcessAlone(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	id := start(t, l, shell(t, "other", `echo ready; exec sleep 1000`))
	earlier := ID{PID: id.PID, Start: id.Start - 1}
	if earlier.Alive() {
		t.Error("an earlier process with the same number counts as alive")
	}
	if err := Stop(t.Context(), earlier, 0); err != nil {
		t.Error(err)
	}
	if err := Signal(earlier, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if err := Wait(t.Context(), earlier); err != nil {
		t.Error(err)
	}
	if !id.Alive() {
		t.Error("the process was killed in the place of an earlier one with its number")
	}
}

func TestDaemonThatEndsIsNotAlive(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	spec := shell(t, "brief", `echo ready; exit 3`)
	id := start(t, l, spec)
	if err := Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, running := l.Find("brief"); running {
		t.Error("a daemon that ended counts as running")
	}
	if next := start(t, l, spec); next == id {
		t.Error("it was not started again")
	}
}

func TestStartRefusesMissingProgram(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	spec := shell(t, "missing", "")
	spec.Path = "/no/such/program"
	if _, err := l.Start(spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that the program does not exist", err)
	}
	if left := l.Journal.Entries(); len(left) != 0 {
		t.Errorf("the journal has %v", left)
	}
}

// What kill -9 of the starting command leaves between fork and record is a
// process that waits at the gate; it must end without becoming the daemon.
func TestGateStaysShutWithoutRecord(t *testing.T) {
	t.Parallel()
	waiting, gate, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ran := filepath.Join(t.TempDir(), "ran")
	var out bytes.Buffer
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{gateArg, "/usr/bin/touch", "touch", ran},
		Stderr: &out, ExtraFiles: []*os.File{waiting},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waiting.Close()
	gate.Close()
	if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), "not started") {
		t.Errorf("ended with %v and %q", err, out.String())
	}
	if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
		t.Error("the program ran")
	}
}

func TestFromEntryOfUnstartedProcess(t *testing.T) {
	t.Parallel()
	for name, facts := range map[string]map[string]string{
		"planned only": {"log": "x"}, "no number": {"pid": "x", "start": "1"},
		"zero": {"pid": "0", "start": "1"}, "no start": {"pid": "1"},
	} {
		if id, ok := FromEntry(state.Entry{Facts: facts}); ok {
			t.Errorf("%s: it counts as process %v", name, id)
		}
	}
}

func TestHasArguments(t *testing.T) {
	t.Parallel()
	l := launcher(t)
	spec := shell(t, "args", "echo ready; read x < /dev/null; while :; do sleep 0.01; done")
	id := start(t, l, spec)
	if !id.HasArguments(spec.Args) {
		t.Error("its own arguments are not recognised")
	}
	if id.HasArguments([]string{"-c"}) || id.HasArguments(append(spec.Args, "more")) {
		t.Error("other arguments are taken for its own")
	}
}

func TestLastError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ log, want string }{
		"empty":      {"\n\n", "it logged nothing"},
		"no error":   {"I1 started\nsomething\n", "something"},
		"klog":       {"E1123 10:00:00 1 x.go:1] boom\nI1123 bye\n", "E1123 10:00:00 1 x.go:1] boom"},
		"command":    {"Error: unknown flag\nusage\n", "Error: unknown flag"},
		"etcd":       {`{"level":"fatal","msg":"listen"}` + "\nx\n", `{"level":"fatal","msg":"listen"}`},
		"not klog":   {"Everything is fine\nlast\n", "last"},
		"short line": {"E1\n", "E1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(tc.log), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := LastError(path); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := LastError("/no/such/log"); got != "its log cannot be read" {
		t.Errorf("got %q", got)
	}
}

func TestReadTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int64]string{3: "789", 10: "0123456789", 99: "0123456789"} {
		if got, err := readTail(path, limit); err != nil || string(got) != want {
			t.Errorf("limit %d: %q, %v, want %q", limit, got, err, want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte("1 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"))
	f.Add([]byte("1 () S"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStat(data)
		if err == nil && !bytes.Contains(data[bytes.LastIndexByte(data, ')'):], []byte{s.state}) {
			t.Errorf("state %q is not behind the name in %q", s.state, data)
		}
	})
}

func TestParseStatWithBracketsInName(t *testing.T) {
	t.Parallel()
	s, err := parseStat([]byte("1 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"))
	if err != nil || s.state != 'S' || s.start != 4711 {
		t.Errorf("%c %d %v", s.state, s.start, err)
	}
}
