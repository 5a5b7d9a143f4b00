package command

import (
	"context"
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// reading is a call that decodes an answer. Between them they reach each decoder.
type reading struct {
	name string
	op   string // of the answer that is decoded
	file string // other than the command's own
	call func(ctx context.Context, a *Admin) (any, error)
	// keyed: the answer may hold keys, so that no error may quote it.
	keyed bool
}

func (r reading) fixture() string {
	if r.file != "" {
		return r.file
	}
	return fixtureOf(r.op)
}

var (
	someGroup     = ceph.GroupRef{Filesystem: "fs1", Group: "g1"}
	someSubvolume = ceph.SubvolumeRef{GroupRef: someGroup, Name: "v1"}
)

var readings = []reading{
	{name: "quorum", op: "quorum_status", call: func(ctx context.Context, a *Admin) (any, error) { return a.QuorumStatus(ctx) }},
	{name: "monmap", op: "mon getmap", call: func(ctx context.Context, a *Admin) (any, error) {
		b, err := a.MonMap(ctx)
		return fmt.Sprintf("%d bytes", len(b)), err
	}},
	{name: "new-osd", op: "osd new", keyed: true, call: func(ctx context.Context, a *Admin) (any, error) {
		return a.NewOSD(ctx, ceph.NewOSD{UUID: "aaaaaaaa-0000-4000-8000-000000000002"})
	}},
	{name: "ok-to-stop-yes", op: "osd ok-to-stop", file: "osd-ok-to-stop-yes.json", call: okToStop},
	{name: "ok-to-stop-no", op: "osd ok-to-stop", file: "osd-ok-to-stop-no.json", call: okToStop},
	{name: "ok-to-stop-pgs", op: "pg ls-by-osd", call: func(ctx context.Context, a *Admin) (any, error) {
		return a.pgsOfOSDs(ctx, []int{0})
	}},
	{name: "ok-to-stop-pools", op: "osd pool ls", call: func(ctx context.Context, a *Admin) (any, error) { return a.minSizes(ctx) }},
	{name: "safe-to-destroy", op: "osd safe-to-destroy", call: safeToDestroy},
	{name: "safe-to-destroy-degraded", op: "osd safe-to-destroy", file: "osd-safe-to-destroy-degraded.json", call: safeToDestroy},
	{name: "blocklist", op: "osd blocklist ls", call: func(ctx context.Context, a *Admin) (any, error) { return a.Blocklist(ctx) }},
	{name: "pgs", op: "pg ls-by-osd", call: func(ctx context.Context, a *Admin) (any, error) { return a.PGsOfOSD(ctx, 0) }},
	{name: "pg-states", op: "pg stat", call: func(ctx context.Context, a *Admin) (any, error) { return a.PGStates(ctx) }},
	{name: "crush", op: "osd crush dump", call: func(ctx context.Context, a *Admin) (any, error) { return a.CRUSHMap(ctx) }},
	{name: "profile", op: "osd erasure-code-profile get", call: profile},
	{name: "profile-default", op: "osd erasure-code-profile get", file: "osd-erasure-code-profile-get-default.json", call: profile},
	{name: "pools", op: "osd pool ls", call: func(ctx context.Context, a *Admin) (any, error) { return a.Pools(ctx) }},
	{name: "pool-usage", op: "df", call: func(ctx context.Context, a *Admin) (any, error) { return a.Pools(ctx) }},
	{name: "entity", op: "auth get", keyed: true, call: func(ctx context.Context, a *Admin) (any, error) { return a.Entity(ctx, "client.u2") }},
	{name: "new-entity", op: "auth get-or-create", keyed: true, call: func(ctx context.Context, a *Admin) (any, error) {
		return a.askEntity(ctx, getOrCreateEntity("client.u1", nil), "client.u1")
	}},
	{name: "entities", op: "auth ls", keyed: true, call: func(ctx context.Context, a *Admin) (any, error) { return a.Entities(ctx) }},
	{name: "config", op: "config dump", keyed: true, call: func(ctx context.Context, a *Admin) (any, error) { return a.ConfigDump(ctx) }},
	{name: "health", op: "health", call: func(ctx context.Context, a *Admin) (any, error) { return a.Health(ctx) }},
	{name: "devices", op: "device ls", call: func(ctx context.Context, a *Admin) (any, error) { return a.Devices(ctx) }},
	{name: "versions", op: "versions", call: func(ctx context.Context, a *Admin) (any, error) { return a.Versions(ctx) }},
	{name: "filesystems", op: "fs dump", call: func(ctx context.Context, a *Admin) (any, error) { return a.Filesystems(ctx) }},
	{name: "filesystems-degraded", op: "fs dump", file: "fs-dump-degraded.json", call: func(ctx context.Context, a *Admin) (any, error) { return a.Filesystems(ctx) }},
	{name: "groups", op: "fs subvolumegroup ls", call: func(ctx context.Context, a *Admin) (any, error) { return a.ListSubvolumeGroups(ctx, "fs1") }},
	{name: "subvolumes", op: "fs subvolume ls", call: func(ctx context.Context, a *Admin) (any, error) { return a.ListSubvolumes(ctx, someGroup) }},
	{name: "subvolume", op: "fs subvolume info", call: func(ctx context.Context, a *Admin) (any, error) { return a.Subvolume(ctx, someSubvolume) }},
	{name: "subvolume-no-quota", op: "fs subvolume info", file: "fs-subvolume-info-no-quota.json", call: func(ctx context.Context, a *Admin) (any, error) {
		return a.Subvolume(ctx, someSubvolume)
	}},
	{name: "subvolume-snapshots", op: "fs subvolume snapshot ls", call: func(ctx context.Context, a *Admin) (any, error) {
		return a.ListSubvolumeSnapshots(ctx, someSubvolume)
	}},
	{name: "clone-started", op: "fs clone status", file: "fs-clone-status-started.json", call: clone},
	{name: "clone-complete", op: "fs clone status", file: "fs-clone-status-complete.json", call: clone},
	{name: "clone-canceled", op: "fs clone status", file: "fs-clone-status-canceled.json", call: clone},
	{name: "pg-summary", op: "status", call: func(ctx context.Context, a *Admin) (any, error) {
		answer, err := ask[statusAnswer](ctx, a, status())
		if err != nil {
			return nil, err
		}
		return answer.pgs(), nil
	}},
	{name: "mgr-map", op: "mgr dump", call: func(ctx context.Context, a *Admin) (any, error) {
		answer, err := ask[mgrAnswer](ctx, a, mgrDump())
		if err != nil {
			return nil, err
		}
		return answer.mgrMap(), nil
	}},
	{name: "osds", op: "osd dump", call: joinedOSDs},
	{name: "osds-by-usage", op: "osd df", call: joinedOSDs},
	{name: "osds-by-metadata", op: "osd metadata", call: joinedOSDs},
}

func okToStop(ctx context.Context, a *Admin) (any, error) { return a.OSDOKToStop(ctx, 0) }

func safeToDestroy(ctx context.Context, a *Admin) (any, error) { return a.OSDSafeToDestroy(ctx, 0, 5) }

func profile(ctx context.Context, a *Admin) (any, error) { return a.ErasureProfile(ctx, "two-one") }

func clone(ctx context.Context, a *Admin) (any, error) { return a.CloneStatus(ctx, someSubvolume) }

// joinedOSDs reads what Snapshot joins to OSDs.
func joinedOSDs(ctx context.Context, a *Admin) (any, error) {
	var got answers
	for _, read := range []func() error{
		into(ctx, a, osdDump(), &got.osdMap), into(ctx, a, osdUsage(), &got.osdUsage),
		into(ctx, a, osdMetadata(), &got.metadata), into(ctx, a, crushDump(), &got.crush),
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return got.osdMap.osds(got.osdUsage, got.metadata, got.crush), nil
}

// TestReadings decodes what each release answered.
func TestReadings(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		for _, r := range readings {
			t.Run(release+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				c := &recorded{t: t, release: release, override: map[string][]byte{r.op: fixture(t, release, r.fixture())}}
				got, err := r.call(t.Context(), newAdmin(c))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, release+"/"+r.name, got)
			})
		}
	}
}

// TestMultiStepRule reads a rule of the second kind, which only 19 and later make.
func TestMultiStepRule(t *testing.T) {
	t.Parallel()
	c := &recorded{t: t, release: "20.2.4", override: map[string][]byte{
		"osd crush dump": fixture(t, "20.2.4", "osd-crush-dump-msr.json"),
	}}
	m, err := newAdmin(c).CRUSHMap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "20.2.4/crush-msr", m.Rules)
}
