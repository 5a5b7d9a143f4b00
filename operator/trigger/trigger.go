// Package trigger wakes a controller from within the program: by what a poller saw, or by another controller's result.
// It carries requests and nothing else: what happened is read again by whoever is woken.
package trigger

import (
	"context"
	"slices"
	"sync"

	"k8s.io/client-go/util/workqueue"
)

// Trigger is a source of requests (controller-runtime's source.TypedSource). It never blocks whoever fires it, and what
// was fired before a controller listened is kept for it. The zero value is ready for use.
type Trigger[request comparable] struct {
	mu      sync.Mutex
	queues  []workqueue.TypedRateLimitingInterface[request]
	waiting []request
}

// Start connects a controller's queue.
func (t *Trigger[request]) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[request]) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queues = append(t.queues, queue)
	for _, r := range t.waiting {
		queue.Add(r)
	}
	t.waiting = nil
	return nil
}

// Fire wakes the controllers for a request.
func (t *Trigger[request]) Fire(r request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, queue := range t.queues {
		queue.Add(r)
	}
	if len(t.queues) == 0 && !slices.Contains(t.waiting, r) {
		t.waiting = append(t.waiting, r)
	}
}
