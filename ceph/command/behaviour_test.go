package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// crushMap has the rack r1 with the host n1 and osd.0 of the class hdd, the rack
// r2, and a rule on the class ssd.
const crushMap = `{
	"devices":[{"id":0,"name":"osd.0","class":"hdd"},{"id":1,"name":"osd.1","class":"ssd"}],
	"types":[{"type_id":0,"name":"osd"},{"type_id":1,"name":"host"},{"type_id":3,"name":"rack"},{"type_id":11,"name":"root"}],
	"buckets":[
		{"id":-1,"name":"default","type_name":"root","weight":65536,"items":[{"id":-2,"weight":65536},{"id":-4,"weight":0}]},
		{"id":-2,"name":"r1","type_name":"rack","weight":65536,"items":[{"id":-3,"weight":65536}]},
		{"id":-3,"name":"n1","type_name":"host","weight":65536,"items":[{"id":0,"weight":65536}]},
		{"id":-4,"name":"r2","type_name":"rack","weight":0,"items":[]}],
	"rules":[{"rule_id":1,"rule_name":"fast","type":1,"steps":[
		{"op":"take","item":-5,"item_name":"default~ssd"},{"op":"chooseleaf_firstn","num":0,"type":"host"},{"op":"emit"}]}]}`

const (
	oldProfile = `{"crush-device-class":"","crush-failure-domain":"host","crush-root":"default","k":"2","m":"1","plugin":"jerasure"}`
	override   = "will not override erasure code profile p because the existing profile {} is different from the proposed profile {}"
	forbidden  = "pool deletion is disabled; you must first set the mon_allow_pool_delete config option to true before you can destroy a pool"
	filled     = `{"status":{"state":"in-progress","source":{"volume":"fs1","subvolume":"v1","snapshot":"s1","group":"g1"}}}`
	canceled   = `{"status":{"state":"canceled","source":{"volume":"fs1","subvolume":"v1","snapshot":"s1","group":"g1"}}}`
	userU      = `[{"entity":"client.u","key":"` + dummyKey + `","caps":{"mon":"allow r"}}]`
	threeMons  = `{"election_epoch":1,"quorum_names":["a","b"],"quorum_leader_name":"a","monmap":{"epoch":1,"fsid":"f","min_mon_release":20,"mons":[` +
		`{"rank":0,"name":"a","public_addrs":{"addrvec":[]}},{"rank":1,"name":"b","public_addrs":{"addrvec":[]}}]}}`
)

var (
	inHost       = ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: "r1"}, {Type: "host", Name: "n1"}}
	inOther      = ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: "r2"}, {Type: "host", Name: "n1"}}
	someClone    = ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: someGroup, Name: "c1"}}
	fastRule     = ceph.ReplicatedRule{Name: "fast", FailureDomain: "host", DeviceClass: "ssd"}
	codedProfile = ceph.ErasureProfile{Name: "p", DataChunks: 2, CodingChunks: 1}
	someKey      = ceph.NewSecret(dummyKey)
)

var daemonBehaviours = []behaviour{
	{"remove the last mon", func(ctx context.Context, a *Admin) error { return a.RemoveMon(ctx, "a") }, []answer{
		{op: "mon rm", errno: ceph.EINVAL, status: "error: refusing removal of last monitor a"},
	}, ceph.ErrRefused},
	{"stop a mon", func(ctx context.Context, a *Admin) error { return a.MonOKToStop(ctx, "b") }, []answer{
		{op: "quorum_status", output: threeMons},
		{op: "mon ok-to-stop", errno: ceph.EBUSY, status: "not enough monitors would be available (a) after stopping mons [b]"},
	}, ceph.ErrBusy},
	{"stop a mon that is not there", func(ctx context.Context, a *Admin) error { return a.MonOKToStop(ctx, "a", "z") }, []answer{
		{op: "quorum_status", output: threeMons},
	}, ceph.ErrNotFound},
	{"stop no mon", func(ctx context.Context, a *Admin) error { return a.MonOKToStop(ctx) }, nil, ceph.ErrInvalid},
	{"disable an always-on module", func(ctx context.Context, a *Admin) error { return a.DisableMgrModule(ctx, "balancer") }, []answer{
		{op: "mgr module disable", errno: ceph.EPERM, status: "module 'balancer' cannot be disabled (always-on), use 'ceph mgr module force disable' command to disable an always-on module"},
	}, ceph.ErrInvalid},
	{"fail whichever mgr", func(ctx context.Context, a *Admin) error { return a.FailMgr(ctx, "") }, nil, ceph.ErrInvalid},
}

