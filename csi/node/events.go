package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/handle"
)

// Reasons of the events.
const (
	ReasonAbnormal  = "VolumeAbnormal"
	ReasonRecovered = "VolumeRecovered"
)

const (
	// eventLasts is how long Kubernetes keeps an event. What is still so after that may be told again.
	eventLasts = time.Hour
	// Limits of Kubernetes, in bytes: the first is that of a name, less what is added to it.
	maxEventPod, maxNote, maxInstance = 200, 1024, 128
	// eventTimeout bounds one attempt to make an event.
	eventTimeout              = 10 * time.Second
	firstRetry, longestRetry  = 500 * time.Millisecond, time.Minute
	eventAction, eventPodKind = "WatchVolume", "Pod"
)

// Events tells pods of their volumes by events: one for a volume that becomes abnormal, one when it has recovered. What
// the API does not take now is tried again. The zero value does not work: see NewEvents.
type Events struct {
	// Writer creates events.
	writer client.Writer
	node   string
	now    func() time.Time
	log    logr.Logger
	queue  workqueue.TypedRateLimitingInterface[mount]

	mu    sync.Mutex
	known map[mount]*knowledge
}

// mount is a volume in a pod.
type mount struct {
	uid    types.UID
	volume string
}

// knowledge is what is known of a mount, and what was told.
type knowledge struct {
	pod      corev1.ObjectReference
	abnormal bool
	message  string
	// turns counts how often it became abnormal, so that each time is an event of its own.
	turns  int
	toldAt time.Time
	told   string // name of the last event
}

// NewEvents makes events on behalf of a node.
func NewEvents(writer client.Writer, node string, now func() time.Time, log logr.Logger) *Events {
	limits := workqueue.NewTypedItemExponentialFailureRateLimiter[mount](firstRetry, longestRetry)
	return &Events{
		writer: writer, node: node, now: now, log: log, known: map[mount]*knowledge{},
		queue: workqueue.NewTypedRateLimitingQueue(limits),
	}
}

// Tell implements Teller. It does not wait for the API.
func (e *Events) Tell(volume string, condition *agentv1.Condition, pods []*agentv1.Pod) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, pod := range pods {
		if m := (mount{types.UID(pod.GetUid()), volume}); pod.GetUid() != "" && e.note(m, pod, condition) {
			e.queue.Add(m)
		}
	}
}

// note remembers how a volume is, and says whether there is something to tell. That a volume is well is no news of one
// that was never ill.
func (e *Events) note(m mount, pod *agentv1.Pod, condition *agentv1.Condition) bool {
	k := e.known[m]
	if k == nil {
		if !condition.GetAbnormal() {
			return false
		}
		k = &knowledge{pod: corev1.ObjectReference{
			APIVersion: "v1", Kind: eventPodKind, Namespace: pod.GetNamespace(), Name: pod.GetName(), UID: m.uid,
		}}
		e.known[m] = k
	}
	if condition.GetAbnormal() && !k.abnormal {
		k.turns++
	}
	k.abnormal, k.message = condition.GetAbnormal(), condition.GetMessage()
	return true
}

// Run makes the events until the context ends.
func (e *Events) Run(ctx context.Context) {
	stop := context.AfterFunc(ctx, e.queue.ShutDown)
	defer stop()
	for {
		m, over := e.queue.Get()
		if over {
			return
		}
		e.process(ctx, m)
		e.queue.Done(m)
	}
}

func (e *Events) process(ctx context.Context, m mount) {
	event := e.next(m)
	if event == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	err := e.writer.Create(ctx, event)
	switch {
	case err == nil, apierrors.IsAlreadyExists(err): // told, maybe by the process before this one
	case apierrors.IsNotFound(err), apierrors.IsInvalid(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		e.log.Info("the event of a pod cannot be made", "pod", event.Regarding.Namespace+"/"+event.Regarding.Name, "error", err.Error())
	default:
		e.log.V(1).Info("the event of a pod is tried again", "error", err.Error())
		e.queue.AddRateLimited(m)
		return
	}
	e.queue.Forget(m)
	e.told(m, event.Name)
}

// next returns the event that is to be made; nil: all was told.
func (e *Events) next(m mount) *eventsv1.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.known[m]
	if k == nil {
		return nil
	}
	event := e.event(m, k)
	if k.told == event.Name && e.now().Sub(k.toldAt) < eventLasts {
		return nil
	}
	return event
}

// told remembers what was told, and forgets a mount that is well again.
func (e *Events) told(m mount, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.known[m]
	if k == nil {
		return
	}
	k.told, k.toldAt = name, e.now()
	for other, old := range e.known {
		if !old.abnormal && old.told != "" && e.now().Sub(old.toldAt) >= eventLasts {
			delete(e.known, other) // only now: a turn that follows soon has another number
		}
	}
}

// event says how a volume is. Its name follows from what it says, so that the same is not told twice, also not by the
// next process.
func (e *Events) event(m mount, k *knowledge) *eventsv1.Event {
	kind, reason, note := corev1.EventTypeNormal, ReasonRecovered, "volume "+m.volume+" works again"
	if k.abnormal {
		kind, reason, note = corev1.EventTypeWarning, ReasonAbnormal, "volume "+m.volume+": "+k.message
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d\n%s", m.uid, m.volume, reason, k.turns, note))
	return &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: k.pod.Namespace,
			Name:      strings.TrimRight(cut(k.pod.Name, maxEventPod), "-.") + "." + hex.EncodeToString(sum[:8]),
		},
		EventTime: metav1.NewMicroTime(e.now()), Type: kind, Reason: reason, Note: cut(note, maxNote), Regarding: k.pod,
		Action: eventAction, ReportingController: driverOf(m.volume), ReportingInstance: cut(e.node, maxInstance),
	}
}

// driverOf is the driver whose volume it is.
func driverOf(volume string) string {
	if parsed, err := handle.Parse(volume); err == nil && parsed.File() {
		return v1alpha1.ProvisionerCephFS
	}
	return v1alpha1.ProvisionerRBD
}

// cut shortens a text to a number of bytes, between two characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
