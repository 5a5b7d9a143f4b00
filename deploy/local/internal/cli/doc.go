// Package cli owns the commands of seamount-local: it puts the other packages
// together in the order that up and down need, holds the cluster's lock around
// every change, and turns errors into one sentence and an exit code.
package cli
