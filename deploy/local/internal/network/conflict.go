package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// neighbour is an address or a route that the machine has.
type neighbour struct {
	Prefix netip.Prefix
	Link   string
	Route  bool
}

// conflicts says what of the machine's network stands in the way of w, one error
// for each. A route that is wider than our range is none: ours is the more
// specific one and wins for our addresses alone.
func conflicts(w state.Network, machine []neighbour) error {
	var all []error
	for _, ours := range []netip.Prefix{w.Machine.Masked(), w.Pods.Masked()} {
		for _, theirs := range machine {
			if !ours.Overlaps(theirs.Prefix) || (theirs.Route && theirs.Prefix.Bits() < ours.Bits()) {
				continue
			}
			all = append(all, fmt.Errorf("the range %s is taken: %s has %s", ours, theirs.Link, theirs))
		}
	}
	return errors.Join(all...)
}

func (n neighbour) String() string {
	if n.Route {
		return "a route to " + n.Prefix.String()
	}
	return "the address " + n.Prefix.String()
}
