// Command seamount-reference writes the reference of the API: see package reference.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/deploy/reference"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: seamount-reference DIRECTORY, which is the repository or a copy of its folders api and deploy/crds")
		os.Exit(2)
	}
	if err := reference.Write(os.Args[1], filepath.Join(os.Args[1], "docs", "reference")); err != nil {
		fmt.Fprintf(os.Stderr, "seamount-reference: %v\n", err)
		os.Exit(1)
	}
}
