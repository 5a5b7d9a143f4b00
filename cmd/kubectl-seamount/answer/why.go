package answer

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Why answers: what does an object wait for, link by link down to the disk, the daemon or the person.
type Why struct {
	Object Object `json:"object"`
	// Summary is the answer in a sentence.
	Summary string `json:"summary"`
	Links   []Link `json:"links"`
	// Todo is what a person can do, in the order of the links.
	Todo []string `json:"todo"`
}

// Link of the chain.
type Link struct {
	// Depth of the link: it is what a link before it, with a depth that is smaller by one, depends on.
	Depth  int    `json:"depth"`
	Object Object `json:"object"`
	// Condition of the object that the link is about; empty: the object as a whole.
	Condition string `json:"condition,omitempty"`
	State     State  `json:"state"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`
	// Runbook is the address of what is written about the reason; empty: nothing is.
	Runbook string `json:"runbook,omitempty"`
}

// State says whether what depends on a link waits for it.
type State string

// Whether what depends on a link waits for it. Unknown is not well: it was not observed, or could not be read.
const (
	Well    State = "Well"
	Waiting State = "Waiting"
	Unknown State = "Unknown"
)

// The kinds of Kubernetes that a chain may begin with.
const (
	KindPod          = "Pod"
	KindClaim        = "PersistentVolumeClaim"
	KindVolume       = "PersistentVolume"
	KindClass        = "StorageClass"
	KindAttachment   = "VolumeAttachment"
	KindNode         = "Node"
	kindEvent        = "Event"
	kindPerson       = "Person"
	reasonNotFound   = "NotFound"
	reasonNotRunning = "NotRunning"
)

// ErrNotFound says that the object that was asked for does not exist.
type ErrNotFound struct{ Object Object }

// Error names the object.
func (e ErrNotFound) Error() string { return e.Object.String() + " does not exist" }

// Explain walks from an object to what it waits for.
func Explain(s *Snapshot, o Object) (Why, error) {
	w := &walker{s: s, why: Why{Object: o, Links: []Link{}, Todo: []string{}}, seen: map[Object]bool{}}
	if !w.start(o) {
		return Why{}, ErrNotFound{o}
	}
	w.why.Summary = w.summary()
	w.runbooks()
	return w.why, nil
}

// walker goes down a chain, and visits each object once.
type walker struct {
	s    *Snapshot
	why  Why
	seen map[Object]bool
}

// start visits the object that was asked for.
func (w *walker) start(o Object) bool {
	switch o.Kind {
	case KindPod:
		p := find(slices.Concat(w.s.Pods, w.s.Daemons), func(p *corev1.Pod) bool { return p.Namespace == o.Namespace && p.Name == o.Name })
		return visit(p, func() { w.pod(0, p) })
	case KindClaim:
		c := w.s.claim(o.Namespace, o.Name)
		return visit(c, func() { w.claim(0, c) })
	case KindNode:
		n := w.s.node(o.Name)
		return visit(n, func() { w.node(0, n) })
	case v1alpha1.KindStorageCluster:
		c := w.s.cluster(o.Namespace, o.Name)
		return visit(c, func() { w.cluster(0, c) })
	case v1alpha1.KindStoragePool:
		p := w.s.pool(o.Namespace, o.Name)
		return visit(p, func() { w.pool(0, p) })
	case v1alpha1.KindStorageFilesystem:
		f := w.s.filesystem(o.Namespace, o.Name)
		return visit(f, func() { w.filesystem(0, f) })
	case v1alpha1.KindStorageDisk:
		d := w.s.disk(o.Name)
		return visit(d, func() { w.disk(0, d) })
	case v1alpha1.KindStorageOperation:
		op := find(w.s.Operations, func(op *v1alpha1.StorageOperation) bool { return objectOfOperation(op) == o })
		return visit(op, func() { w.operation(0, op) })
	}
	return false
}

func visit[T any](object *T, walk func()) bool {
	if object != nil {
		walk()
	}
	return object != nil
}

// runbooks adds to each reason that something waits for, once, where it is written about.
func (w *walker) runbooks() {
	told := map[string]bool{}
	for i := range w.why.Links {
		link := &w.why.Links[i]
		address := Runbook(link.Object.Kind, link.Reason)
		if link.State != Well && !told[address] {
			link.Runbook, told[address] = address, true
		}
	}
}

