// Package observe reads Kubernetes, as the caches of the operator have it, and turns it into what plan decides on: nodes
// with the state of their discover, a cluster's stored identity and reservations, its daemons and what they said.
//
// It writes nothing and decides nothing. A record that it cannot read in full is an error: a record that was read in
// part could cost data.
package observe
