// Command seamount-local runs a real Kubernetes of one to five nodes on one Linux
// machine. See the README of this module.
package main

import (
	"os"

	"github.com/seamount-dev/seamount/deploy/local/internal/cli"
	"github.com/seamount-dev/seamount/deploy/local/internal/node"
	"github.com/seamount-dev/seamount/deploy/local/internal/process"
)

func main() {
	process.PassGate()
	// Not a command for people: the first process of a node, which must not do
	// anything else before.
	if len(os.Args) > 1 && os.Args[1] == "init-node" {
		os.Exit(node.Init(os.Args[2:]))
	}
	os.Exit(cli.Main(os.Args[1:]))
}
