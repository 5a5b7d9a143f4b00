package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Spec is a daemon to start.
type Spec struct {
	// Name is the daemon's name in the journal and in messages.
	Name string
	// Path is the program, absolute.
	Path string
	// Args are its arguments, without the 0th.
	Args []string
	// Env is its whole environment; nothing is inherited.
	Env []string
	// Dir is its working directory, "/" if empty.
	Dir string
	// Log is the file that its output is appended to.
	Log string
	// Attr holds namespaces, credentials and the like; nil for none. The daemon
	// gets a session of its own in any case.
	Attr *syscall.SysProcAttr
}

// Launcher starts and stops daemons and keeps the journal of them.
type Launcher struct{ Journal *state.Journal }

// Start starts the daemon unless it runs already, and returns its identity. The
// daemon is recorded before it runs and outlives the calling command.
func (l Launcher) Start(spec Spec) (ID, error) {
	if id, running := l.Find(spec.Name); running {
		return id, nil
	}
	if _, err := exec.LookPath(spec.Path); err != nil {
		return ID{}, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	if err := l.Journal.Plan(l.entry(spec, ID{})); err != nil {
		return ID{}, err
	}
	id, err := l.launch(spec)
	if err != nil {
		return ID{}, errors.Join(fmt.Errorf("start %s: %w", spec.Name, err), l.Journal.Gone(state.KindProcess, spec.Name))
	}
	return id, nil
}

// Find is the running daemon of that name.
func (l Launcher) Find(name string) (ID, bool) {
	e, ok := l.Journal.Get(state.KindProcess, name)
	if !ok {
		return ID{}, false
	}
	id, ok := FromEntry(e)
	return id, ok && id.Alive()
}

// FromEntry is the process that a journal entry of KindProcess stands for. It is
// false if the entry is of a process that never got past the gate.
func FromEntry(e state.Entry) (ID, bool) {
	pid, err := strconv.Atoi(e.Facts["pid"])
	if err != nil || pid <= 0 {
		return ID{}, false
	}
	start, err := strconv.ParseUint(e.Facts["start"], 10, 64)
	return ID{PID: pid, Start: start}, err == nil
}

func (l Launcher) entry(spec Spec, id ID) state.Entry {
	facts := map[string]string{"log": spec.Log}
	if id != (ID{}) {
		facts["pid"], facts["start"] = strconv.Itoa(id.PID), strconv.FormatUint(id.Start, 10)
	}
	return state.Entry{Kind: state.KindProcess, Name: spec.Name, Facts: facts}
}

// launch makes the process wait at the gate, records it and lets it pass.
func (l Launcher) launch(spec Spec) (ID, error) {
	log, err := openLog(spec.Log)
	if err != nil {
		return ID{}, err
	}
	defer log.Close()
	waiting, gate, err := os.Pipe()
	if err != nil {
		return ID{}, err
	}
	defer gate.Close()
	cmd := command(spec, log, waiting)
	err = cmd.Start()
	waiting.Close() //nolint:errcheck // the process has its own descriptor
	if err != nil {
		return ID{}, err
	}
	go cmd.Wait() //nolint:errcheck // reaps it if it ends before this command does
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		return ID{}, err
	}
	if err := l.Journal.Made(l.entry(spec, id)); err != nil {
		return ID{}, err
	}
	_, err = gate.Write([]byte{1})
	return id, err
}

func command(spec Spec, log, waiting *os.File) *exec.Cmd {
	attr := syscall.SysProcAttr{}
	if spec.Attr != nil {
		attr = *spec.Attr
	}
	attr.Setsid = true
	dir := spec.Dir
	if dir == "" {
		dir = "/"
	}
	return &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        append([]string{gateArg, spec.Path, filepath.Base(spec.Path)}, spec.Args...),
		Env:         spec.Env,
		Dir:         dir,
		Stdout:      log,
		Stderr:      log,
		ExtraFiles:  []*os.File{waiting},
		SysProcAttr: &attr,
	}
}

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}
