package node

import "github.com/seamount-dev/seamount/deploy/local/internal/node/boot"

// Init is the life of a node's PID 1. args are those after the verb init-node;
// the result is the exit status.
func Init(args []string) int { return boot.Main(args) }
