//go:build record

package command

import (
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func (s *scenario) crush() {
	ctx := s.ctx
	s.want(s.AddBucket(ctx, "spare", "rack"), nil, "add bucket")
	s.want(s.AddBucket(ctx, "spare", "rack"), nil, "add it again")
	s.want(s.AddBucket(ctx, "spare", "host"), ceph.ErrExists, "add it as another type")
	s.want(s.AddBucket(ctx, "bad name", "rack"), ceph.ErrInvalid, "add a bad name")
	s.want(s.AddBucket(ctx, "other", "shelf"), ceph.ErrInvalid, "add an unknown type")
	s.want(s.MoveBucket(ctx, "spare", ceph.Location{{Type: "root", Name: "default"}}), nil, "move")
	s.want(s.MoveBucket(ctx, "nothing", ceph.Location{{Type: "root", Name: "default"}}), ceph.ErrNotFound, "move nothing")
	s.want(s.MoveBucket(ctx, "spare", ceph.Location{{Type: "rack", Name: "spare"}}), ceph.ErrInvalid, "move into itself")
	s.want(s.RemoveBucket(ctx, "r0"), ceph.ErrBusy, "remove a full bucket")
	s.want(s.RemoveBucket(ctx, "nothing"), nil, "remove nothing")

	at := func(rack, host string) ceph.Location {
		return ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: rack}, {Type: "host", Name: host}}
	}
	s.want(s.PlaceOSD(ctx, 0, 0.003, at("r0", "n0")), nil, "place")
	s.want(s.PlaceOSD(ctx, 0, 0.003, at("r1", "n0")), ceph.ErrExists, "place on a host of another rack")
	s.want(s.PlaceOSD(ctx, 42, 0.003, at("r0", "n0")), ceph.ErrNotFound, "place an OSD that is not there")
	s.want(s.PlaceOSD(ctx, 0, 0.002, ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: "n0"}}), nil, "place, a level left out")

	s.want(s.SetDeviceClass(ctx, "ssd", 0, 1), nil, "set class")
	s.want(s.SetDeviceClass(ctx, "ssd", 0, 1), nil, "set it again")
	s.want(s.SetDeviceClass(ctx, "ssd", 42), ceph.ErrNotFound, "set class of an OSD that is not there")

	rule := ceph.ReplicatedRule{Name: "by-rack", FailureDomain: "rack", DeviceClass: "ssd"}
	s.want(s.CreateReplicatedRule(ctx, rule), nil, "create rule")
	s.want(s.CreateReplicatedRule(ctx, rule), nil, "create it again")
	rule.DeviceClass = ""
	s.want(s.CreateReplicatedRule(ctx, rule), ceph.ErrExists, "create it differently")
	s.want(s.CreateReplicatedRule(ctx, ceph.ReplicatedRule{Name: "by-osd", FailureDomain: "osd"}), nil, "create rule over OSDs")
	s.want(s.CreateReplicatedRule(ctx, ceph.ReplicatedRule{Name: "by-osd", FailureDomain: "osd"}), nil, "create it again")
	s.want(s.CreateReplicatedRule(ctx, ceph.ReplicatedRule{Name: "x", Root: "nothing", FailureDomain: "osd"}), ceph.ErrNotFound, "rule, no root")
	s.want(s.CreateReplicatedRule(ctx, ceph.ReplicatedRule{Name: "x", FailureDomain: "shelf"}), ceph.ErrInvalid, "rule, no type")
	s.want(s.CreateReplicatedRule(ctx, ceph.ReplicatedRule{Name: "x", FailureDomain: "osd", DeviceClass: "nvme"}), ceph.ErrInvalid, "rule, no class")

	profile := ceph.ErasureProfile{Name: "two-one", DataChunks: 2, CodingChunks: 1, FailureDomain: "osd"}
	s.want(s.SetErasureProfile(ctx, profile), nil, "set profile")
	s.want(s.SetErasureProfile(ctx, profile), nil, "set it again")
	profile.DataChunks = 3
	s.want(s.SetErasureProfile(ctx, profile), ceph.ErrExists, "set it differently")
	s.want(s.SetErasureProfile(ctx, ceph.ErasureProfile{Name: "x", DataChunks: 1, CodingChunks: 1}), ceph.ErrInvalid, "k of 1")
	s.want(s.SetErasureProfile(ctx, ceph.ErasureProfile{Name: "x", DataChunks: 2, CodingChunks: 1, Plugin: "none"}), ceph.ErrRefused, "no plugin")
	_, err := s.ErasureProfile(ctx, "nothing")
	s.want(err, ceph.ErrNotFound, "no profile")
	_, err = s.ErasureProfile(ctx, "two-one")
	s.want(err, nil, "profile")
	s.want(s.rec.as("osd-erasure-code-profile-get-default", func() error {
		_, err := s.ErasureProfile(ctx, "default")
		return err
	}), nil, "default profile")
	s.want(s.RemoveErasureProfile(ctx, "nothing"), nil, "remove no profile")

	s.want(s.CreateErasureRule(ctx, "coded", "two-one"), nil, "create rule")
	s.want(s.CreateErasureRule(ctx, "coded", "two-one"), nil, "create it again")
	s.want(s.CreateErasureRule(ctx, "x", "nothing"), ceph.ErrNotFound, "rule, no profile")
	s.want(s.RemoveRule(ctx, "nothing"), nil, "remove no rule")
	s.want(s.RemoveRule(ctx, "replicated_rule"), ceph.ErrBusy, "remove a rule in use")
}

