package state

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const thisBoot = "boot-1"

func open(t *testing.T, d Dir, boot string) *Journal {
	t.Helper()
	j, err := OpenJournal(d, boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	loop7 = Entry{Kind: KindLoop, Name: "/dev/loop7", Facts: map[string]string{"file": "/x"}}
	link0 = Entry{Kind: KindLink, Name: "br0"}
)

func made(e Entry) Entry {
	e.Made = true
	return e
}

func TestJournalSurvivesReopening(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	j := open(t, d, thisBoot)
	must(t, j.Plan(link0))
	must(t, j.Made(link0))
	must(t, j.Plan(loop7))

	again := open(t, d, thisBoot)
	want := []Entry{loop7, made(link0)} // newest first; loop7 was only planned
	if diff := cmp.Diff(want, again.Entries()); diff != "" {
		t.Errorf("entries after reopening (-want +got):\n%s", diff)
	}
	if j.Mark() != again.Mark() || j.Mark() == "" {
		t.Errorf("mark changed from %q to %q", j.Mark(), again.Mark())
	}
}

func TestJournalForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	j := open(t, d, thisBoot)
	must(t, j.Made(link0))
	must(t, j.Made(loop7))
	must(t, j.Gone(KindLink, "br0"))
	must(t, j.Gone(KindLink, "never made"))
	for name, j := range map[string]*Journal{"same": j, "reopened": open(t, d, thisBoot)} {
		if diff := cmp.Diff([]Entry{made(loop7)}, j.Entries()); diff != "" {
			t.Errorf("%s: entries (-want +got):\n%s", name, diff)
		}
		if _, ok := j.Get(KindLink, "br0"); ok {
			t.Errorf("%s: the link is still known", name)
		}
	}
}

func TestJournalReplacesFacts(t *testing.T) {
	t.Parallel()
	j := open(t, Dir(t.TempDir()), thisBoot)
	must(t, j.Plan(Entry{Kind: KindProcess, Name: "etcd", Facts: map[string]string{"log": "l"}}))
	must(t, j.Made(Entry{Kind: KindProcess, Name: "etcd", Facts: map[string]string{"log": "l", "pid": "7"}}))
	e, ok := j.Get(KindProcess, "etcd")
	if !ok || !e.Made || e.Facts["pid"] != "7" {
		t.Errorf("got %+v, %v", e, ok)
	}
	e.Facts["pid"] = "8"
	if e, _ := j.Get(KindProcess, "etcd"); e.Facts["pid"] != "7" {
		t.Error("a caller could change the journal's own facts")
	}
	if got := len(j.Entries(KindLink)); got != 0 {
		t.Errorf("%d links, want none", got)
	}
}

func TestJournalOfAnotherBootIsVoid(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	j := open(t, d, thisBoot)
	must(t, j.Made(link0))
	after := open(t, d, "boot-2")
	if entries := after.Entries(); len(entries) != 0 {
		t.Errorf("after a reboot the journal still has %v", entries)
	}
	if after.Mark() == j.Mark() {
		t.Error("the mark of the earlier boot is used again")
	}
}

// A kill -9 in the middle of a write leaves a part of a line: what it announced
// was not made yet, and the next write must not be glued to it.
func TestJournalDropsTornLine(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	must(t, open(t, d, thisBoot).Made(link0))
	whole, err := os.ReadFile(d.JournalFile())
	must(t, err)
	line := `{"op":"plan","entry":{"kind":"loop","name":"/dev/loop7"}}` + "\n"
	for cut := 1; cut < len(line); cut++ {
		must(t, os.WriteFile(d.JournalFile(), append(whole[:len(whole):len(whole)], line[:cut]...), 0o600))
		j := open(t, d, thisBoot)
		must(t, j.Made(loop7))
		if diff := cmp.Diff([]Entry{made(loop7), made(link0)}, open(t, d, thisBoot).Entries()); diff != "" {
			t.Fatalf("line cut after %d bytes (-want +got):\n%s", cut, diff)
		}
	}
}

func TestJournalRefusesDamage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":  `{"op":"open","boot":"boot-1"}` + "\nrubbish\n",
		"no entry": `{"op":"open","boot":"boot-1"}` + "\n" + `{"op":"plan"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Dir(t.TempDir())
			must(t, os.WriteFile(d.JournalFile(), []byte(text), 0o600))
			if _, err := OpenJournal(d, thisBoot); err == nil || !strings.Contains(err.Error(), "line 2") {
				t.Errorf("error %v, want one that names line 2", err)
			}
		})
	}
}

func TestReadJournalWritesNothing(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	j, err := ReadJournal(d, thisBoot)
	must(t, err)
	if err := j.Plan(link0); err == nil {
		t.Error("a journal that is opened to be read took an entry")
	}
	if empty, err := d.IsEmpty(); err != nil || !empty {
		t.Errorf("the directory is not empty any more (%v)", err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"op":"open","boot":"boot-1","mark":"m"}` + "\n" + `{"op":"made","entry":{"kind":"link","name":"a"}}` + "\n"))
	f.Add([]byte("{}\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, whole, err := parse(data, thisBoot)
		if err != nil || j == nil {
			return
		}
		if whole > len(data) || (whole > 0 && data[whole-1] != '\n') {
			t.Fatalf("%d of %d bytes are whole lines", whole, len(data))
		}
		again, _, err := parse(data[:whole], thisBoot)
		if err != nil {
			t.Fatalf("the whole lines alone do not parse: %v", err)
		}
		if diff := cmp.Diff(j.Entries(), again.Entries()); diff != "" {
			t.Fatalf("the torn line changed the entries:\n%s", diff)
		}
	})
}
