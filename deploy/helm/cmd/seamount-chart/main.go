// Command seamount-chart writes what follows from the Helm chart and from what it contains: see package render.
package main

import (
	"fmt"
	"os"

	"github.com/seamount-dev/seamount/deploy/helm/render"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: seamount-chart DIRECTORY, which is deploy/ of the repository or a copy of it")
		os.Exit(2)
	}
	if err := render.All(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "seamount-chart: %v\n", err)
		os.Exit(1)
	}
}