func (s *scenario) pools() {
	ctx := s.ctx
	plain := ceph.PoolSpec{Name: "images", Type: ceph.Replicated, Size: 3, MinSize: 2, Rule: "by-osd", PGs: 4, AutoscaleMode: "off"}
	s.want(s.CreatePool(ctx, plain), nil, "create pool")
	s.want(s.CreatePool(ctx, plain), ceph.ErrExists, "create it again")
	coded := ceph.PoolSpec{Name: "coded", Type: ceph.Erasure, ErasureProfile: "two-one", PGs: 4, OverwritesOnECPool: true}
	s.want(s.CreatePool(ctx, coded), nil, "create coded pool")
	s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: "doomed", PGs: 1}), nil, "create a pool by default")
	s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: ".x"}), ceph.ErrInvalid, "create a pool with a dot")
	s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: "x", Rule: "nothing"}), ceph.ErrNotFound, "create pool, no rule")
	s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: "x", Type: ceph.Erasure, ErasureProfile: "nothing"}), ceph.ErrNotFound, "create pool, no profile")
	s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: "x", PGs: 100000}), ceph.ErrInvalid, "create pool, too many PGs")
	s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: "x", Rule: "coded", Type: ceph.Replicated}), ceph.ErrInvalid, "create pool, rule of another type")

	s.want(s.SetPoolOption(ctx, "images", "compression_mode", "aggressive"), nil, "set option")
	s.want(s.SetPoolOption(ctx, "images", "target_size_ratio", "0.2"), nil, "set ratio")
	s.want(s.SetPoolOption(ctx, "images", "nodelete", "true"), nil, "set flag")
	s.want(s.SetPoolOption(ctx, "nothing", "size", "3"), ceph.ErrNotFound, "set option of no pool")
	s.want(s.SetPoolOption(ctx, "images", "nothing", "3"), ceph.ErrInvalid, "set no option")
	s.want(s.SetPoolOption(ctx, "images", "size", "two"), ceph.ErrInvalid, "set no number")
	s.want(s.SetPoolOption(ctx, "images", "size", "1"), ceph.ErrRefused, "set a single replica")
	s.want(s.SetPoolOption(ctx, "images", "crush_rule", "nothing"), ceph.ErrNotFound, "set no rule")
	s.want(s.SetPoolOption(ctx, "coded", "allow_ec_overwrites", "false"), ceph.ErrInvalid, "take overwrites back")
	s.want(s.SetPoolQuota(ctx, "images", ceph.PoolQuota{Bytes: 1 << 30, Objects: 1000}), nil, "set quota")
	s.want(s.SetPoolQuota(ctx, "nothing", ceph.PoolQuota{}), ceph.ErrNotFound, "set quota of no pool")
	s.want(s.EnableApplication(ctx, "images", "rbd"), nil, "tag")
	s.want(s.EnableApplication(ctx, "images", "rbd"), nil, "tag again")
	s.want(s.EnableApplication(ctx, "images", "rgw"), ceph.ErrExists, "tag otherwise")
	s.want(s.EnableApplication(ctx, "nothing", "rbd"), ceph.ErrNotFound, "tag no pool")

	s.want(s.DeletePool(ctx, "doomed"), nil, "delete pool")
	s.want(s.DeletePool(ctx, "doomed"), nil, "delete it again")
	s.want(s.DeletePool(ctx, "images"), ceph.ErrRefused, "delete a pool with the flag nodelete")
	s.want(s.DeletePool(ctx, "cephfs.fs1.data"), ceph.ErrBusy, "delete a pool of a filesystem")
	options, err := s.ConfigDump(ctx)
	s.want(err, nil, "config dump")
	for _, o := range options {
		if o.Option == poolDeletion().option {
			s.t.Errorf("%s is still %s for %s", o.Option, o.Value, o.Who)
		}
	}
	s.want(s.RemoveErasureProfile(ctx, "two-one"), ceph.ErrBusy, "remove a profile in use")
}