var osdBehaviours = []behaviour{
	{"OSD id of another", func(ctx context.Context, a *Admin) error { _, err := a.NewOSD(ctx, ceph.NewOSD{UUID: "u"}); return err }, []answer{
		{op: "osd new", errno: ceph.EINVAL, status: "id 3 already in use and does not match uuid u"},
	}, ceph.ErrExists},
	{"purge an OSD that is up", func(ctx context.Context, a *Admin) error { return a.PurgeOSD(ctx, 0) }, []answer{
		{op: "osd purge-actual", errno: ceph.EBUSY, status: "osd.0 is not `down`."},
	}, ceph.ErrBusy},
	{"purge an OSD that is not there", func(ctx context.Context, a *Admin) error { return a.PurgeOSD(ctx, 42) }, []answer{
		{op: "osd purge-actual", status: "osd.42 does not exist"},
	}, nil},
	{"destroy an OSD that is not there", func(ctx context.Context, a *Admin) error { return a.DestroyOSD(ctx, 42) }, []answer{
		{op: "osd destroy-actual", status: "osd.42 does not exist"},
	}, ceph.ErrNotFound},
	{"purge no OSD", func(ctx context.Context, a *Admin) error { return a.PurgeOSD(ctx, -1) }, nil, ceph.ErrInvalid},
	{"mark no OSD out", func(ctx context.Context, a *Admin) error { return a.OSDOut(ctx) }, nil, ceph.ErrInvalid},
	{"mark OSDs out", func(ctx context.Context, a *Admin) error { return a.OSDOut(ctx, 0, 42) }, []answer{
		{op: "osd out", status: "marked out osd.0. osd.42 does not exist. "},
	}, ceph.ErrNotFound},
	{"flag nobody", func(ctx context.Context, a *Admin) error { return a.SetGroupFlag(ctx, "noout", "x") }, []answer{
		{op: "osd set-group", errno: ceph.EINVAL, status: `unable to parse osd id or crush node or device class: "x". `},
	}, ceph.ErrNotFound},
	{"flag no name", func(ctx context.Context, a *Admin) error { return a.UnsetGroupFlag(ctx, "noout") }, nil, ceph.ErrInvalid},
	{"lower the release", func(ctx context.Context, a *Admin) error { return a.RequireOSDRelease(ctx, "reef") }, []answer{
		{op: "osd require-osd-release", errno: ceph.EPERM, status: "require_osd_release cannot be lowered once it has been set"},
	}, ceph.ErrRefused},
	{"fence for no time", func(ctx context.Context, a *Admin) error { return a.AddBlocklist(ctx, "10.0.0.7:0/0", 0) }, nil, ceph.ErrInvalid},
	{"PGs of an OSD that is down", func(ctx context.Context, a *Admin) error { _, err := a.PGsOfOSD(ctx, 3); return err }, []answer{
		{op: "pg ls-by-osd", errno: ceph.EAGAIN, status: "osd 3 is not up", output: `{"pg_ready":true}`},
		{op: "osd find", output: `{}`},
	}, ceph.ErrAgain},
	{"PGs of an OSD that is not there", func(ctx context.Context, a *Admin) error { _, err := a.PGsOfOSD(ctx, 3); return err }, []answer{
		{op: "pg ls-by-osd", errno: ceph.EAGAIN, status: "osd 3 is not up", output: `{"pg_ready":true}`},
		{op: "osd find", errno: ceph.ENOENT, status: "osd.3 does not exist"},
	}, ceph.ErrNotFound},
	{"PGs of an OSD that has none", func(ctx context.Context, a *Admin) error {
		pgs, err := a.PGsOfOSD(ctx, 3)
		if err == nil && len(pgs) > 0 {
			err = fmt.Errorf("%d PGs", len(pgs))
		}
		return err
	}, []answer{{op: "pg ls-by-osd", output: `{"pg_ready":true}`}}, nil},
	{"PGs of a mgr that says that it knows none", func(ctx context.Context, a *Admin) error { _, err := a.PGsOfOSD(ctx, 3); return err }, []answer{
		{op: "pg ls-by-osd", output: `{"pg_ready":false}`},
	}, ceph.ErrAgain},
	{"states of PGs that a mgr does not know", func(ctx context.Context, a *Admin) error { _, err := a.PGStates(ctx); return err }, []answer{
		{op: "pg stat", status: staleWarning + "\n", output: `{"pg_ready":true,"pg_summary":{"num_pg_by_state":[]}}`},
	}, ceph.ErrAgain},
	{"states of PGs of a mgr that says that it knows none", func(ctx context.Context, a *Admin) error { _, err := a.PGStates(ctx); return err }, []answer{
		{op: "pg stat", output: `{"pg_ready":false,"pg_summary":{"num_pg_by_state":[]}}`},
	}, ceph.ErrAgain},
	{"PGs of a mgr that just started", func(ctx context.Context, a *Admin) error { _, err := a.PGsOfOSD(ctx, 3); return err }, []answer{
		{op: "pg ls-by-osd", status: staleWarning + "\n", output: `{"pg_ready":false}`},
	}, ceph.ErrAgain},
}

