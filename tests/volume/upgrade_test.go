//go:build e2e

package volume

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

// An agent that brings another seamount-block has keeper and worker replaced, under a pod that writes all the time. It does
// not touch those that are of its own program.
func TestUpgrade(t *testing.T) {
	v := newPublished(t)
	n := v.node
	keeper, worker := n.helpers()
	n.Restart()
	stop := writeOn(v.file("writer"))
	if k, w := n.helpers(); k != keeper || w != worker {
		t.Errorf("the same program: the keeper was %d and is %d, the worker was %d and is %d", keeper, k, worker, w)
	}

	n.Order.Block = copied(t, n.Order.Block)
	n.Restart()
	NewWithT(t).Eventually(func() error {
		status, err := n.keeper().Status(within(t))
		if err != nil {
			return err
		}
		if status.Worker == nil {
			return fmt.Errorf("no worker: %s", status.Trouble)
		}
		return errors.Join(runs(status.PID, n.Order.Block), runs(status.Worker.PID, n.Order.Block))
	}, patience, "50ms").Should(Succeed())
	if k, w := n.helpers(); k == keeper || w == worker {
		t.Errorf("the keeper was %d and is %d, the worker was %d and is %d", keeper, k, worker, w)
	}
	rounds, err := stop()
	do(t, err)
	t.Logf("%d rounds of writes", rounds)
	wantContent(t, v.file("writer"), page(rounds))
	do(t, v.tryUnpublish(within(t), "writer"))
	do(t, v.tryUnstage(within(t)))
	v.wantGone()
}

// page is what a round writes.
func page(round int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%016d", round)), 256) }

// writeOn writes and syncs a page over and over until stop, which returns the number of the last round.
func writeOn(path string) (stop func() (rounds int, err error)) {
	over := make(chan struct{})
	var writer sync.WaitGroup
	var rounds int
	var failed error
	writer.Go(func() {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		for err == nil {
			rounds++
			_, err = file.WriteAt(page(rounds), 0)
			err = errors.Join(err, file.Sync())
			select {
			case <-over:
				failed = errors.Join(err, file.Close())
				return
			default:
			}
		}
		failed = err
	})
	return func() (int, error) {
		close(over)
		writer.Wait()
		return rounds, failed
	}
}

// copied is the same program as another file, as one of another bundle is.
func copied(t *testing.T, program string) string {
	t.Helper()
	content, err := os.ReadFile(program)
	do(t, err)
	path := filepath.Join(t.TempDir(), filepath.Base(program))
	do(t, os.WriteFile(path, content, 0o700)) //nolint:gosec // it is a program
	return path
}

// runs fails unless a process is of the program.
func runs(pid int, program string) error {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err == nil && exe != program {
		err = fmt.Errorf("process %d is of %s, want %s", pid, exe, program)
	}
	return err
}