func (s *scenario) osds() {
	ctx := s.ctx
	id := func(n int) *int { return &n }
	key, other := ceph.NewSecret("AQD0MU9fAAAAABAAmYxDt8Cy7bT3rK1rB8ZzYQ=="), ceph.NewSecret("AQD0MU9fAAAAABAAmYxDt8Cy7bT3rK1rB8ZzYA==")
	const uuid, another = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
	newOSD := func(what string, req ceph.NewOSD, want int, kind error) {
		got, err := s.NewOSD(ctx, req)
		s.want(err, kind, what)
		if err == nil && got != want {
			s.t.Errorf("%s: got id %d, want %d", what, got, want)
		}
	}
	newOSD("new", ceph.NewOSD{UUID: uuid, Secret: key}, 3, nil)
	newOSD("new again", ceph.NewOSD{UUID: uuid, Secret: key}, 3, nil)
	newOSD("new with another key", ceph.NewOSD{UUID: uuid, Secret: other}, 0, ceph.ErrExists)
	newOSD("new with another id", ceph.NewOSD{UUID: uuid, ID: id(9), Secret: key}, 0, ceph.ErrExists)
	newOSD("new with an id in use", ceph.NewOSD{UUID: another, ID: id(3), Secret: key}, 0, ceph.ErrExists)
	newOSD("new with a chosen id", ceph.NewOSD{UUID: another, ID: id(7)}, 7, nil)
	newOSD("a key for one without", ceph.NewOSD{UUID: another, ID: id(7), Secret: key}, 0, ceph.ErrExists)
	newOSD("new with no uuid", ceph.NewOSD{UUID: "nothing", Secret: key}, 0, ceph.ErrInvalid)
	newOSD("new with no key", ceph.NewOSD{UUID: "aaaaaaaa-0000-4000-8000-000000000003", ID: id(8), Secret: ceph.NewSecret("nothing")}, 0, ceph.ErrInvalid)

	for _, rack := range []string{"r0", "r1"} {
		s.want(s.PlaceOSD(ctx, 7, 0, ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: rack}}), nil, "place in "+rack)
		m, err := s.CRUSHMap(ctx)
		b, _ := bucketNamed(m, rack)
		if err != nil || !slices.Contains(b.Items, ceph.CRUSHItem{ID: 7}) {
			s.t.Errorf("osd.7 is not in %s: %+v %v", rack, b, err)
		}
	}
	s.want(s.OSDOut(ctx, 2, 7), nil, "out")
	s.want(s.OSDOut(ctx, 7), nil, "out again")
	s.want(s.OSDOut(ctx, 2, 42), ceph.ErrNotFound, "out of one that is not there")
	s.want(s.OSDIn(ctx, 2), nil, "in")
	s.want(s.OSDIn(ctx, 2), nil, "in again")
	s.want(s.OSDIn(ctx, 42), ceph.ErrNotFound, "in of one that is not there")
	s.want(s.OSDDown(ctx, 7), nil, "down")
	s.want(s.OSDDown(ctx, 42), ceph.ErrNotFound, "down of one that is not there")
	s.want(s.PurgeOSD(ctx, 0), ceph.ErrBusy, "purge an OSD that is up")
	s.want(s.DestroyOSD(ctx, 0), ceph.ErrBusy, "destroy an OSD that is up")
	s.want(s.PurgeOSD(ctx, 42), nil, "purge nothing")
	s.want(s.DestroyOSD(ctx, 42), ceph.ErrNotFound, "destroy nothing")
	s.want(s.DestroyOSD(ctx, 3), nil, "destroy")
	s.want(s.DestroyOSD(ctx, 3), nil, "destroy again")
	newOSD("reuse a destroyed id", ceph.NewOSD{UUID: "aaaaaaaa-0000-4000-8000-000000000004", ID: id(3), Secret: other}, 3, nil)
	s.want(s.DestroyOSD(ctx, 3), nil, "destroy what was reused") // stays, as a destroyed OSD
	s.want(s.PurgeOSD(ctx, 7), nil, "purge")
	newOSD("one that never starts", ceph.NewOSD{UUID: another, ID: id(5), Secret: key}, 5, nil)

	release := map[string]string{"16.2.15": "pacific", "18.2.7": "reef", "20.2.4": "tentacle"}[*recordRelease]
	s.want(s.RequireOSDRelease(ctx, release), nil, "require release")
	s.want(s.RequireOSDRelease(ctx, "nautilus"), ceph.ErrRefused, "require an older release")
	s.want(s.RequireOSDRelease(ctx, "nothing"), ceph.ErrInvalid, "require no release")
}

