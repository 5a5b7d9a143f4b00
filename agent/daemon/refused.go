package daemon

import (
	"fmt"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// RefusedError is a refusal to start a daemon. Trying again changes nothing until its cause is gone.
type RefusedError struct{ Refusal v1alpha1.Refusal }

func (e *RefusedError) Error() string {
	text := e.Refusal.Reason + ": " + e.Refusal.Message
	if e.Refusal.Remedy != "" {
		text += " (" + e.Refusal.Remedy + ")"
	}
	return text
}

func refuse(reason, remedy, format string, args ...any) error {
	message := strings.TrimSpace(fmt.Sprintf(format, args...))
	return &RefusedError{v1alpha1.Refusal{Reason: reason, Message: message, Remedy: remedy}}
}