var crushBehaviours = []behaviour{
	{"add a bucket twice", func(ctx context.Context, a *Admin) error { return a.AddBucket(ctx, "r1", "rack") }, []answer{
		{op: "osd crush add-bucket", status: "bucket 'r1' already exists"}, {op: "osd crush dump", output: crushMap},
	}, nil},
	{"add a bucket of another type", func(ctx context.Context, a *Admin) error { return a.AddBucket(ctx, "r1", "host") }, []answer{
		{op: "osd crush add-bucket", status: "bucket 'r1' already exists"}, {op: "osd crush dump", output: crushMap},
	}, ceph.ErrExists},
	{"add a bucket with an OSD's name", func(ctx context.Context, a *Admin) error { return a.AddBucket(ctx, "osd.3", "host") }, nil, ceph.ErrInvalid},
	{"remove an OSD as a bucket", func(ctx context.Context, a *Admin) error { return a.RemoveBucket(ctx, "osd.3") }, nil, ceph.ErrInvalid},
	{"remove a full bucket", func(ctx context.Context, a *Admin) error { return a.RemoveBucket(ctx, "r1") }, []answer{
		{op: "osd crush rm", errno: ceph.ENOTEMPTY, status: "(39) Directory not empty"},
	}, ceph.ErrBusy},
	{"place", func(ctx context.Context, a *Admin) error { return a.PlaceOSD(ctx, 0, 1, inHost) }, []answer{
		{op: "osd crush dump", output: crushMap}, {op: "osd crush add", status: "add item id 0"},
	}, nil},
	{"place, a level left out", func(ctx context.Context, a *Admin) error {
		return a.PlaceOSD(ctx, 0, 1, ceph.Location{inHost[0], inHost[2]})
	}, []answer{{op: "osd crush dump", output: crushMap}, {op: "osd crush add"}}, nil},
	{"place on a host of another rack", func(ctx context.Context, a *Admin) error { return a.PlaceOSD(ctx, 0, 1, inOther) }, []answer{
		{op: "osd crush dump", output: crushMap},
	}, ceph.ErrExists},
	{"place in a host that is a rack", func(ctx context.Context, a *Admin) error {
		return a.PlaceOSD(ctx, 0, 1, ceph.Location{{Type: "host", Name: "r1"}})
	}, []answer{{op: "osd crush dump", output: crushMap}}, ceph.ErrExists},
	{"place with a negative weight", func(ctx context.Context, a *Admin) error { return a.PlaceOSD(ctx, 0, -1, inHost) }, nil, ceph.ErrInvalid},
	{"place nowhere", func(ctx context.Context, a *Admin) error { return a.PlaceOSD(ctx, 0, 1, nil) }, nil, ceph.ErrInvalid},
	{"change the class", func(ctx context.Context, a *Admin) error { return a.SetDeviceClass(ctx, "ssd", 0, 1) }, []answer{
		{op: "osd crush set-device-class", errno: ceph.EBUSY, status: "osd.0 has already bound to class 'hdd', can not reset class to 'ssd'; use 'ceph osd crush rm-device-class <id>' to remove old class first"},
		{op: "osd crush dump", output: crushMap},
		{op: "osd crush rm-device-class", status: "done removing class of osd(s): 0"},
		{op: "osd crush set-device-class", status: "set osd(s) 0 to class 'ssd'"},
	}, nil},
	{"the same rule", func(ctx context.Context, a *Admin) error { return a.CreateReplicatedRule(ctx, fastRule) }, []answer{
		{op: "osd crush rule create-replicated", status: "rule fast already exists"}, {op: "osd crush dump", output: crushMap},
	}, nil},
	{"another rule of that name", func(ctx context.Context, a *Admin) error {
		return a.CreateReplicatedRule(ctx, ceph.ReplicatedRule{Name: "fast", FailureDomain: "rack", DeviceClass: "ssd"})
	}, []answer{
		{op: "osd crush rule create-replicated", status: "rule fast already exists"}, {op: "osd crush dump", output: crushMap},
	}, ceph.ErrExists},
	{"a rule in use", func(ctx context.Context, a *Admin) error { return a.RemoveRule(ctx, "fast") }, []answer{
		{op: "osd crush rule rm", errno: ceph.EBUSY, status: "crush rule fast (1) is in use"},
	}, ceph.ErrBusy},
	{"a rule without its profile", func(ctx context.Context, a *Admin) error { return a.CreateErasureRule(ctx, "r", "p") }, []answer{
		{op: "osd crush rule create-erasure", errno: ceph.EINVAL, status: "cannot determine the erasure code plugin because there is no 'plugin' entry in the erasure_code_profile {}"},
	}, ceph.ErrNotFound},
	{"the same profile but for the default plugin", func(ctx context.Context, a *Admin) error { return a.SetErasureProfile(ctx, codedProfile) }, []answer{
		{op: "osd erasure-code-profile set", errno: ceph.EPERM, status: override}, {op: "osd erasure-code-profile get", output: oldProfile},
	}, nil},
	{"another profile of that name", func(ctx context.Context, a *Admin) error {
		other := codedProfile
		other.DeviceClass = "ssd"
		return a.SetErasureProfile(ctx, other)
	}, []answer{
		{op: "osd erasure-code-profile set", errno: ceph.EPERM, status: override}, {op: "osd erasure-code-profile get", output: oldProfile},
	}, ceph.ErrExists},
}