func (s *scenario) flags() {
	ctx := s.ctx
	s.want(s.SetOSDFlag(ctx, "noout"), nil, "set flag")
	s.want(s.SetOSDFlag(ctx, "noout"), nil, "set it again")
	s.want(s.SetOSDFlag(ctx, "nothing"), ceph.ErrInvalid, "set no flag")
	s.want(s.UnsetOSDFlag(ctx, "norebalance"), nil, "unset what is not set")
	s.want(s.SetGroupFlag(ctx, "noout", "osd.1", "n0", "ssd"), nil, "set group flag")
	s.want(s.SetGroupFlag(ctx, "noout", "nothing"), ceph.ErrNotFound, "group flag for nobody")
	s.want(s.SetGroupFlag(ctx, "noout", "osd.42"), ceph.ErrNotFound, "group flag for no OSD")
	s.want(s.SetGroupFlag(ctx, "nothing", "osd.1"), ceph.ErrInvalid, "set no group flag")
	s.want(s.UnsetGroupFlag(ctx, "noout", "n0"), nil, "unset group flag")
	s.want(s.UnsetGroupFlag(ctx, "noout", "n0"), nil, "unset it again")
}

func (s *scenario) blocklist() {
	ctx := s.ctx
	for _, addr := range []string{"10.0.0.7:0/123456", "10.0.0.8:0/0", "[fd00::7]:0/5", "v2:10.0.0.10:6800/77"} {
		s.want(s.AddBlocklist(ctx, addr, time.Hour), nil, "fence "+addr)
	}
	s.want(s.AddBlocklist(ctx, "nothing", time.Hour), ceph.ErrInvalid, "fence nothing")
	s.want(s.RemoveBlocklist(ctx, "10.0.0.8:0/0"), nil, "lift a fence")
	s.want(s.RemoveBlocklist(ctx, "10.0.0.8:0/0"), nil, "lift it again")
	network := addBlocklist("10.1.0.0/16", time.Hour)
	network.Args["range"] = "range"
	s.want(s.act(ctx, network), nil, "fence a network")
	_, err := s.Blocklist(ctx)
	s.want(err, nil, "list fences")
	s.want(s.RemoveBlocklist(ctx, "cidr:10.1.0.0:0/16"), nil, "lift the fence of a network")
	var left []ceph.BlocklistEntry
	s.want(s.rec.as("osd-blocklist-ls-addresses", func() error { left, err = s.Blocklist(ctx); return err }), nil, "list fences")
	for _, e := range left {
		if e.Addr == "cidr:10.1.0.0:0/16" || e.Addr == "10.0.0.8:0/0" {
			s.t.Errorf("%s is still fenced", e.Addr)
		}
	}
	s.want(s.act(ctx, network), nil, "fence a network")
}

