package command

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Mons = (*Admin)(nil)

func quorumStatus() Request { return Request{Op: "quorum_status", Target: Mon()} }

func getMonMap() Request { return Request{Op: "mon getmap", Target: Mon(), Plain: true} }

func removeMon(name string) Request {
	return Request{Op: "mon rm", Target: Mon(), Subject: "mon." + name, Args: Args{"name": name}}
}

func monOKToStop(names []string) Request {
	return Request{
		Op: "mon ok-to-stop", Target: Mon(), Subject: "mon." + strings.Join(names, ","),
		Args: Args{"ids": names},
	}
}

// QuorumStatus tells which mons exist and which of them form the quorum.
func (a *Admin) QuorumStatus(ctx context.Context) (ceph.QuorumStatus, error) {
	answer, err := ask[quorumAnswer](ctx, a, quorumStatus())
	if err != nil {
		return ceph.QuorumStatus{}, err
	}
	return answer.status(), nil
}

type quorumAnswer struct {
	ElectionEpoch *int64    `json:"election_epoch"`
	QuorumNames   *[]string `json:"quorum_names"`
	Leader        *string   `json:"quorum_leader_name"`
	MonMap        *struct {
		Epoch      *int64  `json:"epoch"`
		FSID       *string `json:"fsid"`
		MinRelease *int    `json:"min_mon_release"`
		Mons       *[]struct {
			Rank      *int        `json:"rank"`
			Name      *string     `json:"name"`
			Addresses *addressVec `json:"public_addrs"`
		} `json:"mons"`
	} `json:"monmap"`
}

func (q quorumAnswer) status() ceph.QuorumStatus {
	s := ceph.QuorumStatus{
		FSID:          *q.MonMap.FSID,
		Epoch:         *q.MonMap.Epoch,
		ElectionEpoch: *q.ElectionEpoch,
		Leader:        *q.Leader,
		InQuorum:      *q.QuorumNames,
		MinRelease:    *q.MonMap.MinRelease,
	}
	for _, m := range *q.MonMap.Mons {
		s.Mons = append(s.Mons, ceph.Mon{Name: *m.Name, Rank: *m.Rank, Addresses: m.Addresses.addresses()})
	}
	slices.SortFunc(s.Mons, func(a, b ceph.Mon) int { return cmp.Compare(a.Rank, b.Rank) })
	return s
}

// addressVec is the messenger addresses of one daemon.
type addressVec struct {
	Vec *[]struct {
		Type  *string `json:"type"`
		Addr  *string `json:"addr"`
		Nonce *int64  `json:"nonce"`
	} `json:"addrvec"`
}

func (v addressVec) addresses() []ceph.Address {
	var out []ceph.Address
	for _, a := range *v.Vec {
		out = append(out, ceph.Address{Type: *a.Type, Addr: *a.Addr, Nonce: *a.Nonce})
	}
	return out
}

// MonMap returns the current monmap as the binary that ceph-mon --mkfs takes.
func (a *Admin) MonMap(ctx context.Context) ([]byte, error) {
	r := getMonMap()
	reply, err := a.transport.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	if !isMonMap(reply.Output) {
		return nil, r.malformed(reply.Output, "is no whole monmap")
	}
	return reply.Output, nil
}

// isMonMap checks the frame of Ceph's encoding: a version, the oldest version
// that can read it, and the length of what follows.
func isMonMap(b []byte) bool {
	const frame = 6
	return len(b) > frame && b[0] >= b[1] && b[1] > 0 &&
		uint64(binary.LittleEndian.Uint32(b[2:frame])) == uint64(len(b)-frame)
}

// RemoveMon takes a mon out of the monmap. The last mon is ErrRefused, one that
// is not there no error.
func (a *Admin) RemoveMon(ctx context.Context, name string) error {
	err := a.act(ctx, removeMon(name))
	return rekind(err, ceph.ErrRefused, "refusing removal", ceph.EINVAL)
}

// MonOKToStop asks whether quorum holds without these mons. A no is ErrBusy.
// A mon that the monmap lacks is ErrNotFound: Ceph itself says yes for it, and
// from 18 on then looks at none of the others.
func (a *Admin) MonOKToStop(ctx context.Context, names ...string) error {
	r := monOKToStop(names)
	if len(names) == 0 {
		return r.invalid("no mon is named")
	}
	q, err := a.QuorumStatus(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		known := func(m ceph.Mon) bool { return m.Name == name }
		if !slices.ContainsFunc(q.Mons, known) {
			return r.fail(ceph.ErrNotFound, "the monmap has no mon."+name)
		}
	}
	return a.act(ctx, r)
}
