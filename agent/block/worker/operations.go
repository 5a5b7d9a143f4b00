package worker

import "github.com/seamount-dev/seamount/agent/block"

// Operations of a worker, with what they take and return.
const (
	// OpHello waits until Ceph is reached. It takes nothing and returns a Hello.
	OpHello = "hello"
	// OpFenced asks whether an address is fenced. It takes an Address and returns a Fenced.
	OpFenced = "fenced"
	// OpFence fences an address. It takes an Address.
	OpFence = "fence"
	// OpAttach serves an image on the descriptor that comes along. It takes an Attach and returns an Attached. Repeated
	// for an image that is served, it returns the same.
	OpAttach = "attach"
	// OpDetach ends that. It takes a Detach and returns a Detached.
	OpDetach = "detach"
	// OpRelease takes away what dead workers of this node left on an image. It takes an Owner.
	OpRelease = "release"
	// OpRefresh takes a block.Image and returns an Attached.
	OpRefresh = "refresh"
	// OpFormatting takes a block.FormattingRequest.
	OpFormatting = "formatting"
	// OpBlank takes a block.Image and returns a block.BlankResponse.
	OpBlank = "blank"
	// OpList takes nothing and returns the Attached of all images.
	OpList = "list"
	// OpQuit ends the process if it serves nothing.
	OpQuit = "quit"
)

// Hello is a worker's first answer.
type Hello struct {
	PID     int    `json:"pid"`
	Address string `json:"address"`
	Version string `json:"version"`
}

// Address names a client of Ceph.
type Address struct {
	Address string `json:"address"`
}

// Fenced answers OpFenced.
type Fenced struct {
	Fenced bool `json:"fenced"`
}

// Owner says for which node an image is used, and which dead workers were that node's.
type Owner struct {
	Image block.Image `json:"image"`
	Node  string      `json:"node"`
	// Predecessors are addresses of workers of this keeper that are dead, and fenced.
	Predecessors []string `json:"predecessors,omitempty"`
}

// Attach asks to serve an image.
type Attach struct {
	Owner
	// ID tells this mapping from an earlier one of the same image, which may still be about to end.
	ID     int64        `json:"id"`
	Access block.Access `json:"access"`
	// Takeover: another worker served the image before, and Generation is what it wrote. Without it the kernel's first
	// request is still to be answered.
	Takeover   bool   `json:"takeover,omitempty"`
	Generation uint64 `json:"generation,omitempty"`
	// Drained: that worker answered all it had read, and gave up the lock by itself.
	Drained bool `json:"drained,omitempty"`
	// Resend: the kernel can send requests again, as it told that worker.
	Resend bool `json:"resend,omitempty"`
}

// Attached is an image that is served.
type Attached struct {
	Image      block.Image  `json:"image"`
	Access     block.Access `json:"access"`
	Generation uint64       `json:"generation"`
	Size       int64        `json:"size"`
	Formatting string       `json:"formatting,omitempty"`
	// Descriptor is the number of the connection's descriptor in the worker.
	Descriptor int `json:"descriptor"`
	// Resend: the kernel can send requests again.
	Resend bool `json:"resend"`
}

// Detach ends the serving of an image, after all that was read is answered.
type Detach struct {
	Image block.Image `json:"image"`
	// Keep leaves the client's address in the image's metadata: another worker of this node goes on.
	Keep bool   `json:"keep,omitempty"`
	Node string `json:"node"`
}

// Detached answers OpDetach.
type Detached struct {
	// Served: the image was served by this worker until now.
	Served bool `json:"served"`
}