func (s *scenario) auth() {
	ctx := s.ctx
	read, write := ceph.Caps{"mon": "allow r"}, ceph.Caps{"mon": "allow r", "osd": "allow rw pool=images"}
	first, err := s.EnsureEntity(ctx, "client.u1", write)
	s.want(err, nil, "make a user")
	for _, caps := range []ceph.Caps{write, read, {}, write} {
		again, err := s.EnsureEntity(ctx, "client.u1", caps)
		s.want(err, nil, "ensure it")
		there, err := s.Entity(ctx, "client.u1")
		s.want(err, nil, "read it")
		if !again.Key.Equal(first.Key) || !there.Key.Equal(first.Key) || len(there.Caps) != len(caps) || len(again.Caps) != len(caps) {
			s.t.Errorf("got %v and %v for %v", again, there, caps)
		}
	}
	_, err = s.Entity(ctx, "client.nothing")
	s.want(err, ceph.ErrNotFound, "read no user")
	s.want(s.SetCaps(ctx, "client.nothing", read), ceph.ErrNotFound, "set caps of no user")
	_, err = s.EnsureEntity(ctx, "client.x", ceph.Caps{"mon": "nothing at all"})
	s.want(err, ceph.ErrInvalid, "make a user with no caps that parse")
	_, err = s.EnsureEntity(ctx, "client.x", ceph.Caps{"nothing": "allow r"})
	s.want(err, ceph.ErrInvalid, "make a user with caps for nothing")
	_, err = s.EnsureEntity(ctx, "nothing", read)
	s.want(err, ceph.ErrInvalid, "make a user of no type")

	chosen := ceph.Entity{Name: "client.u2", Key: ceph.NewSecret("AQD0MU9fAAAAABAAmYxDt8Cy7bT3rK1rB8ZzYQ=="), Caps: write}
	s.want(s.ImportEntity(ctx, chosen), nil, "import")
	s.want(s.ImportEntity(ctx, chosen), nil, "import it again")
	chosen.Caps = read
	s.want(s.ImportEntity(ctx, chosen), nil, "import it with other caps")
	other := chosen
	other.Key = ceph.NewSecret("AQD0MU9fAAAAABAAmYxDt8Cy7bT3rK1rB8ZzYA==")
	s.want(s.ImportEntity(ctx, other), ceph.ErrExists, "import it with another key")
	there, err := s.Entity(ctx, "client.u2")
	if !there.Key.Equal(chosen.Key) || len(there.Caps) != 1 {
		s.t.Errorf("got %v %v, want the first key and the last caps", there, err)
	}
	s.want(s.ImportEntity(ctx, ceph.Entity{Name: "client.u3", Key: ceph.NewSecret("nothing")}), ceph.ErrInvalid, "import no key")
	s.want(s.RemoveEntity(ctx, "client.nothing"), nil, "remove no user")
	s.want(s.RemoveEntity(ctx, "nothing"), ceph.ErrInvalid, "remove a user of no type")
	_, err = s.Entities(ctx)
	s.want(err, nil, "list users")
}

