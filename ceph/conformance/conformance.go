// Package conformance holds every implementation of ceph.Client to the same
// contract: each case is a sentence of package ceph's comments.
//
// It owns the cases, and nothing that starts a cluster: a Backend brings one
// with three OSDs, a filesystem's MDS and the few hands that a client lacks. The
// simulator's backend runs always, real daemons under tests/conformance. Cases
// use names of their own, take away what they made, and leave the cluster
// healthy, so that they can share one.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// Backend is a cluster with three OSDs, each in a host bucket of its own under
// root default, at least one mon, mgr and MDS, and no filesystem.
type Backend interface {
	// Admin is a session of client.admin that stays open.
	Admin() ceph.Client
	// Connect opens a session of another user, which the case closes.
	Connect(ctx context.Context, entity string, key ceph.Secret) (ceph.Client, error)
	// Release is the major release: 16, 18, 20.
	Release() int
	// StopOSD ends an OSD's daemon in order, StartOSD starts it again.
	StopOSD(ctx context.Context, id int) error
	StartOSD(ctx context.Context, id int) error
	// HoldImage opens an image elsewhere and takes its lock, until release.
	HoldImage(ctx context.Context, ref ceph.ImageRef) (release func() error, err error)
	// WriteImage writes bytes into an image from its start.
	WriteImage(ctx context.Context, ref ceph.ImageRef, bytes int64) error
	// MountFiles mounts a filesystem as a user in a client of its own, until unmount, also if it was evicted.
	MountFiles(ctx context.Context, filesystem, entity string, key ceph.Secret) (unmount func() error, err error)
	// FreezeMons makes every mon stop answering, until thaw.
	FreezeMons(ctx context.Context) (thaw func() error, err error)
	// Pass lets a little time pass: a moment in reality, or virtual time.
	Pass(ctx context.Context) error
	// Explain says what the cluster is doing, for whoever reads that a call got no answer.
	Explain(ctx context.Context) string
}

// patience is how long a case waits for a state.
const patience = 3 * time.Minute

// env is what a case works with.
type env struct {
	*testing.T
	Backend
	ceph.Client
	ctx    context.Context
	prefix string
}

// group is a set of cases that share a cluster.
type group struct {
	name string
	run  func(*env)
}

func groups() []group {
	return []group{
		{"Session", sessionCases}, {"Snapshot", snapshotCases}, {"Mons", monCases}, {"Mgrs", mgrCases},
		{"Auth", authCases}, {"Caps", capsCases}, {"Config", configCases}, {"Health", healthCases},
		{"CRUSH", crushCases}, {"CRUSHRules", ruleCases}, {"ErasureProfiles", profileCases},
		{"Pools", poolCases}, {"PoolOptions", poolOptionCases}, {"SingleCopy", singleCopyCases}, {"DeletePool", deletePoolCases},
		{"NewOSD", newOSDCases}, {"OSDStates", osdStateCases}, {"OSDFlags", osdFlagCases}, {"OSDRemoval", osdRemovalCases},
		{"Stopping", stoppingCases}, {"Blocklist", blocklistCases},
		{"Images", imageCases}, {"ImageUsers", imageUserCases}, {"ImageSnapshots", imageSnapshotCases},
		{"Clones", cloneCases}, {"Trash", trashCases}, {"ImageInspection", imageInspectCases},
		{"Filesystems", filesystemCases}, {"Subvolumes", subvolumeCases}, {"SubvolumeClones", subvolumeCloneCases},
		{"Deadlines", deadlineCases},
	}
}

// Run runs every case. The backend is asked for once for each group of cases.
func Run(t *testing.T, backend func(testing.TB) Backend) {
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			b := backend(t)
			ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
			t.Cleanup(cancel)
			g.run(&env{T: t, Backend: b, Client: b.Admin(), ctx: ctx, prefix: "cf-" + strings.ToLower(g.name)})
		})
	}
}

// name makes a name that no other group uses.
func (e *env) name(what string) string { return e.prefix + "-" + what }

