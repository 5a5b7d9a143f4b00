package block

// Operations of a keeper, with what they take and return.
const (
	// OpHello takes nothing and returns a Hello.
	OpHello = "hello"
	// OpConnect takes a Connection.
	OpConnect = "connect"
	// OpMap takes a MapRequest and returns a Mapped.
	OpMap = "map"
	// OpUnmap takes an Image.
	OpUnmap = "unmap"
	// OpRefresh takes an Image and returns a Mapped.
	OpRefresh = "refresh"
	// OpFormatting takes a FormattingRequest.
	OpFormatting = "formatting"
	// OpBlank takes an Image and returns a BlankResponse.
	OpBlank = "blank"
	// OpStatus takes nothing and returns a Status.
	OpStatus = "status"
	// OpHandOver takes nothing: a new worker of the keeper's own program goes on.
	OpHandOver = "handover"
	// OpResign takes nothing: the keeper ends, the worker stays.
	OpResign = "resign"
	// OpShutdown takes nothing: keeper and worker end, if nothing is mapped.
	OpShutdown = "shutdown"
)

// MapRequest asks for a mapping.
type MapRequest struct {
	Image  Image  `json:"image"`
	Access Access `json:"access"`
}

// FormattingRequest marks an image before a mkfs, and takes the mark away after it.
type FormattingRequest struct {
	Image Image `json:"image"`
	// Type of the filesystem; empty takes the mark away.
	Type string `json:"type,omitempty"`
}

// BlankResponse says what is in an image.
type BlankResponse struct {
	// Blank: no byte was ever written that is still there.
	Blank bool `json:"blank"`
}
