package command

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.FileSessions = (*Admin)(nil)

// sessionsOf filters by the user that a client showed the key of: what a client says of itself (client_metadata) may be false.
// The filter knows users without their type.
func sessionsOf(op string, rank ceph.RankRef, entity string) Request {
	id := strings.TrimPrefix(entity, "client.")
	return Request{
		Op: op, Target: MDS(rank), Subject: "mds." + rank.String() + " " + entity, Args: Args{"filters": []string{"auth_name=" + id}},
	}
}

func listFileSessions(rank ceph.RankRef, entity string) Request {
	return sessionsOf("session ls", rank, entity)
}

func evictFileSessions(rank ceph.RankRef, entity string) Request {
	r := sessionsOf("session evict", rank, entity)
	r.Plain = true // it answers nothing, or words
	return r
}

type fileSessionAnswer struct {
	ID     *int64  `json:"id"`
	State  *string `json:"state"`
	Entity *struct {
		Addr *struct {
			Addr  *string `json:"addr"`
			Nonce *int64  `json:"nonce"`
		} `json:"addr"`
	} `json:"entity"`
}

func (s fileSessionAnswer) session() ceph.FileSession {
	addr := s.Entity.Addr
	return ceph.FileSession{ID: *s.ID, State: *s.State, Addr: *addr.Addr + "/" + strconv.FormatInt(*addr.Nonce, 10)}
}

// FileSessions lists the sessions of one user with the server that holds a rank, by id.
func (a *Admin) FileSessions(ctx context.Context, rank ceph.RankRef, entity string) ([]ceph.FileSession, error) {
	answer, err := ask[[]fileSessionAnswer](ctx, a, listFileSessions(rank, entity))
	if err != nil {
		return nil, err
	}
	sessions := make([]ceph.FileSession, 0, len(answer))
	for _, s := range answer {
		sessions = append(sessions, s.session())
	}
	slices.SortFunc(sessions, func(a, b ceph.FileSession) int { return cmp.Compare(a.ID, b.ID) })
	return sessions, nil
}

// EvictFileSessions ends all sessions of a user with a rank. "Only active MDSs can evict clients" is ErrAgain.
func (a *Admin) EvictFileSessions(ctx context.Context, rank ceph.RankRef, entity string) error {
	return a.act(ctx, evictFileSessions(rank, entity))
}