var poolBehaviours = []behaviour{
	{"create a pool twice", func(ctx context.Context, a *Admin) error { return a.CreatePool(ctx, ceph.PoolSpec{Name: "p"}) }, []answer{
		{op: "osd pool create", status: "pool 'p' already exists"},
	}, ceph.ErrExists},
	{"create a pool in vain", func(ctx context.Context, a *Admin) error { return a.CreatePool(ctx, ceph.PoolSpec{Name: "p"}) }, []answer{
		{op: "osd pool create", status: "pool names beginning with . are not allowed"},
	}, ceph.ErrRefused},
	{"create a pool in three steps", func(ctx context.Context, a *Admin) error {
		return a.CreatePool(ctx, ceph.PoolSpec{Name: "p", Type: ceph.Erasure, MinSize: 3, OverwritesOnECPool: true})
	}, []answer{
		{op: "osd pool create", status: "pool 'p' created"},
		{op: "osd pool set", status: "set pool 5 min_size to 3"}, {op: "osd pool set", status: "set pool 5 allow_ec_overwrites to true"},
	}, nil},
	{"create a pool whose second step fails", func(ctx context.Context, a *Admin) error {
		return a.CreatePool(ctx, ceph.PoolSpec{Name: "p", MinSize: 9})
	}, []answer{
		{op: "osd pool create", status: "pool 'p' created"},
		{op: "osd pool set", errno: ceph.EINVAL, status: "pool min_size must be between 1 and size, which is set to 3"},
	}, ceph.ErrInvalid},
	{"create a pool of Ceph's own", func(ctx context.Context, a *Admin) error { return a.CreatePool(ctx, ceph.PoolSpec{Name: ".p"}) }, nil, ceph.ErrInvalid},
	{"create a coded pool with a size", func(ctx context.Context, a *Admin) error {
		return a.CreatePool(ctx, ceph.PoolSpec{Name: "p", Type: ceph.Erasure, Size: 3})
	}, nil, ceph.ErrInvalid},
	{"tag a pool twice", func(ctx context.Context, a *Admin) error { return a.EnableApplication(ctx, "p", "rgw") }, []answer{
		{op: "osd pool application enable", errno: ceph.EPERM, status: "Are you SURE? Pool 'p' already has an enabled application; pass --yes-i-really-mean-it to proceed anyway"},
	}, ceph.ErrExists},
	{"keep a value", func(ctx context.Context, a *Admin) error { return a.SetApplicationValue(ctx, "p", "rbd", "k", "v") }, []answer{
		{op: "osd pool application set"},
	}, nil},
	{"keep a value beside a tag that is not there", func(ctx context.Context, a *Admin) error {
		return a.SetApplicationValue(ctx, "p", "rbd", "k", "v")
	}, []answer{
		{op: "osd pool application set", errno: ceph.ENOENT, status: "application 'rbd' is not enabled on pool 'p'"},
	}, ceph.ErrNotFound},
	{"set a quota", func(ctx context.Context, a *Admin) error { return a.SetPoolQuota(ctx, "p", ceph.PoolQuota{Bytes: 1}) }, []answer{
		{op: "osd pool set-quota"}, {op: "osd pool set-quota"},
	}, nil},
}

