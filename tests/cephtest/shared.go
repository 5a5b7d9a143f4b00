//go:build linux

package cephtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the one cluster of a test binary.
var shared struct {
	sync.Mutex
	managed bool // Main runs
	cluster *Cluster
	err     error
}

// Shared returns the one cluster of this test binary: a mon, a mgr, three OSDs
// and an MDS of the host's release, made when first asked for. It is for tests
// that leave it healthy and clean up after themselves; TestMain must be Main.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.managed {
		t.Fatal("cephtest.Shared needs: func TestMain(m *testing.M) { os.Exit(cephtest.Main(m)) }")
	}
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = New(context.WithoutCancel(t.Context()), Options{OSDs: 3, MDS: 1})
	}
	if shared.err != nil {
		t.Fatalf("start ceph: %v", shared.err)
	}
	return shared.cluster
}

// Main runs the tests, ends the shared cluster and removes the programs that were built. It returns the exit code.
func Main(m *testing.M) int {
	shared.Lock()
	shared.managed = true
	shared.Unlock()
	code := m.Run()
	if err := removeBuilds(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		return code
	}
	if err := shared.cluster.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "end ceph: %v\n", err)
		return max(code, 1)
	}
	return code
}
