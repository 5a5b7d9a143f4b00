// Package refusal is the "no" of the programs on a node: an error that carries why, and what to do about it.
package refusal

import (
	"fmt"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Error is a refusal.
type Error struct {
	Refusal v1alpha1.Refusal
	// Passing says that the cause may go away by itself. Else trying again changes nothing until somebody did something.
	Passing bool
}

func (e *Error) Error() string {
	text := e.Refusal.Reason + ": " + e.Refusal.Message
	if e.Refusal.Remedy != "" {
		text += " (" + e.Refusal.Remedy + ")"
	}
	return text
}

// New makes a refusal.
func New(reason, remedy, format string, args ...any) error {
	return &Error{Refusal: because(reason, remedy, format, args...)}
}

// NewPassing makes a refusal whose cause may go away by itself.
func NewPassing(reason, remedy, format string, args ...any) error {
	return &Error{Refusal: because(reason, remedy, format, args...), Passing: true}
}

func because(reason, remedy, format string, args ...any) v1alpha1.Refusal {
	return v1alpha1.Refusal{Reason: reason, Message: strings.TrimSpace(fmt.Sprintf(format, args...)), Remedy: remedy}
}
