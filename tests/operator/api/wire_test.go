//go:build e2e

package api

import (
	"errors"
	"net/http"
	"strings"
	"sync"
)

// wire is one operator's connection to the API server. It notes what is written and what is refused, and can be cut: then
// the operator is as good as killed, for nothing of it reaches anybody any more.
type wire struct {
	mu        sync.Mutex
	writes    []string
	forbidden []string
	cut       bool
	// left is how many writes are let through before it is cut; below 0: all. With lost, the last one is done, and only
	// its answer is lost.
	left int
	lost bool
	dead chan struct{} // closed when it is cut
	// expectRefusals says that the test takes rights away.
	expectRefusals bool
}

func newWire() *wire { return &wire{left: -1, dead: make(chan struct{})} }

// around puts the wire around a transport.
func (w *wire) around(next http.RoundTripper) http.RoundTripper {
	return &wired{w, next}
}

// wired is a transport at a wire: an operator has one for each of its clients.
type wired struct {
	*wire
	next http.RoundTripper
}

var errCut = errors.New("the wire is cut")

// RoundTrip implements http.RoundTripper.
func (w *wired) RoundTrip(request *http.Request) (*http.Response, error) {
	send, answer := w.admit(request)
	if !send {
		return nil, errCut
	}
	response, err := w.next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusForbidden {
		w.mu.Lock()
		w.forbidden = append(w.forbidden, describe(request))
		w.mu.Unlock()
	}
	if err == nil && !answer {
		_ = response.Body.Close() // nobody reads it
		return nil, errCut
	}
	return response, err
}

// admit says whether a request is sent, and whether its answer comes back. Leases are no writes: they are written all the
// time.
func (w *wire) admit(request *http.Request) (send, answer bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return false, false
	}
	if request.Method == http.MethodGet || strings.Contains(request.URL.Path, "/leases") {
		return true, true
	}
	if w.left == 0 {
		w.sever()
		return w.lost, false
	}
	w.left--
	w.writes = append(w.writes, describe(request))
	return true, true
}

func describe(request *http.Request) string { return request.Method + " " + request.URL.Path }

func (w *wire) sever() {
	w.cut = true
	close(w.dead)
}

// Cut ends the connection.
func (w *wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cut {
		w.sever()
	}
}

// Writes returns what was written, and Forbidden what was refused for want of a permission.
func (w *wire) Writes() []string { return w.copied(&w.writes) }

func (w *wire) Forbidden() []string { return w.copied(&w.forbidden) }

func (w *wire) copied(list *[]string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), *list...)
}
