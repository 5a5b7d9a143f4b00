// Command kubectl-seamount is a plugin of kubectl: it shows in a terminal how the storage is, why something is not ready
// and what waits for a person, and writes approvals. It is static, and runs where kubectl does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/cli"
)

// version is set when the program is linked.
var version = "dev"

func main() {
	log.SetLogger(logr.Discard()) // people read errors, not the client library's log
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup: the program outlives its terminal
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	code := cli.New(version).Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