var authBehaviours = []behaviour{
	{"ensure a user", func(ctx context.Context, a *Admin) error { return ensure(ctx, a, ceph.Caps{"mon": "allow r"}) }, []answer{
		{op: "auth get-or-create", output: userU},
	}, nil},
	{"ensure a user with fewer caps", func(ctx context.Context, a *Admin) error { return ensure(ctx, a, nil) }, []answer{
		{op: "auth get-or-create", output: userU}, {op: "auth caps", status: "updated caps for client.u", output: userU},
	}, nil},
	{"ensure a user with other caps", func(ctx context.Context, a *Admin) error { return ensure(ctx, a, ceph.Caps{"mon": "allow rw"}) }, []answer{
		{op: "auth get-or-create", errno: ceph.EINVAL, status: "key for client.u exists but cap mon does not match"},
		{op: "auth get", output: userU}, {op: "auth caps", status: "updated caps for client.u"},
	}, nil},
	{"another user's answer", func(ctx context.Context, a *Admin) error { _, err := a.Entity(ctx, "client.v"); return err }, []answer{
		{op: "auth get", output: userU},
	}, ceph.ErrMalformed},
	{"import a user with other caps", func(ctx context.Context, a *Admin) error {
		return a.ImportEntity(ctx, ceph.Entity{Name: "client.u", Key: someKey})
	}, []answer{
		{op: "auth add", errno: ceph.EINVAL, status: "entity client.u exists but caps do not match"}, {op: "auth caps"},
	}, nil},
	{"import a user with another key", func(ctx context.Context, a *Admin) error {
		return a.ImportEntity(ctx, ceph.Entity{Name: "client.u", Key: someKey})
	}, []answer{
		{op: "auth add", errno: ceph.EEXIST, status: "entity client.u exists but key does not match"},
	}, ceph.ErrExists},
	{"import a user without a key", func(ctx context.Context, a *Admin) error { return a.ImportEntity(ctx, ceph.Entity{Name: "client.u"}) }, nil, ceph.ErrInvalid},
	{"import a second user along", func(ctx context.Context, a *Admin) error {
		return a.ImportEntity(ctx, ceph.Entity{Name: "client.u", Key: ceph.NewSecret("x\n[client.v]\nkey=x")})
	}, nil, ceph.ErrInvalid},
	{"caps do not suffice", func(ctx context.Context, a *Admin) error { return a.RemoveEntity(ctx, "client.u") }, []answer{
		{op: "auth rm", errno: ceph.EACCES, status: "access denied"},
	}, ceph.ErrPermission},
}

var filesystemBehaviours = []behaviour{
	{"the same filesystem on other pools", func(ctx context.Context, a *Admin) error { return a.CreateFilesystem(ctx, "fs1", "m", "d") }, []answer{
		{op: "fs new", errno: ceph.EINVAL, status: "filesystem already exists with name 'fs1'"},
	}, ceph.ErrExists},
	{"add a data pool twice", func(ctx context.Context, a *Admin) error { return a.AddDataPool(ctx, "fs1", "d") }, []answer{
		{op: "fs add_data_pool", errno: ceph.EINVAL, status: "RADOS pool 'd' is already used by filesystem 'fs1' as a 'data' pool for application 'cephfs'"},
		{op: "fs ls", output: `[{"name":"fs1","data_pools":["c","d"]}]`},
	}, nil},
	{"add the data pool of another", func(ctx context.Context, a *Admin) error { return a.AddDataPool(ctx, "fs2", "d") }, []answer{
		{op: "fs add_data_pool", errno: ceph.EINVAL, status: "RADOS pool 'd' is already used by filesystem 'fs1' as a 'data' pool for application 'cephfs'"},
		{op: "fs ls", output: `[{"name":"fs1","data_pools":["c","d"]},{"name":"fs2","data_pools":["e"]}]`},
	}, ceph.ErrInvalid},
	{"remove a filesystem that runs", func(ctx context.Context, a *Admin) error { return a.RemoveFilesystem(ctx, "fs1") }, []answer{
		{op: "fs rm", errno: ceph.EINVAL, status: "all MDS daemons must be inactive/failed before removing filesystem. See `ceph fs fail`."},
	}, ceph.ErrBusy},
}

