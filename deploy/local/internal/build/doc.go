// Package build owns the programs that a local cluster consists of: it compiles
// them from the modules under components, once for each content of those
// modules, and keeps them in a cache outside the repository.
//
// It never changes a component's go.mod, and names no module proxy: `go` uses
// the machine's own settings.
package build
