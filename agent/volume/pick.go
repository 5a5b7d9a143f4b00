package volume

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
)

// of is a mapper or a mounter: one of the ways in which a node can serve a volume.
type of[K comparable] interface{ Kind() K }

// pick returns the first way that the node offers, of those of the kind that is asked for; the zero kind is any. If it offers
// none, why says so of each.
func pick[K comparable, W of[K]](ways []W, kind K, name func(K) string, support func(W) (offered bool, reason string)) (way W, found bool, why string) {
	var anyKind K
	for _, w := range ways {
		if kind != anyKind && w.Kind() != kind {
			continue
		}
		offered, reason := support(w)
		if offered {
			return w, true, ""
		}
		why += fmt.Sprintf("; %s: %s", name(w.Kind()), reason)
	}
	return way, false, why
}

// ofKind returns the way of a kind.
func ofKind[K comparable, W of[K]](ways []W, kind K) (way W, found bool) {
	at := slices.IndexFunc(ways, func(w W) bool { return w.Kind() == kind })
	if at < 0 {
		return way, false
	}
	return ways[at], true
}

// auto is what the StorageClass calls the zero kind.
const auto = "Auto"

// notOffered is the error about a node that has no way to serve a volume, or not the one that is asked for.
func (s *Service) notOffered(what, kind, why string) error {
	if kind == auto {
		return fault.New(codes.FailedPrecondition, "node %s offers no %s%s", s.ID.Node, what, why)
	}
	return fault.New(codes.FailedPrecondition, "node %s does not offer the %s %s%s. Let the StorageClass' %[2]s be Auto, or run the pod elsewhere",
		s.ID.Node, what, kind, why)
}
