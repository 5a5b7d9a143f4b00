// Package uevent tells when the kernel's block devices change. It says that something changed, never what is there now:
// whoever listens reads that from the system.
package uevent

import (
	"bytes"
	"fmt"
	"strings"
)

// Event is a change of a block device, as the kernel broadcasts it.
type Event struct {
	// Action such as add, remove or change.
	Action string
	// Device is the kernel name of the disk or partition.
	Device string
	// Lost says that events were lost, so that anything may have changed; the rest is empty then.
	Lost bool
}

// parse reads one broadcast: a headline such as "add@/devices/virtual/block/loop0" and NAME=value fields, each with a zero
// byte at its end. It is false for subsystems other than block.
func parse(message []byte) (Event, bool, error) {
	fields := strings.Split(string(bytes.TrimSuffix(message, []byte{0})), "\x00")
	action, location, found := strings.Cut(fields[0], "@")
	if !found || action == "" || !strings.HasPrefix(location, "/") {
		return Event{}, false, fmt.Errorf("unexpected event %.80q", fields[0])
	}
	event := Event{Action: action, Device: location[strings.LastIndex(location, "/")+1:]}
	block := false
	for _, field := range fields[1:] {
		block = block || field == "SUBSYSTEM=block"
	}
	if block && event.Device == "" {
		return Event{}, false, fmt.Errorf("the event %.80q names no device", fields[0])
	}
	return event, block, nil
}