var subvolumeBehaviours = []behaviour{
	{"remove no group", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolumeGroup(ctx, someGroup) }, []answer{
		{op: "fs subvolumegroup rm", errno: ceph.ENOENT, status: "subvolume group 'g1' does not exist"},
	}, nil},
	{"remove a group of no filesystem", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolumeGroup(ctx, someGroup) }, []answer{
		{op: "fs subvolumegroup rm", errno: ceph.ENOENT, status: "FS 'fs1' not found"},
	}, ceph.ErrNotFound},
	{"a group outside of its directory", func(ctx context.Context, a *Admin) error {
		return a.CreateSubvolumeGroup(ctx, ceph.GroupRef{Filesystem: "fs1", Group: "../x"}, "")
	}, nil, ceph.ErrInvalid},
	{"a subvolume named ..", func(ctx context.Context, a *Admin) error {
		return a.RemoveSubvolume(ctx, ceph.SubvolumeRef{GroupRef: someGroup, Name: ".."})
	}, nil, ceph.ErrInvalid},
	{"a handler that fails", func(ctx context.Context, a *Admin) error { return a.CreateSubvolumeGroup(ctx, someGroup, "") }, []answer{
		{op: "fs subvolumegroup create", errno: ceph.EINVAL, status: "Traceback (most recent call last):\n  File \"group.py\", line 284\ncephfs.ObjectNotFound: error in mkdir /volumes/a: No such file or directory [Errno 2]\n"},
	}, ceph.ErrRefused},
	{"shrink to less than nothing", func(ctx context.Context, a *Admin) error { return a.ResizeSubvolume(ctx, someSubvolume, -1) }, nil, ceph.ErrInvalid},
	{"create with less than nothing", func(ctx context.Context, a *Admin) error {
		return a.CreateSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: someSubvolume, Size: -1})
	}, nil, ceph.ErrInvalid},
	{"remove what is retained", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolume(ctx, someSubvolume) }, []answer{
		{op: "fs subvolume rm", errno: ceph.ENOENT, status: `subvolume "v1" is removed and has only snapshots retained`},
	}, ceph.ErrBusy},
	{"remove a clone under way", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolume(ctx, someSubvolume) }, []answer{
		{op: "fs subvolume rm", errno: ceph.EAGAIN, status: `subvolume "v1" is not ready for operation "rm" (use --force to override)`},
		{op: "fs clone status", output: filled},
	}, ceph.ErrAgain},
	{"remove a canceled clone", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolume(ctx, someSubvolume) }, []answer{
		{op: "fs subvolume rm", errno: ceph.EAGAIN, status: `subvolume "v1" is not ready for operation "rm" (use --force to override)`},
		{op: "fs clone status", output: canceled}, {op: "fs subvolume rm"},
	}, nil},
	{"retire what is retained", func(ctx context.Context, a *Admin) error { return a.RetireSubvolume(ctx, someSubvolume) }, []answer{
		{op: "fs subvolume rm", errno: ceph.ENOENT, status: `subvolume "v1" is removed and has only snapshots retained`},
	}, nil},
	{"retire what does not exist", func(ctx context.Context, a *Admin) error { return a.RetireSubvolume(ctx, someSubvolume) }, []answer{
		{op: "fs subvolume rm", errno: ceph.ENOENT, status: "subvolume 'v1' does not exist"},
	}, nil},
	{"metadata of what is retained", func(ctx context.Context, a *Admin) error {
		_, err := a.SubvolumeMetadata(ctx, someSubvolume)
		return err
	}, []answer{
		{op: "fs subvolume metadata ls", errno: ceph.ENOENT, status: `subvolume "v1" is removed and has only snapshots retained`},
	}, ceph.ErrNotFound},
	{"metadata that is none", func(ctx context.Context, a *Admin) error {
		_, err := a.SubvolumeMetadata(ctx, someSubvolume)
		return err
	}, []answer{
		{op: "fs subvolume metadata ls", output: `["a"]`},
	}, ceph.ErrMalformed},
	{"metadata with a percent sign", func(ctx context.Context, a *Admin) error {
		return a.SetSubvolumeMetadata(ctx, someSubvolume, "k", "50%")
	}, nil, ceph.ErrInvalid},
	{"remove no key", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolumeMetadata(ctx, someSubvolume, "k") }, []answer{
		{op: "fs subvolume metadata rm", errno: ceph.ENOENT, status: "subvolume metadata does not exist"},
	}, nil},
	{"cancel a clone that has ended", func(ctx context.Context, a *Admin) error { return a.CancelClone(ctx, someSubvolume) }, []answer{
		{op: "fs clone cancel", errno: ceph.EINVAL, status: "cannot cancel -- clone finished (check clone status)"},
	}, nil},
	{"cancel a clone that Ceph cannot", func(ctx context.Context, a *Admin) error { return a.CancelClone(ctx, someSubvolume) }, []answer{
		{op: "fs clone cancel", errno: ceph.EINVAL, status: "error canceling clone"},
	}, ceph.ErrAgain},
	{"cancel no clone", func(ctx context.Context, a *Admin) error { return a.CancelClone(ctx, someSubvolume) }, []answer{
		{op: "fs clone cancel", errno: ceph.EOPNOTSUPP, status: "operation 'clone-cancel' is not allowed on subvolume 'v1' of type subvolume"},
	}, ceph.ErrInvalid},
	{"a snapshot with a fraction of a second", func(ctx context.Context, a *Admin) error { _, err := a.SubvolumeSnapshot(ctx, someSnap); return err }, []answer{
		{op: "fs subvolume snapshot info", output: `{"created_at":"2022-06-14 13:54:58.618769","data_pool":"d","has_pending_clones":"no","size":4}`},
	}, nil},
	{"remove no snapshot", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolumeSnapshot(ctx, someSnap) }, []answer{
		{op: "fs subvolume snapshot rm", errno: ceph.ENOENT, status: "snapshot 'b's1'' does not exist"},
	}, nil},
	{"remove a snapshot with clones", func(ctx context.Context, a *Admin) error { return a.RemoveSubvolumeSnapshot(ctx, someSnap) }, []answer{
		{op: "fs subvolume snapshot rm", errno: ceph.EAGAIN, status: "snapshot 's1' has pending clones"},
	}, ceph.ErrAgain},
	{"clone twice", func(ctx context.Context, a *Admin) error { return a.CloneSubvolume(ctx, someSnap, someClone) }, []answer{
		{op: "fs subvolume snapshot clone", errno: ceph.EEXIST, status: "subvolume 'c1' exists"}, {op: "fs clone status", output: filled},
	}, nil},
	{"clone twice, the first is complete", func(ctx context.Context, a *Admin) error { return a.CloneSubvolume(ctx, someSnap, someClone) }, []answer{
		{op: "fs subvolume snapshot clone", errno: ceph.EEXIST, status: "subvolume 'c1' exists"},
		{op: "fs clone status", output: `{"status":{"state":"complete"}}`},
	}, nil},
	{"clone another snapshot", func(ctx context.Context, a *Admin) error {
		other := someSnap
		other.Snapshot = "s2"
		return a.CloneSubvolume(ctx, other, someClone)
	}, []answer{
		{op: "fs subvolume snapshot clone", errno: ceph.EEXIST, status: "subvolume 'c1' exists"}, {op: "fs clone status", output: filled},
	}, ceph.ErrExists},
	{"clone onto a subvolume", func(ctx context.Context, a *Admin) error { return a.CloneSubvolume(ctx, someSnap, someClone) }, []answer{
		{op: "fs subvolume snapshot clone", errno: ceph.EEXIST, status: "subvolume 'c1' exists"},
		{op: "fs clone status", errno: ceph.EOPNOTSUPP, status: "operation 'clone-status' is not allowed on subvolume 'c1' of type subvolume"},
	}, ceph.ErrExists},
	{"clone into another filesystem", func(ctx context.Context, a *Admin) error {
		other := someClone
		other.Filesystem = "fs2"
		return a.CloneSubvolume(ctx, someSnap, other)
	}, nil, ceph.ErrInvalid},
	{"clone with a size", func(ctx context.Context, a *Admin) error {
		other := someClone
		other.Size = 1
		return a.CloneSubvolume(ctx, someSnap, other)
	}, nil, ceph.ErrInvalid},
}

