// Package block is what the agent, a keeper and a worker of seamount-block say to each other about images of Ceph that
// are mapped on a node: the plain types and the kinds of failure. It does nothing itself.
package block

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Image names an image of Ceph.
type Image struct {
	Pool string `json:"pool"`
	Name string `json:"name"`
}

// String returns pool/name.
func (i Image) String() string { return i.Pool + "/" + i.Name }

// Check refuses names that make no path below a keeper's directory.
func (i Image) Check() error {
	for _, part := range []string{i.Pool, i.Name} {
		if part == "" || part == "." || part == ".." || part == ControlDir || strings.ContainsAny(part, "/@\x00") {
			return Errorf(Invalid, "%q is no pool and image that can be mapped", i.String())
		}
	}
	return nil
}

// ControlDir is the directory of a keeper's own files, beside those of the pools.
const ControlDir = ".keeper"

// Access is who else may use an image meanwhile.
type Access string

const (
	// SingleNode takes the exclusive lock, and never hands it over to another client that asks for it.
	SingleNode Access = "SingleNode"
	// MultiNodeReadOnly opens the image for reading and takes no lock.
	MultiNodeReadOnly Access = "MultiNodeReadOnly"
	// MultiNode writes without a lock. There is no takeover: a worker that died ends the mapping.
	MultiNode Access = "MultiNode"
)

// Connection is how a node reaches a Ceph cluster.
type Connection struct {
	FSID string `json:"fsid"`
	// Mons are addresses as mon_host takes them.
	Mons []string `json:"mons"`
	// Entity is the node's own user, with "client." before its name.
	Entity string `json:"entity"`
	// Key is the user's. It goes through sockets and files of root alone, and never into a command line, the environment
	// or a log: format a Connection by its Entity.
	Key string `json:"key"`
}

// String leaves the key out.
func (c Connection) String() string {
	return fmt.Sprintf("%s at %s of cluster %s", c.Entity, strings.Join(c.Mons, ","), c.FSID)
}

// GoString leaves the key out.
func (c Connection) GoString() string { return c.String() }

// Phase is what is going on with a mapping.
type Phase string

const (
	// Mapping means that it is being made, and serves nothing yet.
	Mapping Phase = "Mapping"
	// Serving means that requests are answered.
	Serving Phase = "Serving"
	// Stalled means that requests wait, because the worker died and no other serves yet. Reason says what stands in the way.
	Stalled Phase = "Stalled"
	// Unmapping means that it is being undone.
	Unmapping Phase = "Unmapping"
	// Aborted means that the keeper ended it for good, as the image may not be written from here any more. Every request fails.
	Aborted Phase = "Aborted"
	// Lost means that keeper and worker were both killed, so that the kernel ended it. Every request fails.
	Lost Phase = "Lost"
)

// Gone tells whether every request fails, until the image is unmapped and mapped again.
func (p Phase) Gone() bool { return p == Aborted || p == Lost }

// Mapped is an image as it is mapped.
type Mapped struct {
	Image  Image  `json:"image"`
	Access Access `json:"access"`
	// Path is the file with the image's content.
	Path string `json:"path"`
	// Generation counts who took the image for writing; 0 without a lock.
	Generation uint64 `json:"generation,omitempty"`
	// Size in bytes.
	Size int64 `json:"size"`
	// Formatting is the type of the filesystem that a mkfs was begun with and not ended; empty: none.
	Formatting string `json:"formatting,omitempty"`
	Phase      Phase  `json:"phase"`
	// Reason says why, for a phase other than Serving, and what to do.
	Reason string `json:"reason,omitempty"`
	// Takeover says whether another worker goes on where one died. Else that ends the mapping.
	Takeover bool `json:"takeover"`
}

// Worker is the process that serves the images.
type Worker struct {
	PID int `json:"pid"`
	// Address is its Ceph client's, as the blocklist takes it.
	Address string `json:"address"`
	// Version of its program.
	Version string `json:"version"`
}

// Status is how a keeper and its images are.
type Status struct {
	Node    string `json:"node"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// Entity and FSID of the connection; empty: none was given.
	Entity string `json:"entity,omitempty"`
	FSID   string `json:"fsid,omitempty"`
	// Worker is absent while none serves. Trouble says what stands in the way.
	Worker  *Worker  `json:"worker,omitempty"`
	Trouble string   `json:"trouble,omitempty"`
	Images  []Mapped `json:"images"`
	// Takeovers counts the workers that another took over from, LastTakeover is how long the images stalled the last time.
	Takeovers    int           `json:"takeovers"`
	LastTakeover time.Duration `json:"lastTakeover,omitempty"`
}

// Hello is the first answer of a keeper.
type Hello struct {
	// Protocol is the version of what it understands.
	Protocol int    `json:"protocol"`
	PID      int    `json:"pid"`
	Node     string `json:"node"`
	Version  string `json:"version"`
	// Connected says that it has a connection.
	Connected bool `json:"connected"`
}

// Code is a kind of failure.
type Code string

const (
	// Locked says that another client holds the image's lock. Holder says who.
	Locked Code = "Locked"
	// Busy says that something on this node still uses the mapping.
	Busy Code = "Busy"
	// NotFound says that the image, the pool or the mapping does not exist.
	NotFound Code = "NotFound"
	// Mismatch says that it is mapped already, with another access.
	Mismatch Code = "Mismatch"
	// NotConnected says that the keeper was given no connection yet: Connect first.
	NotConnected Code = "NotConnected"
	// NotRunning says that no keeper answers in the directory.
	NotRunning Code = "NotRunning"
	// Gone says that the mapping was aborted or lost. Unmap it first.
	Gone Code = "Gone"
	// Denied says that Ceph does not accept the user's key, or its capabilities do not allow it.
	Denied Code = "Denied"
	// Fenced says that this node's client is on Ceph's blocklist, put there by somebody else.
	Fenced Code = "Fenced"
	// Superseded says that the image was taken by somebody else meanwhile.
	Superseded Code = "Superseded"
	// Invalid says that the request makes no sense.
	Invalid Code = "Invalid"
	// Unsupported says that the program that answered does not know the request, or this node cannot do it.
	Unsupported Code = "Unsupported"
	// Timeout says that no answer came in time. Repeating is safe.
	Timeout Code = "Timeout"
	// Unavailable says that Ceph or the worker did not answer, or failed. Repeating is safe.
	Unavailable Code = "Unavailable"
)

// Holder is who holds an image's lock.
type Holder struct {
	// Address of the client, as the blocklist takes it.
	Address string `json:"address"`
	// Client as Ceph names it.
	Client string `json:"client,omitempty"`
	// Node whose client it is; empty: a client that is none of Seamount's.
	Node string `json:"node,omitempty"`
}

// String names the node if it is known.
func (h Holder) String() string {
	if h.Node == "" {
		return fmt.Sprintf("a client that is not Seamount's (%s at %s)", h.Client, h.Address)
	}
	return fmt.Sprintf("node %s (%s at %s)", h.Node, h.Client, h.Address)
}

// Error is a failure that crossed a socket.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// Holder is set with Locked.
	Holder *Holder `json:"holder,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of an error, and Unavailable for one that has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Unavailable
}

// Is tells whether an error has the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
