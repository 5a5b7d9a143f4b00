package sim

import (
	"container/heap"
	"time"
)

// clock is virtual time with the events that are due in it.
type clock struct {
	now    time.Time
	outer  func() time.Time
	offset time.Duration
	queue  eventQueue
	last   uint64
}

// event is something that happens at a time. Events of the same time happen in
// the order in which they were planned.
type event struct {
	at       time.Time
	order    uint64
	happen   func()
	canceled bool
}

func (e *event) cancel() {
	if e != nil {
		e.canceled = true
	}
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].order < q[j].order
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(e any)   { *q = append(*q, e.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

// after plans an event.
func (c *Cluster) after(d time.Duration, happen func()) *event {
	c.clock.last++
	e := &event{at: c.clock.now.Add(d), order: c.clock.last, happen: happen}
	heap.Push(&c.clock.queue, e)
	return e
}

// every plans an event that comes again and again.
func (c *Cluster) every(d time.Duration, happen func()) {
	c.after(d, func() {
		happen()
		c.every(d, happen)
	})
}

// Now is the virtual time.
func (c *Cluster) Now() time.Time {
	defer c.enter()()
	return c.clock.now
}

// Advance lets virtual time pass. All that is due in it happens, in order.
func (c *Cluster) Advance(d time.Duration) {
	defer c.enter()()
	c.clock.offset += d
	c.advanceTo(c.clock.now.Add(d))
}

// enter takes the lock and brings the time up to date. The caller calls what it returns to leave.
func (c *Cluster) enter() (leave func()) {
	c.mu.Lock()
	if c.clock.outer != nil {
		c.advanceTo(c.clock.outer().Add(c.clock.offset))
	}
	return c.mu.Unlock
}

func (c *Cluster) advanceTo(target time.Time) {
	if !target.After(c.clock.now) && !c.due(target) {
		return
	}
	for c.nextEvent(target) {
		e := heap.Pop(&c.clock.queue).(*event)
		c.clock.now = e.at
		if !e.canceled {
			e.happen()
		}
	}
	if target.After(c.clock.now) {
		c.clock.now = target
	}
	c.progress()
}

// nextEvent settles what the last one changed, which can plan earlier events,
// and tells whether one is due.
func (c *Cluster) nextEvent(target time.Time) bool {
	c.settle()
	return c.due(target)
}

func (c *Cluster) due(target time.Time) bool {
	return len(c.clock.queue) > 0 && !c.clock.queue[0].at.After(target)
}