var releaseBehaviours = []behaviour{
	{"a release without the command", func(ctx context.Context, a *Admin) error { return a.MuteHealth(ctx, "X") }, []answer{
		{op: "health mute", errno: ceph.EINVAL, status: "command not known"},
	}, ceph.ErrUnsupported},
	{"a mgr without the command", func(ctx context.Context, a *Admin) error { _, err := a.Devices(ctx); return err }, []answer{
		{op: "device ls", errno: ceph.EINVAL, status: staleWarning + "\nNo handler found for 'device ls'"},
	}, ceph.ErrUnsupported},
	{"a mgr without the module", func(ctx context.Context, a *Admin) error { _, err := a.ListSubvolumes(ctx, someGroup); return err }, []answer{
		{op: "fs subvolume ls", errno: ceph.EOPNOTSUPP, status: "Module 'volumes' is not enabled/loaded (required by command 'fs subvolume ls'): use `ceph mgr module enable volumes` to enable it"},
	}, ceph.ErrUnsupported},
}

// behaviour is a call, what a real daemon said to it (see refusals.json in
// testdata), and the kind of error that package ceph promises.
type behaviour struct {
	name   string
	call   func(ctx context.Context, a *Admin) error
	script []answer
	kind   error
}

func TestBehaviour(t *testing.T) {
	t.Parallel()
	for _, tc := range slices.Concat(
		daemonBehaviours, osdBehaviours, crushBehaviours, poolBehaviours, authBehaviours,
		filesystemBehaviours, subvolumeBehaviours, releaseBehaviours,
	) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := &scripted{t: t, answers: tc.script}
			err := tc.call(t.Context(), newAdmin(c))
			c.allSent()
			if tc.kind == nil && err != nil || tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Fatalf("got %v, want %v", err, tc.kind)
			}
			var e *ceph.Error
			if err != nil && (!errors.As(err, &e) || e.Op == "" || e.Text == "") {
				t.Errorf("got %#v, want an error with the command and with words", err)
			}
		})
	}
}

