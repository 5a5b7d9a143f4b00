package ceph

import (
	"context"
	"strconv"
)

// FileSessions reads and ends the sessions that clients have with the metadata servers of a filesystem.
type FileSessions interface {
	// FileSessions lists the sessions of one user (client.node-n1) with the server that holds a rank, by id. A rank that
	// nobody holds, and a filesystem that does not exist, are ErrNotFound or ErrInvalid.
	FileSessions(ctx context.Context, rank RankRef, entity string) ([]FileSession, error)
	// EvictFileSessions ends all sessions of a user with a rank, and puts their addresses on the blocklist for as long as Ceph
	// does by itself, which is an hour; an entry that lasts longer becomes that short. None is no error. While the rank is not
	// active, it is ErrAgain.
	EvictFileSessions(ctx context.Context, rank RankRef, entity string) error
}

// RankRef names a rank of a filesystem.
type RankRef struct {
	Filesystem string
	Rank       int
}

// String returns filesystem:rank, as Ceph writes it.
func (r RankRef) String() string { return r.Filesystem + ":" + strconv.Itoa(r.Rank) }

// FileSession is a session of a client with a metadata server.
type FileSession struct {
	ID    int64
	State string // open, stale, ...
	// Addr is the client's address as AddBlocklist takes it: host:port/nonce.
	Addr string
}
