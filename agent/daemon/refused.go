package daemon

import "github.com/seamount-dev/seamount/agent/refusal"

// RefusedError is a refusal to start a daemon. Trying again changes nothing until its cause is gone.
type RefusedError = refusal.Error

func refuse(reason, remedy, format string, args ...any) error {
	return refusal.New(reason, remedy, format, args...)
}