func (s *scenario) config() {
	ctx := s.ctx
	for _, o := range []ceph.ConfigOption{
		{Who: "osd/class:ssd", Option: "osd_recovery_sleep", Value: "0.1"},
		{Who: "osd/class:ssd/host:n1", Option: "osd_max_backfills", Value: "7"},
		{Who: "osd/rack:r1", Option: "osd_max_backfills", Value: "4"},
		{Who: "osd.2", Option: "osd_max_backfills", Value: "5"},
		{Who: "osd", Option: "osd_memory_target", Value: "4G"},
		{Who: "global", Option: "mon_max_pg_per_osd", Value: "900"},
		{Who: "mgr", Option: "mgr/balancer/active", Value: "false"},
		{Who: "client.rgw.a", Option: "rgw_zone", Value: "x"},
	} {
		s.want(s.SetConfig(ctx, o.Who, o.Option, o.Value), nil, "set "+o.Option)
	}
	s.want(s.SetConfig(ctx, "osd", "nothing", "1"), ceph.ErrInvalid, "set no option")
	s.want(s.SetConfig(ctx, "nothing", "osd_max_backfills", "1"), ceph.ErrInvalid, "set an option of nobody")
	s.want(s.SetConfig(ctx, "osd", "osd_max_backfills", "many"), ceph.ErrInvalid, "set no value")
	s.want(s.RemoveConfig(ctx, "osd", "osd_max_backfills"), nil, "remove what is not set")
}

func (s *scenario) mons() {
	ctx := s.ctx
	s.want(s.MonOKToStop(ctx, "c"), nil, "stop a mon")
	s.want(s.MonOKToStop(ctx, "b", "c"), ceph.ErrBusy, "stop two of three")
	s.want(s.MonOKToStop(ctx, "c", "nothing"), ceph.ErrNotFound, "stop no mon")
	s.want(s.RemoveMon(ctx, "nothing"), nil, "remove no mon")
	_, err := s.MonMap(ctx)
	s.want(err, nil, "monmap")
}

func (s *scenario) mgrs() {
	ctx := s.ctx
	s.want(s.EnableMgrModule(ctx, "nothing"), ceph.ErrNotFound, "enable no module")
	s.want(s.EnableMgrModule(ctx, "balancer"), nil, "enable what is always on")
	s.want(s.DisableMgrModule(ctx, "balancer"), ceph.ErrInvalid, "disable what is always on")
	s.want(s.DisableMgrModule(ctx, "nothing"), nil, "disable no module")
	s.want(s.DisableMgrModule(ctx, "iostat"), nil, "disable")
	s.want(s.FailMgr(ctx, "nothing"), nil, "fail no mgr")
	unknown := Request{Op: "osd frobnicate", Target: Mon()}
	s.want(s.act(ctx, unknown), ceph.ErrUnsupported, "no command of a mon")
	unknown.Target = Mgr()
	s.want(s.act(ctx, unknown), ceph.ErrUnsupported, "no command of a mgr")
}

func (s *scenario) health() {
	ctx := s.ctx
	s.want(s.MuteHealth(ctx, "OSDMAP_FLAGS"), nil, "mute")
	s.want(s.MuteHealth(ctx, "NOTHING"), nil, "mute what is not raised")
	s.want(s.UnmuteHealth(ctx, "NOTHING"), nil, "unmute")
	s.want(s.UnmuteHealth(ctx, "NOTHING"), nil, "unmute again")
}

