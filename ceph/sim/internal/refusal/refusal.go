// Package refusal carries a "no" of the simulated cluster from where it is
// decided to where the call's name and target are known.
//
// It owns the pair of errno and words, nothing else.
package refusal

import "fmt"

// Refusal is an errno with Ceph's words.
type Refusal struct {
	Errno int // positive
	Text  string
	Kind  error // nil: the errno's own
}

// New makes a refusal.
func New(errno int, format string, args ...any) *Refusal {
	return &Refusal{Errno: errno, Text: fmt.Sprintf(format, args...)}
}

// WithKind gives the refusal a kind that its errno does not tell.
func (r *Refusal) WithKind(kind error) *Refusal {
	r.Kind = kind
	return r
}

// Error returns the words.
func (r *Refusal) Error() string { return r.Text }
