// Package preflight owns the question whether this machine can run a local
// cluster, and the answer that a person can act on: each thing that is missing,
// with what to do about it.
//
// It changes nothing, except that Install installs the Debian packages that
// Evaluate found missing. Evaluate is pure.
package preflight
