package worker

// slots bound how many requests are worked on at once. Each image has a few of its own, so that images in a pool that
// does not answer take nothing from the others; the rest is shared.
type slots struct{ shared chan struct{} }

const (
	ownSlots    = 8
	sharedSlots = 64
)

func newSlots() slots { return slots{make(chan struct{}, sharedSlots)} }

// imageSlots are those of one image.
type imageSlots struct{ own, shared chan struct{} }

func (s slots) forImage() imageSlots { return imageSlots{make(chan struct{}, ownSlots), s.shared} }

// acquire waits for one. The own are taken first.
func (s imageSlots) acquire() (release func()) {
	select {
	case s.own <- struct{}{}:
		return func() { <-s.own }
	default:
	}
	select {
	case s.own <- struct{}{}:
		return func() { <-s.own }
	case s.shared <- struct{}{}:
		return func() { <-s.shared }
	}
}
