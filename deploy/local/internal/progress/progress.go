// Package progress owns what a person sees while seamount-local works: named
// steps with the time they take and the time they took before.
//
// It never decides anything, and writes to nothing but its writer and its file
// of remembered durations.
package progress

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// redraw is how often the live line of a terminal is drawn.
const redraw = 200 * time.Millisecond

// heartbeat is how often a long step without a terminal says that it goes on.
const heartbeat = 30 * time.Second

// Reporter prints steps. Steps may run at the same time.
type Reporter struct {
	memory  *Memory
	assumed map[string]time.Duration // by title, where memory has nothing
	now     func() time.Time

	mu     sync.Mutex
	out    io.Writer
	live   bool // out is a terminal: the last line is drawn again and again
	active []*Step
	drawn  bool // the live line is on the screen
}

// New is a Reporter that writes to out, with the durations that memory holds as
// expectations. memory may be nil.
func New(out io.Writer, memory *Memory) *Reporter {
	return &Reporter{out: out, memory: memory, now: time.Now, live: isTerminal(out)}
}

// Assume gives steps that were never done here, by their titles, how long they take elsewhere. It has to be called before
// they begin.
func (r *Reporter) Assume(took map[string]time.Duration) { r.assumed = took }

// Discard is a Reporter that prints nothing.
func Discard() *Reporter { return New(io.Discard, nil) }

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Step is a step that runs.
type Step struct {
	reporter *Reporter
	title    string
	started  time.Time
	expected time.Duration // as it took the last time
	assumed  time.Duration // as it takes elsewhere
	detail   string        // while it runs
	result   string        // when it is done
	log      string
	lastBeat time.Time
}

// Error is the failure of a step.
type Error struct {
	Step string // its title
	Log  string // the file that tells more, or empty
	Err  error
}

func (e *Error) Error() string {
	if e.Log == "" {
		return fmt.Sprintf("%s: %v", e.Step, e.Err)
	}
	return fmt.Sprintf("%s: %v (more in %s)", e.Step, e.Err, e.Log)
}

// Unwrap returns what made the step fail.
func (e *Error) Unwrap() error { return e.Err }

// Do runs work as a step. Its error comes back as an *Error, unless it is one
// already: the innermost step is the one to tell of.
func (r *Reporter) Do(ctx context.Context, title string, work func(context.Context, *Step) error) error {
	s := r.begin(title)
	stop := r.tick(ctx)
	err := work(ctx, s)
	stop()
	r.end(s, err)
	if err == nil || isStepError(err) {
		return err
	}
	return &Error{Step: title, Log: s.log, Err: err}
}

// Note prints a line of its own.
func (r *Reporter) Note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(fmt.Sprintf(format, args...))
}

// Detail says what the step is busy with now.
func (s *Step) Detail(format string, args ...any) {
	s.reporter.mu.Lock()
	defer s.reporter.mu.Unlock()
	s.detail = fmt.Sprintf(format, args...)
}

// Result says what came of the step, for the line that is printed when it is done.
func (s *Step) Result(format string, args ...any) {
	s.reporter.mu.Lock()
	defer s.reporter.mu.Unlock()
	s.result = fmt.Sprintf(format, args...)
}

// Log names the file that an error of this step should point to.
func (s *Step) Log(path string) {
	s.reporter.mu.Lock()
	defer s.reporter.mu.Unlock()
	s.log = path
}

func (r *Reporter) begin(title string) *Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &Step{reporter: r, title: title, started: r.now(), expected: r.memory.expected(title), assumed: r.assumed[title]}
	s.lastBeat = s.started
	r.active = append(r.active, s)
	r.draw()
	return s
}

func (r *Reporter) end(s *Step, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = slices.DeleteFunc(r.active, func(a *Step) bool { return a == s })
	took := r.now().Sub(s.started)
	if err != nil {
		r.line(fmt.Sprintf("  failed  %s after %s", s.title, short(took)))
		return
	}
	r.memory.remember(s.title, took)
	s.detail = s.result
	r.line("  " + s.summary("done", took))
}

// tick keeps the live line moving until the returned function is called.
func (r *Reporter) tick(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(redraw)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				r.refresh()
			}
		}
	}()
	return func() { cancel(); <-done }
}

func (r *Reporter) refresh() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live {
		r.draw()
		return
	}
	for _, s := range r.active {
		if now := r.now(); now.Sub(s.lastBeat) >= heartbeat {
			s.lastBeat = now
			r.line("  " + s.summary("...", now.Sub(s.started)))
		}
	}
}

// line prints text above the live line.
func (r *Reporter) line(text string) {
	if r.drawn {
		fmt.Fprint(r.out, "\r\x1b[K")
		r.drawn = false
	}
	fmt.Fprintln(r.out, text)
	r.draw()
}

// draw draws the live line: the youngest step, and how many others run.
func (r *Reporter) draw() {
	if !r.live || len(r.active) == 0 {
		return
	}
	s := r.active[len(r.active)-1]
	text := s.summary("...", r.now().Sub(s.started))
	if others := len(r.active) - 1; others > 0 {
		text += fmt.Sprintf(" (and %d more)", others)
	}
	fmt.Fprintf(r.out, "\r\x1b[K  %s", clip(text, width(r.out)-3))
	r.drawn = true
}

func (s *Step) summary(word string, took time.Duration) string {
	text := fmt.Sprintf("%-6s  %s  %s", word, s.title, short(took))
	switch {
	case s.expected > 0:
		text += fmt.Sprintf(" (last time %s)", short(s.expected))
	case s.assumed > 0:
		text += fmt.Sprintf(" (about %s the first time)", short(s.assumed))
	}
	if s.detail != "" {
		text += "  " + s.detail
	}
	return text
}

// short is a duration as a person reads it: 0.4 s, 12 s, 3 min 20 s.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

func width(out io.Writer) int {
	const usual = 80
	f, ok := out.(*os.File)
	if !ok {
		return usual
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col < 20 {
		return usual
	}
	return int(size.Col)
}

func clip(text string, limit int) string {
	runes := []rune(strings.ReplaceAll(text, "\n", " "))
	if len(runes) > limit {
		runes = runes[:limit]
	}
	return string(runes)
}
