package command

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Snapshotter = (*Admin)(nil)

// snapshotParallel bounds the commands of one Snapshot that are under way at the
// same time. The large answers (osd dump, osd metadata) take a mon some time
// each; more at once would only queue there.
const snapshotParallel = 4

// answers is what a Snapshot is made of, each from one command.
type answers struct {
	status     statusAnswer
	health     healthAnswer
	quorum     quorumAnswer
	mgr        mgrAnswer
	osdMap     osdDumpAnswer
	crush      crushAnswer
	osdUsage   osdUsageAnswer
	usage      usageAnswer
	versions   versionsAnswer
	metadata   osdMetadataAnswer
	filesystem fsDumpAnswer
	config     configAnswer
}

// Snapshot reads the whole state of a cluster at once, with MaxSnapshotCommands
// commands. It fails as a whole, and at once with ErrAgain while no mgr is
// active: OSDs report what they use to nobody else, and a command to a mgr that
// does not exist hangs.
func (a *Admin) Snapshot(ctx context.Context) (*ceph.Snapshot, error) {
	start := a.clock()
	got, commands, err := a.answers(ctx)
	if err != nil {
		return nil, err
	}
	s := got.snapshot()
	s.At, s.Took, s.Commands = start, a.clock().Sub(start), commands
	return s, nil
}

func (a *Admin) answers(ctx context.Context) (*answers, int, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(snapshotParallel)
	var got answers
	reads := []func() error{ // largest first
		into(ctx, a, osdMetadata(), &got.metadata),
		into(ctx, a, osdDump(), &got.osdMap),
		func() error { return a.readMgr(ctx, &got) },
		into(ctx, a, crushDump(), &got.crush),
		into(ctx, a, status(), &got.status),
		into(ctx, a, healthDetail(), &got.health),
		into(ctx, a, quorumStatus(), &got.quorum),
		into(ctx, a, usageByPool(), &got.usage),
		into(ctx, a, versions(), &got.versions),
		into(ctx, a, fsDump(), &got.filesystem),
		into(ctx, a, configDump(), &got.config),
	}
	for _, read := range reads {
		g.Go(read)
	}
	return &got, len(reads) + 1, g.Wait() // readMgr sends two
}

func into[T any](ctx context.Context, a *Admin, r Request, to *T) func() error {
	return func() (err error) {
		*to, err = ask[T](ctx, a, r)
		return err
	}
}

// readMgr asks the mgr for the usage of OSDs only if the mons know of one.
func (a *Admin) readMgr(ctx context.Context, got *answers) error {
	if err := into(ctx, a, mgrDump(), &got.mgr)(); err != nil {
		return err
	}
	r := osdUsage()
	if !*got.mgr.Available {
		return r.fail(ceph.ErrAgain, "no mgr is active")
	}
	return into(ctx, a, r, &got.osdUsage)()
}

func (got *answers) snapshot() *ceph.Snapshot {
	quorum := got.quorum.status()
	return &ceph.Snapshot{
		FSID:        quorum.FSID,
		Quorum:      quorum,
		Mgr:         got.mgr.mgrMap(),
		Health:      got.health.report(),
		Versions:    got.versions.counts(),
		OSDMap:      got.osdMap.osdMap(),
		OSDs:        got.osdMap.osds(got.osdUsage, got.metadata, got.crush),
		CRUSH:       got.crush.crushMap(),
		Pools:       got.osdMap.pools(got.usage),
		PGs:         got.status.pgs(),
		Capacity:    got.usage.capacity(),
		Filesystems: got.filesystem.filesystems(),
		Standbys:    got.filesystem.standbys(),
		Config:      got.config.options(),
	}
}

func (d osdDumpAnswer) pools(usage usageAnswer) []ceph.Pool {
	var out []ceph.Pool
	for _, p := range *d.Pools {
		out = append(out, p.pool(*p.ID, usage))
	}
	slices.SortFunc(out, byPoolID)
	return out
}

func status() Request { return Request{Op: "status", Target: Mon()} }

// statusAnswer is read for its PGs only. What is zero is left out of it.
type statusAnswer struct {
	PGMap *struct {
		Total   *int `json:"num_pgs"`
		ByState *[]struct {
			State *string `json:"state_name"`
			Count *int    `json:"count"`
		} `json:"pgs_by_state"`
		Objects          int64 `json:"num_objects"`
		DegradedObjects  int64 `json:"degraded_objects"`
		DegradedTotal    int64 `json:"degraded_total"`
		MisplacedObjects int64 `json:"misplaced_objects"`
		MisplacedTotal   int64 `json:"misplaced_total"`
		UnfoundObjects   int64 `json:"unfound_objects"`
		RecoveringBytes  int64 `json:"recovering_bytes_per_sec"`
		RecoveringKeys   int64 `json:"recovering_keys_per_sec"`
		ReadBytes        int64 `json:"read_bytes_sec"`
		WriteBytes       int64 `json:"write_bytes_sec"`
		ReadOps          int64 `json:"read_op_per_sec"`
		WriteOps         int64 `json:"write_op_per_sec"`
	} `json:"pgmap"`
}

func (s statusAnswer) pgs() ceph.PGSummary {
	m := s.PGMap
	out := ceph.PGSummary{
		Total: *m.Total, Objects: m.Objects, DegradedObjects: m.DegradedObjects,
		MisplacedObjects: m.MisplacedObjects, UnfoundObjects: m.UnfoundObjects,
		TotalCopies:           max(m.DegradedTotal, m.MisplacedTotal),
		RecoveringBytesPerSec: m.RecoveringBytes, RecoveringKeysPerSec: m.RecoveringKeys,
		ReadBytesPerSec: m.ReadBytes, WriteBytesPerSec: m.WriteBytes,
		ReadOpsPerSec: m.ReadOps, WriteOpsPerSec: m.WriteOps,
	}
	for _, in := range *m.ByState {
		out.ByState = append(out.ByState, ceph.PGStateCount{State: *in.State, Count: *in.Count})
	}
	slices.SortFunc(out.ByState, byCount)
	return out
}
