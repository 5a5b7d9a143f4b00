package conformance

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
)

func monCases(e *env) {
	e.check("QuorumStatus tells which mons exist and which form the quorum", func(e *env) {
		q, err := e.QuorumStatus(e.ctx)
		e.ok(err)
		if len(q.Mons) == 0 || len(q.InQuorum) == 0 || q.Leader != q.InQuorum[0] || q.FSID == "" || q.Epoch < 1 {
			e.Errorf("incomplete: %+v", q)
		}
		for rank, m := range q.Mons {
			if m.Rank != rank || len(m.Addresses) == 0 {
				e.Errorf("mon %d of the map: %+v", rank, m)
			}
		}
		if q.MinRelease != e.Release() {
			e.Errorf("min_mon_release is %d, want %d", q.MinRelease, e.Release())
		}
	})
	e.check("MonMap returns the monmap as a binary", func(e *env) {
		b, err := e.MonMap(e.ctx)
		e.ok(err)
		if len(b) < 16 {
			e.Errorf("only %d bytes", len(b))
		}
	})
	e.check("RemoveMon of a mon that is not there succeeds", func(e *env) {
		e.ok(e.RemoveMon(e.ctx, e.name("ghost")))
	})
	e.check("MonOKToStop says ErrBusy when quorum would be lost", func(e *env) {
		q, err := e.QuorumStatus(e.ctx)
		e.ok(err)
		e.want(e.MonOKToStop(e.ctx, q.InQuorum...), ceph.ErrBusy)
	})
	e.check("MonOKToStop of a mon that does not exist is ErrNotFound", func(e *env) {
		e.want(e.MonOKToStop(e.ctx, e.name("ghost")), ceph.ErrNotFound)
	})
	e.check("the last mon cannot be removed", func(e *env) {
		q, err := e.QuorumStatus(e.ctx)
		e.ok(err)
		if len(q.Mons) > 1 {
			e.Skip("the cluster has several mons")
		}
		e.want(e.RemoveMon(e.ctx, q.Mons[0].Name), ceph.ErrRefused, ceph.ErrBusy)
	})
}

func mgrCases(e *env) {
	e.check("the snapshot names the active mgr", func(e *env) {
		if m := e.snapshot().Mgr; !m.Available || m.Active == "" {
			e.Errorf("mgr map: %+v", m)
		}
	})
	e.check("EnableMgrModule of a module that the release lacks is ErrNotFound", func(e *env) {
		e.want(e.EnableMgrModule(e.ctx, "nosuchmodule"), ceph.ErrNotFound)
	})
	e.check("an always-on module cannot be turned off", func(e *env) {
		e.want(e.DisableMgrModule(e.ctx, "balancer"), ceph.ErrInvalid, ceph.ErrRefused)
	})
	e.check("enabling an always-on module succeeds", func(e *env) { e.ok(e.EnableMgrModule(e.ctx, "balancer")) })
	e.check("FailMgr of a mgr that is not active succeeds", func(e *env) { e.ok(e.FailMgr(e.ctx, e.name("ghost"))) })
	e.check("a module is turned off and on, twice each", moduleCase)
}

func moduleCase(e *env) {
	modules := e.snapshot().Mgr.Modules
	if len(modules) == 0 {
		e.Skip("no module is enabled beside the always-on ones")
	}
	module := modules[0]
	e.later(func(ctx context.Context) error { return e.EnableMgrModule(ctx, module) })
	e.ok(e.DisableMgrModule(e.ctx, module))
	e.ok(e.DisableMgrModule(e.ctx, module))
	if contains(e.mgrModules(), module) {
		e.Errorf("%s is still enabled", module)
	}
	e.ok(e.EnableMgrModule(e.ctx, module))
	e.ok(e.EnableMgrModule(e.ctx, module))
	if !contains(e.mgrModules(), module) {
		e.Errorf("%s is not enabled again", module)
	}
}

// mgrModules reads the modules once the mgr, which restarts for a change, is back.
func (e *env) mgrModules() []string {
	e.Helper()
	var modules []string
	e.eventually("the mgr to be back", func() error {
		s, err := e.Snapshot(e.ctx)
		if err != nil {
			return err
		}
		modules = s.Mgr.Modules
		return nil
	})
	return modules
}
