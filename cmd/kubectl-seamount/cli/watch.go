package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// query is a command that reads a snapshot and answers from it.
type query struct {
	parts []part
	// answer returns the answer as data, and how people see it.
	answer func(*answer.Snapshot) (data any, draw func(*paper), err error)
	// after returns what the command comes to, once it has printed; nil: it worked.
	after func() error
}

// ask prints the answer once, or with --watch whenever it changes.
func (a *App) ask(ctx context.Context, k *Kubernetes, o output, q query) error {
	if o.watch {
		return a.follow(ctx, k, o, q)
	}
	s, err := a.gather(ctx, k, q.parts)
	if err != nil {
		return err
	}
	data, draw, err := q.answer(s)
	if err != nil {
		return err
	}
	if err := o.write(a.Out, data, draw); err != nil {
		return err
	}
	if q.after != nil {
		return q.after()
	}
	return nil
}

// follow prints the answer anew when it has changed, until the context ends or the API server fails. The API server ends
// each watch now and then; then all of them begin anew, with nothing missed in between, because each begins with what
// there is.
func (a *App) follow(ctx context.Context, k *Kubernetes, o output, q query) error {
	var last []byte
	for {
		changes, stop, err := watchAll(ctx, k, q.parts)
		if err != nil {
			return err
		}
		for open := true; open; {
			if last, err = a.redraw(ctx, k, o, q, last); err != nil {
				stop()
				return err
			}
			open = next(ctx, changes)
		}
		stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// redraw prints the answer if it differs from the last one. What differs in ages alone is the same.
func (a *App) redraw(ctx context.Context, k *Kubernetes, o output, q query, last []byte) ([]byte, error) {
	s, err := a.gather(ctx, k, q.parts)
	if err != nil {
		return nil, err
	}
	data, draw, err := q.answer(s)
	if err != nil {
		return nil, err
	}
	now, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("compare answers: %w", err)
	}
	if bytes.Equal(last, now) {
		return last, nil
	}
	text, err := o.render(data, draw)
	if err != nil {
		return nil, err
	}
	_, err = a.Out.Write(append(a.between(o, last != nil), text...))
	return now, err
}

// between is what divides one answer from the next: a cleared screen, or a line. JSON documents need none.
func (a *App) between(o output, again bool) []byte {
	switch {
	case a.OutTerminal && o.format != formatJSON && o.format != formatYAML:
		return []byte("\x1b[H\x1b[2J")
	case again && o.format != formatJSON:
		return []byte("---\n")
	}
	return nil
}

// watchAll watches every part. A channel that is closed says that one of the watches has ended.
func watchAll(ctx context.Context, k *Kubernetes, parts []part) (<-chan struct{}, func(), error) {
	ctx, cancel := context.WithCancel(ctx)
	var watches []watch.Interface
	stop := func() {
		cancel()
		for _, w := range watches {
			w.Stop()
		}
	}
	changes, ended := make(chan struct{}, 1), make(chan struct{}, len(parts))
	for _, p := range parts {
		w, err := k.Watch(ctx, p.list(), p.options...)
		if err != nil && p.optional != "" {
			continue // gather says that it cannot be read
		}
		if err != nil {
			stop()
			return nil, nil, explain(err, p.resource)
		}
		watches = append(watches, w)
		go forward(ctx, w, changes, ended)
	}
	merged := make(chan struct{})
	go merge(ctx, changes, ended, merged)
	return merged, stop, nil
}

// forward notes that something has changed; many changes at once are one.
func forward(ctx context.Context, w watch.Interface, changes, ended chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-w.ResultChan():
			if !open || e.Type == watch.Error {
				ended <- struct{}{}
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}
}

// merge hands changes on until a watch has ended.
func merge(ctx context.Context, changes, ended <-chan struct{}, out chan<- struct{}) {
	defer close(out)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-changes:
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case out <- struct{}{}:
		}
	}
}

// next waits for a change; false: no more will come.
func next(ctx context.Context, changes <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case _, open := <-changes:
		return open
	}
}
