package conformance

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
)

// fileSessionCase ends the sessions of one user. The other one's name begins as its does.
func fileSessionCase(e *env, filesystem string) {
	rank := ceph.RankRef{Filesystem: filesystem}
	one, other := "client."+e.name("files"), "client."+e.name("files-too")
	mine, theirs := e.mounted(rank, one), e.mounted(rank, other)
	if mine.ID == theirs.ID || mine.Addr == theirs.Addr {
		e.Errorf("got %+v and %+v", mine, theirs)
	}
	for _, addr := range []string{mine.Addr, theirs.Addr} {
		e.later(func(ctx context.Context) error { return e.RemoveBlocklist(ctx, addr) })
	}
	e.ok(e.EvictFileSessions(e.ctx, rank, one))
	sessions, err := e.FileSessions(e.ctx, rank, one)
	e.ok(err)
	if len(sessions) != 0 || blocked(e, mine.Addr) == nil {
		e.Errorf("evicted, and left %+v; on the blocklist: %+v", sessions, blocked(e, mine.Addr))
	}
	sessions, err = e.FileSessions(e.ctx, rank, other)
	e.ok(err)
	e.same("sessions of the other user", []ceph.FileSession{theirs}, sessions)
	if blocked(e, theirs.Addr) != nil {
		e.Error("the other user is on the blocklist")
	}
	e.ok(e.EvictFileSessions(e.ctx, rank, other)) // the next server would wait for a client that is only gone
}

// mounted mounts a filesystem as a user of its own until the end of the case, and returns its only session.
func (e *env) mounted(rank ceph.RankRef, entity string) ceph.FileSession {
	e.Helper()
	e.later(func(ctx context.Context) error { return e.RemoveEntity(ctx, entity) })
	user, err := e.EnsureEntity(e.ctx, entity, ceph.Caps{
		"mon": "allow r", "mds": "allow rw fsname=" + rank.Filesystem, "osd": "allow rw tag cephfs data=" + rank.Filesystem,
	})
	e.ok(err)
	unmount, err := e.MountFiles(e.ctx, rank.Filesystem, entity, user.Key)
	e.ok(err)
	e.later(func(context.Context) error { return unmount() })
	var session ceph.FileSession
	e.eventually(entity+" to have a session", func() error {
		sessions, err := e.FileSessions(e.ctx, rank, entity)
		if err != nil {
			return err
		}
		if len(sessions) != 1 || sessions[0].State != "open" {
			return notYet("got %+v", sessions)
		}
		session = sessions[0]
		return nil
	})
	return session
}