func ensure(ctx context.Context, a *Admin, caps ceph.Caps) error {
	e, err := a.EnsureEntity(ctx, "client.u", caps)
	if err != nil {
		return err
	}
	if e.Key.Reveal() != dummyKey || len(e.Caps) != len(caps) || e.Caps["mon"] != caps["mon"] {
		return errors.New("not the user that was asked for")
	}
	return nil
}

// TestSetDeviceClassSparesOthers takes the class away only where it is another.
func TestSetDeviceClassSparesOthers(t *testing.T) {
	t.Parallel()
	c := &scripted{t: t, answers: []answer{
		{op: "osd crush set-device-class", errno: ceph.EBUSY, status: "osd.0 has already bound to class 'hdd'"},
		{op: "osd crush dump", output: crushMap}, {op: "osd crush rm-device-class"}, {op: "osd crush set-device-class"},
	}}
	if err := newAdmin(c).SetDeviceClass(t.Context(), "ssd", 0, 1); err != nil {
		t.Fatal(err)
	}
	if got := c.requests[2].Subject; got != "osd.0" {
		t.Errorf("took the class of %s away, want osd.0 only", got)
	}
}

// TestForcedRemoval sends force only in the second attempt.
func TestForcedRemoval(t *testing.T) {
	t.Parallel()
	c := &scripted{t: t, answers: []answer{
		{op: "fs subvolume rm", errno: ceph.EAGAIN, status: "not ready"}, {op: "fs clone status", output: canceled}, {op: "fs subvolume rm"},
	}}
	if err := newAdmin(c).RemoveSubvolume(t.Context(), someSubvolume); err != nil {
		t.Fatal(err)
	}
	if c.requests[2].Args["force"] != true {
		t.Errorf("the second removal has %v, want force", c.requests[2].Args)
	}
}

// TestFenceLasts keeps fractions of a second.
func TestFenceLasts(t *testing.T) {
	t.Parallel()
	c := &scripted{t: t, answers: []answer{{op: "osd blocklist"}}}
	if err := newAdmin(c).AddBlocklist(t.Context(), "10.0.0.7:0/0", 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := c.requests[0].Args["expire"]; got != 1.5 {
		t.Errorf("got %v, want 1.5 seconds", got)
	}
}