// first says that an object was not visited yet. One that was, and is not well, is linked again without what is below it.
func (w *walker) first(depth int, o Object) bool {
	if !w.seen[o] {
		w.seen[o] = true
		return true
	}
	before := find(w.why.Links, func(l *Link) bool { return l.Object == o && l.Condition == "" })
	if before != nil && before.State != Well && !w.ledTo(depth, o) {
		w.link(depth, o, before.State, before.Reason, asAbove)
	}
	return false
}

// asAbove is the message of a link whose object was linked before.
const asAbove = "as above"

// ledTo says that a link at this depth, added now, would have the object among those that led to it.
func (w *walker) ledTo(depth int, o Object) bool {
	for _, link := range slices.Backward(w.why.Links) {
		if link.Depth >= depth {
			continue
		}
		if depth = link.Depth; link.Object == o {
			return true
		}
	}
	return false
}

func (w *walker) link(depth int, o Object, state State, reason, message string) {
	w.why.Links = append(w.why.Links, Link{Depth: depth, Object: o, State: state, Reason: reason, Message: message})
}

func (w *walker) condition(depth int, f Finding) {
	state := Waiting
	if f.Status == string(metav1.ConditionUnknown) {
		state = Unknown
	}
	w.why.Links = append(w.why.Links, Link{
		Depth: depth, Object: f.Object, Condition: f.Condition, State: state, Reason: f.Reason, Message: f.Message,
	})
}

// advise notes what can be done about a finding itself.
func (w *walker) advise(f Finding) {
	if t := f.task(); t != nil {
		w.todo(t.Do)
	}
}

// todo notes what a person can do; once, however many links say it.
func (w *walker) todo(do string) {
	if do != "" && !slices.Contains(w.why.Todo, do) {
		w.why.Todo = append(w.why.Todo, do)
	}
}

// missing is the link to an object that should be there and is not.
func (w *walker) missing(depth int, o Object, do string) {
	w.link(depth, o, Waiting, reasonNotFound, "it does not exist")
	w.todo(do)
}

// object links an object that has a condition Ready, and each of its other conditions that is not well. It returns those.
func (w *walker) object(depth int, o Object, have []metav1.Condition) []Finding {
	ready := readiness(have)
	state := Well
	switch ready.Status {
	case metav1.ConditionFalse:
		state = Waiting
	case metav1.ConditionUnknown:
		state = Unknown
	}
	w.link(depth, o, state, ready.Reason, ready.Message)
	if do, needed := remedy(o, ready.Reason); needed && state != Well {
		w.todo(do)
	}
	return slices.DeleteFunc(findings(o, have), func(f Finding) bool { return f.Condition == v1alpha1.ConditionReady })
}

// leaves returns the links that wait for nothing further down, each object once. An event tells of a cause, and counts as
// one only where there is no other.
func (w *walker) leaves() []Link {
	var causes, events []Link
	counted := map[Object]bool{}
	for i, link := range w.why.Links {
		switch {
		case link.State == Well || link.Message == asAbove || w.waitsBelow(i) || counted[link.Object]:
		case link.Object.Kind == kindEvent:
			events = append(events, link)
		default:
			counted[link.Object] = true
			causes = append(causes, link)
		}
	}
	if len(causes) == 0 {
		return events
	}
	return causes
}

// summary names the first cause, and counts the others.
func (w *walker) summary() string {
	causes := w.leaves()
	if len(causes) == 0 {
		return fmt.Sprintf("%s waits for nothing", w.why.Object)
	}
	first := causes[0]
	text := fmt.Sprintf("%s waits for %s", w.why.Object, first.Object)
	switch {
	case first.Object == w.why.Object:
		text = first.Object.String() + " is not well"
	case w.why.Links[0].State == Well:
		text = fmt.Sprintf("%s is well, and depends on what is not: %s", w.why.Object, first.Object)
	}
	text += fmt.Sprintf(" (%s): %s", joinWords(" ", first.Condition, first.Reason), first.Message)
	if more := len(causes) - 1; more > 0 {
		text += fmt.Sprintf("; and %s more", count(more, "cause"))
	}
	return strings.TrimSuffix(text, ": ")
}

// waitsBelow says that what a link depends on is not well.
func (w *walker) waitsBelow(at int) bool {
	for _, link := range w.why.Links[at+1:] {
		if link.Depth <= w.why.Links[at].Depth {
			return false
		}
		if link.State != Well {
			return true
		}
	}
	return false
}
