package state

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
)

// Kind is a kind of thing that lives in the kernel, outside the state directory.
type Kind string

// The kinds of things that are made.
const (
	KindProcess Kind = "process" // named as in the logs; facts pid, start, log
	KindMount   Kind = "mount"   // named by its mount point, in the machine's own mount namespace
	KindLoop    Kind = "loop"    // named by its device; facts file, node
	KindNetns   Kind = "netns"   // named as under /run/netns; facts inode
	KindLink    Kind = "link"    // bridge or veth, named as on the machine
	KindRoute   Kind = "route"   // named by its destination
	KindCgroup  Kind = "cgroup"  // named by its directory
	KindSysctl  Kind = "sysctl"  // named by its key; facts before (the value to restore) and set
)

// Entry is one thing that was made, or was about to be.
type Entry struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
	// Facts tell this thing from another of the same name that somebody else
	// made later, and hold what undoing it needs.
	Facts map[string]string `json:"facts,omitempty"`
	// Made is false from before the thing was made until after: a crash in
	// between leaves it unknown whether it exists.
	Made bool `json:"-"`
}

// Journal records everything that is made outside the state directory, before
// it is made, so that `down` undoes that and nothing else, also after a kill -9
// at any point. It belongs to one boot of the machine: a reboot removes
// everything in it, and what has the same name afterwards is somebody else's.
//
// Its methods may be called from several goroutines. Only a holder of the Lock
// may call those that write.
type Journal struct {
	// mark is a random word of this journal. It is put on things that can carry
	// one (a link's alias, a process' environment) as proof of who made them.
	mark string

	mu      sync.Mutex
	file    *os.File
	entries []Entry
}

// record is one line of the journal's file.
type record struct {
	Op    string `json:"op"`
	Boot  string `json:"boot,omitempty"`
	Mark  string `json:"mark,omitempty"`
	Entry *Entry `json:"entry,omitempty"`
}

const (
	opOpen = "open" // first line
	opPlan = "plan" // about to be made
	opMade = "made" // exists
	opGone = "gone" // does not exist any more
)

// OpenJournal opens the journal of d for the machine's current boot (BootID), and
// starts an empty one if there is none or the machine was booted since.
func OpenJournal(d Dir, boot string) (*Journal, error) {
	j, err := load(d.JournalFile(), boot)
	if err != nil {
		return nil, err
	}
	if j == nil {
		if j, err = create(d.JournalFile(), boot); err != nil {
			return nil, err
		}
	}
	j.file, err = os.OpenFile(d.JournalFile(), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	return j, nil
}

// ReadJournal is OpenJournal for a command that changes nothing: it writes no
// file, and what it returns must not be written to.
func ReadJournal(d Dir, boot string) (*Journal, error) {
	j, err := load(d.JournalFile(), boot)
	if j == nil && err == nil {
		j = &Journal{}
	}
	return j, err
}

func create(path, boot string) (*Journal, error) {
	mark := rand.Text()
	line, err := json.Marshal(record{Op: opOpen, Boot: boot, Mark: mark})
	if err != nil {
		return nil, fmt.Errorf("start the journal: %w", err)
	}
	if err := WriteFile(path, append(line, '\n'), 0o600); err != nil {
		return nil, err
	}
	return &Journal{mark: mark}, nil
}

// load returns nil if there is no journal of this boot.
func load(path, boot string) (*Journal, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	j, whole, err := parse(data, boot)
	if err != nil {
		return nil, fmt.Errorf("the journal %s is damaged: %w", path, err)
	}
	if j != nil && whole < len(data) {
		err = os.Truncate(path, int64(whole))
	}
	if err != nil {
		return nil, fmt.Errorf("repair the journal: %w", err)
	}
	return j, nil
}

// parse replays data. A last line without its end was being written when the
// writer died; what it announces was not made yet. whole is the length without it.
func parse(data []byte, boot string) (j *Journal, whole int, err error) {
	j = &Journal{}
	in := bufio.NewReader(bytes.NewReader(data))
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if number == 1 {
				return nil, 0, nil
			}
			return j, whole, nil
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", number, err)
		}
		if r.Op == opOpen {
			if r.Boot != boot {
				return nil, 0, nil
			}
			j.mark = r.Mark
		} else if r.Entry == nil {
			return nil, 0, fmt.Errorf("line %d: no entry", number)
		} else {
			j.apply(r.Op, *r.Entry)
		}
		whole += len(line)
	}
}

// Mark is a random word that only this journal knows.
func (j *Journal) Mark() string { return j.mark }

// Plan records that e is about to be made. To plan again what is there already
// is how a resumed command says what it found, and replaces the facts.
func (j *Journal) Plan(e Entry) error { return j.write(opPlan, e) }

// Made records that e exists now, with all its facts.
func (j *Journal) Made(e Entry) error { return j.write(opMade, e) }

// Gone records that e does not exist any more.
func (j *Journal) Gone(kind Kind, name string) error {
	return j.write(opGone, Entry{Kind: kind, Name: name})
}

// Get finds an entry.
func (j *Journal) Get(kind Kind, name string) (Entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := j.index(kind, name); i >= 0 {
		return j.entries[i].clone(), true
	}
	return Entry{}, false
}

// Entries are all entries of the given kinds, or of every kind if none is
// given, the newest first: the order in which things are undone.
func (j *Journal) Entries(kinds ...Kind) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []Entry
	for _, e := range slices.Backward(j.entries) {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			found = append(found, e.clone())
		}
	}
	return found
}

// Close closes the file.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// write does not sync: what survives a crash of the machine is void anyway, and
// what a killed process wrote is in the page cache.
func (j *Journal) write(op string, e Entry) error {
	line, err := json.Marshal(record{Op: op, Entry: &e})
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return errors.New("write the journal: it was opened to be read only")
	}
	if err := appendLine(j.file, line); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.apply(op, e.clone())
	return nil
}

// appendLine adds the whole line or nothing: a part of one, on a full disk,
// would make the next line unreadable.
func appendLine(f *os.File, line []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return nil
}

func (j *Journal) apply(op string, e Entry) {
	i := j.index(e.Kind, e.Name)
	e.Made = op == opMade
	switch {
	case op == opGone && i >= 0:
		j.entries = slices.Delete(j.entries, i, i+1)
	case op == opGone:
	case i >= 0:
		j.entries[i] = e
	default:
		j.entries = append(j.entries, e)
	}
}

func (j *Journal) index(kind Kind, name string) int {
	return slices.IndexFunc(j.entries, func(e Entry) bool { return e.Kind == kind && e.Name == name })
}

func (e Entry) clone() Entry {
	e.Facts = maps.Clone(e.Facts)
	return e
}

// BootID identifies the machine's current boot.
func BootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the machine's boot id: %w", err)
	}
	return string(bytes.TrimSpace(id)), nil
}