// check runs one case; the sentence it proves is its name.
func (e *env) check(sentence string, run func(*env)) {
	e.Helper()
	e.T.Run(sentence, func(t *testing.T) {
		inner := *e
		inner.T = t
		run(&inner)
	})
}

// later runs when the case or group is over, whatever happened.
func (e *env) later(undo func(ctx context.Context) error) {
	e.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), patience)
		defer cancel()
		if err := undo(ctx); err != nil {
			e.Errorf("clean up: %v", err)
		}
	})
}

// ok ends the case if a call that must succeed failed.
func (e *env) ok(err error) {
	e.Helper()
	if errors.Is(err, ceph.ErrTimeout) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), patience)
		defer cancel()
		e.Log(e.Explain(ctx))
	}
	if err != nil {
		e.Fatalf("unexpected: %v", err)
	}
}

// want checks the kind of a failure, and that it is typed and speaks.
func (e *env) want(err error, kinds ...error) {
	e.Helper()
	if err == nil {
		e.Fatalf("the call succeeded, want %v", kinds)
	}
	var typed *ceph.Error
	if !errors.As(err, &typed) || typed.Op == "" {
		e.Errorf("%v (%T) is no *ceph.Error with an Op", err, err)
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return
		}
	}
	e.Errorf("got %v, want %v", err, kinds)
}

// errNotYet says what a wait still waits for.
type errNotYet string

func (e errNotYet) Error() string { return string(e) }

func notYet(format string, args ...any) error { return errNotYet(fmt.Sprintf(format, args...)) }

// eventually lets time pass until the condition holds.
func (e *env) eventually(what string, condition func() error) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	for {
		err := condition()
		if err == nil {
			return
		}
		if passErr := e.Pass(ctx); passErr != nil {
			e.Fatalf("waiting for %s: %v (%v)", what, err, passErr)
		}
	}
}

// snapshot reads the whole state.
func (e *env) snapshot() *ceph.Snapshot {
	e.Helper()
	s, err := e.Snapshot(e.ctx)
	e.ok(err)
	return s
}

// clean waits until all PGs are active and clean.
func (e *env) clean() {
	e.Helper()
	e.eventually("all PGs to be active+clean", func() error {
		s, err := e.Snapshot(e.ctx)
		if err != nil {
			return err
		}
		want := 0
		for _, p := range s.Pools {
			want += p.PGs
		}
		if s.PGs.Total != want || want > 0 && (len(s.PGs.ByState) != 1 || s.PGs.ByState[0].State != "active+clean") {
			return notYet("PGs are %v, of %d", s.PGs.ByState, want)
		}
		return nil
	})
}

// pool makes a replicated pool that goes with the case.
func (e *env) pool(what string) string {
	e.Helper()
	name := e.name(what)
	e.ok(e.CreatePool(e.ctx, ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 4, AutoscaleMode: "off"}))
	e.later(func(ctx context.Context) error { return e.DeletePool(ctx, name) })
	e.eventually("the PGs of "+name, func() error { return e.served(name) })
	return name
}

// served tells whether the mgr knows all PGs of a pool to be clean. A pool of
// three copies has each of them on osd.0. The mgr's sums are no proof: they may
// still count a pool that was just deleted.
func (e *env) served(name string) error {
	pools, err := e.Pools(e.ctx)
	if err != nil {
		return err
	}
	pool := find(pools, func(p ceph.Pool) bool { return p.Name == name })
	if pool == nil {
		return notYet("it is not listed")
	}
	pgs, err := e.PGsOfOSD(e.ctx, 0)
	if err != nil {
		return err
	}
	clean := 0
	for _, p := range pgs {
		if strings.HasPrefix(p.ID, fmt.Sprintf("%d.", pool.ID)) && p.State == "active+clean" {
			clean++
		}
	}
	if clean < pool.PGs {
		return notYet("%d of %d are clean", clean, pool.PGs)
	}
	return nil
}
