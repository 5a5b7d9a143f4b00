package trigger

import (
	"testing"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

var _ source.TypedSource[string] = (*Trigger[string])(nil)

func newQueue() workqueue.TypedRateLimitingInterface[string] {
	return workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
}

func drain(t *testing.T, queue workqueue.TypedRateLimitingInterface[string]) []string {
	t.Helper()
	var got []string
	for queue.Len() > 0 {
		r, _ := queue.Get()
		queue.Done(r)
		got = append(got, r)
	}
	return got
}

func TestFireBeforeAndAfterStart(t *testing.T) {
	t.Parallel()
	var trigger Trigger[string]
	trigger.Fire("a")
	trigger.Fire("a")
	first, second := newQueue(), newQueue()
	for _, queue := range []workqueue.TypedRateLimitingInterface[string]{first, second} {
		if err := trigger.Start(t.Context(), queue); err != nil {
			t.Fatal(err)
		}
	}
	if got := drain(t, first); len(got) != 1 || got[0] != "a" {
		t.Errorf("fired before the controller listened: %v", got)
	}
	trigger.Fire("b")
	trigger.Fire("b")
	for name, queue := range map[string]workqueue.TypedRateLimitingInterface[string]{"first": first, "second": second} {
		if got := drain(t, queue); len(got) != 1 || got[0] != "b" {
			t.Errorf("%s queue: %v", name, got)
		}
	}
}
