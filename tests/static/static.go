//go:build e2e

// Package static compiles programs without cgo for tests. It never runs one.
package static

import (
	"os"
	"os/exec"
)

// flags are those of the Makefile and of the local Kubernetes, with which what is compiled is shared.
const flags = "-tags=netgo,osusergo -buildvcs=false -trimpath -gcflags=all=-dwarf=false"

// Build is the command, not yet started, that compiles a package into a program. The package may be relative to the command's directory.
func Build(program, pkg string) *exec.Cmd {
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+flags)
	return cmd
}
