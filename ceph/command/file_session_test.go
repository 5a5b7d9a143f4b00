package command

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

// sessionList is what an MDS answers, but for what nobody reads.
const sessionList = `[
	{"id":4310,"entity":{"name":{"type":"client","num":4310},"addr":{"type":"v1","addr":"[fd00::7]:0","nonce":7}},"state":"stale","num_caps":3},
	{"id":4305,"entity":{"name":{"type":"client","num":4305},"addr":{"type":"any","addr":"10.0.0.7:0","nonce":3422650892}},"state":"open",
	"inst":"client.4305 10.0.0.7:0/3422650892","client_metadata":{"entity_id":"somebody-else","hostname":"n1","root":"/volumes/a"}}]`

// mdsAnswers is a transport that answers everything alike.
type mdsAnswers string

func (m mdsAnswers) Send(context.Context, Request) (Reply, error) {
	return Reply{Output: []byte(m)}, nil
}

func TestFileSessions(t *testing.T) {
	t.Parallel()
	rank := ceph.RankRef{Filesystem: "fs1"}
	got, err := newAdmin(mdsAnswers(sessionList)).FileSessions(t.Context(), rank, "client.n1")
	want := []ceph.FileSession{{ID: 4305, State: "open", Addr: "10.0.0.7:0/3422650892"}, {ID: 4310, State: "stale", Addr: "[fd00::7]:0/7"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, bad := range []string{``, `null`, `{}`, `[{"id":1,"state":"open"}]`, `[{"id":1,"state":"open","entity":{"addr":{"addr":"10.0.0.7:0"}}}]`} {
		if got, err := newAdmin(mdsAnswers(bad)).FileSessions(t.Context(), rank, "client.n1"); !errors.Is(err, ceph.ErrMalformed) {
			t.Errorf("%s: %v, %v", bad, got, err)
		}
	}
	if err := newAdmin(mdsAnswers("")).EvictFileSessions(t.Context(), rank, "client.n1"); err != nil {
		t.Error(err)
	}
}

func FuzzFileSessions(f *testing.F) {
	f.Add([]byte(sessionList))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := newAdmin(mdsAnswers(data)).FileSessions(t.Context(), ceph.RankRef{Filesystem: "fs1"}, "client.n1")
		if err != nil && !errors.Is(err, ceph.ErrMalformed) {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