// downOSD asks about stopping and destroying OSDs, while all are up and while
// one is down. It leaves osd.2 down.
func (s *scenario) downOSD() {
	ctx := s.ctx
	s.until("PGs clean", func() bool { return s.allPGs("active+clean") })
	s.okToStop("yes", true, 0)
	s.okToStop("no", false, 0, 1)
	_, err := s.OSDOKToStop(ctx, 42)
	s.want(err, ceph.ErrNotFound, "ok to stop nothing")
	safe, err := s.OSDSafeToDestroy(ctx, 0, 5)
	s.want(err, nil, "safe to destroy")
	if len(safe.Safe) != 1 || len(safe.Active) != 1 {
		s.t.Errorf("got %+v, want osd.0 active and osd.5, which never started, safe", safe)
	}
	if !strings.Contains(safe.Explanation, "currently mapped") {
		s.t.Errorf("got the explanation %q, want Ceph's", safe.Explanation)
	}
	pgs, err := s.PGsOfOSD(ctx, 0)
	s.want(err, nil, "PGs of an OSD")
	if len(pgs) == 0 {
		s.t.Error("osd.0 has no PGs")
	}
	_, err = s.PGsOfOSD(ctx, 42)
	s.want(err, ceph.ErrNotFound, "PGs of nothing")

	s.want(s.SetOSDFlag(ctx, "noup"), nil, "keep OSDs down")
	s.want(s.OSDDown(ctx, 2), nil, "mark down")
	s.until("PGs undersized", func() bool { return !s.allPGs("active+clean") && s.noPG("peering", "unknown", "stale") })
	_, err = s.PGsOfOSD(ctx, 2)
	s.want(err, ceph.ErrAgain, "PGs of an OSD that is down")
	s.okToStop("degraded", false, 0)
	s.okToStop("other", false, 1)
	s.want(s.rec.as("osd-safe-to-destroy-degraded", func() error {
		safe, err := s.OSDSafeToDestroy(ctx, 0, 5)
		if len(safe.Safe) != 0 || len(safe.Active) != 1 || len(safe.MissingStats) != 1 {
			s.t.Errorf("got %+v, want osd.0 active and osd.5 without stats", safe)
		}
		return err
	}), nil, "safe to destroy while degraded")
}

// okToStop checks the verdict, which is to be right on each release.
func (s *scenario) okToStop(name string, want bool, ids ...int) {
	s.want(s.rec.as("osd-ok-to-stop-"+name, func() error {
		_, _, err := askVerdict[okToStopAnswer](s.ctx, s.Admin, osdOKToStop(ids))
		return err
	}), nil, "ok-to-stop "+name)
	got, err := s.OSDOKToStop(s.ctx, ids...)
	s.want(err, nil, "ok-to-stop "+name)
	if got.OK != want || !got.OK && (got.Inactive == 0 || got.Explanation == "") || got.PGs == 0 {
		s.t.Errorf("ok to stop %v: got %+v, want %v", ids, got, want)
	}
}

func (s *scenario) allPGs(state string) bool {
	sum := s.pgSummary()
	return len(sum.ByState) == 1 && sum.ByState[0].State == state
}

func (s *scenario) noPG(states ...string) bool {
	for _, in := range s.pgSummary().ByState {
		for _, state := range states {
			if (pgStat{State: &in.State}).has(state) {
				return false
			}
		}
	}
	return true
}

func (s *scenario) pgSummary() ceph.PGSummary {
	answer, err := ask[statusAnswer](s.ctx, s.Admin, status())
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.pgs()
}

// reads records the state that was made, for everything that has no state of its own.
func (s *scenario) reads() {
	ctx := s.ctx
	snap, err := s.Snapshot(ctx)
	s.want(err, nil, "snapshot")
	if err == nil && (len(snap.OSDs) != 5 || len(snap.Pools) < 5 || snap.Commands != ceph.MaxSnapshotCommands) {
		s.t.Errorf("snapshot has %d OSDs, %d pools, %d commands", len(snap.OSDs), len(snap.Pools), snap.Commands)
	}
	for what, read := range map[string]func() error{
		"crush":       func() error { _, err := s.CRUSHMap(ctx); return err },
		"pools":       func() error { _, err := s.Pools(ctx); return err },
		"devices":     func() error { _, err := s.Devices(ctx); return err },
		"versions":    func() error { _, err := s.Versions(ctx); return err },
		"quorum":      func() error { _, err := s.QuorumStatus(ctx); return err },
		"health":      func() error { _, err := s.Health(ctx); return err },
		"filesystems": func() error { _, err := s.Filesystems(ctx); return err },
	} {
		s.want(read(), nil, what)
	}
	_, err = s.PGsOfOSD(ctx, 0)
	s.want(err, nil, "PGs")
	_, err = s.PGStates(ctx)
	s.want(err, nil, "states of PGs")
}
