package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

// api keeps the events that were made, by name, as the API does.
type api struct {
	client.Writer
	mu     sync.Mutex
	fail   int // attempts
	tries  int
	events map[string]*eventsv1.Event
	order  []string
}

func (a *api) Create(_ context.Context, object client.Object, _ ...client.CreateOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tries++
	event, is := object.(*eventsv1.Event)
	if !is {
		return fmt.Errorf("a %T is made", object)
	}
	if a.fail > 0 {
		a.fail--
		return errors.New("the API is away")
	}
	if a.events[event.Name] != nil {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "events"}, event.Name)
	}
	a.events[event.Name] = event
	a.order = append(a.order, event.Type+" "+event.Reason+" "+event.Regarding.Name+": "+event.Note)
	return nil
}

func (a *api) told() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.order...)
}

func (a *api) attempts() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tries
}

// patience is for a machine that has much else to do.
const patience = time.Minute

func running(t *testing.T, a *api) *Events {
	t.Helper()
	e := NewEvents(a, "n1", time.Now, logr.Discard())
	go e.Run(t.Context())
	return e
}

func newAPI() *api { return &api{events: map[string]*eventsv1.Event{}} }

var (
	ill  = &agentv1.Condition{Abnormal: true, Message: "the worker is gone: restart the pod"}
	well = &agentv1.Condition{}
	db0  = &agentv1.Pod{Namespace: "shop", Name: "db-0", Uid: "u0"}
	db1  = &agentv1.Pod{Namespace: "shop", Name: "db-1", Uid: "u1"}
)

func TestEventsTellOnce(t *testing.T) {
	t.Parallel()
	g, a := NewWithT(t), newAPI()
	e := running(t, a)
	e.Tell("v", well, []*agentv1.Pod{db0}) // no news
	e.Tell("v", ill, []*agentv1.Pod{db0, db1})
	want := []string{
		"Warning VolumeAbnormal db-0: volume v: the worker is gone: restart the pod",
		"Warning VolumeAbnormal db-1: volume v: the worker is gone: restart the pod",
	}
	g.Eventually(a.told, patience).Should(ConsistOf(want))
	tries := a.attempts()
	e.Tell("v", ill, []*agentv1.Pod{db0, db1}) // the agent's stream was made anew
	e.Tell("v", well, []*agentv1.Pod{db0})
	g.Eventually(a.told, patience).Should(ContainElement("Normal VolumeRecovered db-0: volume v works again"))
	e.Tell("v", ill, []*agentv1.Pod{db0}) // once more is news
	g.Eventually(a.told, patience).Should(HaveLen(4))
	g.Expect(a.attempts()).To(Equal(tries + 2))
}

// The process that follows this one does not tell again.
func TestEventsAreNotToldByTheNextProcess(t *testing.T) {
	t.Parallel()
	g, a := NewWithT(t), newAPI()
	running(t, a).Tell("v", ill, []*agentv1.Pod{db0})
	g.Eventually(a.told, patience).Should(HaveLen(1))
	running(t, a).Tell("v", ill, []*agentv1.Pod{db0})
	g.Eventually(a.attempts, patience).Should(Equal(2))
	g.Expect(a.told()).To(HaveLen(1))
}

func TestEventsAreTriedAgain(t *testing.T) {
	t.Parallel()
	g, a := NewWithT(t), newAPI()
	a.fail = 2
	running(t, a).Tell("v", ill, []*agentv1.Pod{db0})
	g.Eventually(a.told, patience).Should(HaveLen(1))
}

func TestEventFits(t *testing.T) {
	t.Parallel()
	long := ""
	for range 2000 {
		long += "é"
	}
	e := NewEvents(newAPI(), long, time.Now, logr.Discard())
	m := mount{"u", "v"}
	e.note(m, &agentv1.Pod{Namespace: "shop", Name: "p.-" + long, Uid: "u"}, &agentv1.Condition{Abnormal: true, Message: long})
	event := e.next(m)
	if event.ReportingController != "rbd.csi.seamount.dev" || driverOf(fileID) != "cephfs.csi.seamount.dev" {
		t.Errorf("told by %s, and of a file volume by %s", event.ReportingController, driverOf(fileID))
	}
	if len(event.Note) > maxNote || len(event.Name) > 253 || len(event.ReportingInstance) > maxInstance {
		t.Errorf("note of %d, name of %d, instance of %d bytes", len(event.Note), len(event.Name), len(event.ReportingInstance))
	}
}
