package host

import (
	"fmt"
	"os"

	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// Mounts lists what the node has mounted. It asks no filesystem, so that none can keep it waiting.
func (n Node) Mounts() ([]mountinfo.Mount, error) {
	text, err := os.ReadFile(n.proc("mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("list the node's mounts: %w", err)
	}
	return mountinfo.Parse(string(text))
}
