//go:build linux

package cephtest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawner starts every daemon from one OS thread that lives as long as the
// process: PR_SET_PDEATHSIG is bound to the parent's thread, not to its process,
// and Go ends threads when it likes.
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// spawn starts cmd so that the kernel kills it when this process ends.
func spawn(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setsid = true
	done := make(chan error)
	spawner() <- func() { done <- cmd.Start() }
	return <-done
}
