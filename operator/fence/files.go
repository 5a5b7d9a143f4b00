package fence

import (
	"context"
	"fmt"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/plan"
)

// eachRank calls f for every rank of every filesystem. A rank that is not active is an error: what sessions it has, nobody
// can say, and when it is active again they are too.
func eachRank(ctx context.Context, client Client, f func(ceph.RankRef) error) error {
	all, err := client.Filesystems(ctx)
	if err != nil {
		return fmt.Errorf("list the filesystems: %w", err)
	}
	for i := range all {
		fs := &all[i]
		if len(fs.Ranks)+len(fs.Failed)+len(fs.Damaged) == 0 {
			continue // nobody has served it yet
		}
		if text := plan.RanksNotActive(*fs); text != "" {
			return fmt.Errorf("whether the node has sessions with filesystem %s is not known: %s: %w", fs.Name, text, ErrNotFenced)
		}
		for _, rank := range plan.ActiveRanks(*fs) {
			if err := f(ceph.RankRef{Filesystem: fs.Name, Rank: rank}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sessionAddresses are those that a user has sessions from; without a user there is none.
func sessionAddresses(ctx context.Context, client Client, user string) (found []string, err error) {
	if user == "" {
		return nil, nil
	}
	err = eachRank(ctx, client, func(rank ceph.RankRef) error {
		sessions, err := client.FileSessions(ctx, rank, user)
		if err != nil {
			return fmt.Errorf("list the sessions of %s with mds.%s: %w", user, rank, err)
		}
		for _, session := range sessions {
			found = append(found, session.Addr)
		}
		return nil
	})
	return found, err
}

// evict ends the sessions that are left of a node's user. A server ends those of clients on the blocklist by itself, as soon
// as it has the map; for the others it is asked to, and then puts the address on the blocklist for an hour only. So the
// addresses go there once more. Cut short in between, the hour is longer than any ticket of the client is good for.
func evict(ctx context.Context, client Client, report Report, now time.Time) error {
	if report.User == "" {
		return nil
	}
	err := eachRank(ctx, client, func(rank ceph.RankRef) error {
		sessions, err := client.FileSessions(ctx, rank, report.User)
		if err == nil && len(sessions) > 0 {
			err = client.EvictFileSessions(ctx, rank, report.User)
		}
		if err != nil {
			return fmt.Errorf("end the sessions of %s with mds.%s: %w", report.User, rank, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := add(ctx, client, report.Addresses, now); err != nil {
		return err
	}
	left, err := sessionAddresses(ctx, client, report.User)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d sessions of %s are left, from %v: %w", len(left), report.User, left, ErrNotFenced)
	}
	return err
}
