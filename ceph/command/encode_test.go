package command

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

// dummyKey has the form of a key, and is the key of nothing.
const dummyKey = "AQD0MU9fAAAAABAAmYxDt8Cy7bT3rK1rB8ZzYQ=="

// addOSD is newOSD with a key that can be encoded.
func addOSD(req ceph.NewOSD) Request {
	r, err := newOSD(req)
	if err != nil {
		panic(err)
	}
	return r
}

var (
	seven     = 7
	inRack    = ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: "r2"}}
	someSnap  = ceph.SubvolumeSnapshotRef{SubvolumeRef: someSubvolume, Snapshot: "s1"}
	ungrouped = ceph.SubvolumeRef{GroupRef: ceph.GroupRef{Filesystem: "fs1"}, Name: "v1"}
)

// encodeCase is a command and what a daemon is to read.
type encodeCase struct {
	request Request
	target  string
	subject string
	want    string // without format, which is json
	input   string
}

var encodeCases = []encodeCase{
	{request: quorumStatus(), target: "mon", want: `{"prefix":"quorum_status"}`},
	{request: removeMon("c"), target: "mon", subject: "mon.c", want: `{"prefix":"mon rm","name":"c"}`},
	{request: monOKToStop([]string{"a", "b"}), target: "mon", subject: "mon.a,b", want: `{"prefix":"mon ok-to-stop","ids":["a","b"]}`},
	{request: mgrDump(), target: "mon", want: `{"prefix":"mgr dump"}`},
	{request: enableMgrModule("prometheus"), target: "mon", subject: "prometheus", want: `{"prefix":"mgr module enable","module":"prometheus"}`},
	{request: disableMgrModule("nfs"), target: "mon", subject: "nfs", want: `{"prefix":"mgr module disable","module":"nfs"}`},
	{
		request: listFileSessions(ceph.RankRef{Filesystem: "fs1", Rank: 1}, "client.n1"), target: "mds.fs1:1", subject: "mds.fs1:1 client.n1",
		want: `{"prefix":"session ls","filters":["auth_name=n1"]}`,
	},
	{request: failMgr("x"), target: "mon", subject: "mgr.x", want: `{"prefix":"mgr fail","who":"x"}`},

	{request: addOSD(ceph.NewOSD{UUID: "u-u-i-d"}), target: "mon", subject: "uuid u-u-i-d", want: `{"prefix":"osd new","uuid":"u-u-i-d"}`},
	{
		request: addOSD(ceph.NewOSD{UUID: "u-u-i-d", ID: &seven, Secret: ceph.NewSecret(dummyKey)}), target: "mon", subject: "uuid u-u-i-d",
		want: `{"prefix":"osd new","uuid":"u-u-i-d","id":7}`, input: `{"cephx_secret":"` + dummyKey + `"}`,
	},
	{request: onOSDs("osd out", []int{3, 11}), target: "mon", subject: "osd.3,11", want: `{"prefix":"osd out","ids":["3","11"]}`},
	{request: removeOSD("osd purge-actual", 3), target: "mon", subject: "osd.3", want: `{"prefix":"osd purge-actual","id":3,"yes_i_really_mean_it":true}`},
	{request: findOSD(3), target: "mon", subject: "osd.3", want: `{"prefix":"osd find","id":3}`},
	{request: requireOSDRelease("tentacle"), target: "mon", subject: "tentacle", want: `{"prefix":"osd require-osd-release","release":"tentacle"}`},
	{request: osdOKToStop([]int{3}), target: "mgr", subject: "osd.3", want: `{"prefix":"osd ok-to-stop","ids":["3"]}`},
	{request: pgStates(), target: "mgr", want: `{"prefix":"pg stat"}`},
	{request: osdSafeToDestroy([]int{3}), target: "mgr", subject: "osd.3", want: `{"prefix":"osd safe-to-destroy","ids":["3"]}`},
	{request: osdFlag("osd set", "noout"), target: "mon", subject: "noout", want: `{"prefix":"osd set","key":"noout"}`},
	{request: groupFlag("osd set-group", "noout", []string{"osd.3", "n1"}), target: "mon", subject: "noout osd.3,n1", want: `{"prefix":"osd set-group","flags":"noout","who":["osd.3","n1"]}`},
	{request: osdDump(), target: "mon", want: `{"prefix":"osd dump"}`},
	{request: osdUsage(), target: "mgr", want: `{"prefix":"osd df"}`},
	{request: osdMetadata(), target: "mon", want: `{"prefix":"osd metadata"}`},
	{request: pgsOfOSD(3), target: "mgr", subject: "osd.3", want: `{"prefix":"pg ls-by-osd","osd":3}`},

	{request: listBlocklist(), target: "mon", want: `{"prefix":"osd blocklist ls"}`},
	{request: addBlocklist("10.0.0.7:0/5", time.Hour), target: "mon", subject: "10.0.0.7:0/5", want: `{"prefix":"osd blocklist","blocklistop":"add","addr":"10.0.0.7:0/5","expire":3600.0}`},
	{request: removeBlocklist("10.0.0.7:0/5"), target: "mon", subject: "10.0.0.7:0/5", want: `{"prefix":"osd blocklist","blocklistop":"rm","addr":"10.0.0.7:0/5"}`},
	{request: removeBlocklist("cidr:10.1.0.0:0/16"), target: "mon", subject: "cidr:10.1.0.0:0/16", want: `{"prefix":"osd blocklist","blocklistop":"rm","range":"range","addr":"10.1.0.0/16"}`},

	{request: crushDump(), target: "mon", want: `{"prefix":"osd crush dump"}`},
	{request: addBucket("r2", "rack"), target: "mon", subject: "r2", want: `{"prefix":"osd crush add-bucket","name":"r2","type":"rack"}`},
	{request: moveBucket("n3", inRack), target: "mon", subject: "n3", want: `{"prefix":"osd crush move","name":"n3","args":["root=default","rack=r2"]}`},
	{request: removeBucket("n3"), target: "mon", subject: "n3", want: `{"prefix":"osd crush rm","name":"n3"}`},
	{request: placeOSD(3, 1, inRack), target: "mon", subject: "osd.3", want: `{"prefix":"osd crush add","id":3,"weight":1.0,"args":["root=default","rack=r2"]}`},
	{request: placeOSD(3, 0.25, inRack), target: "mon", subject: "osd.3", want: `{"prefix":"osd crush add","id":3,"weight":0.25,"args":["root=default","rack=r2"]}`},
	{request: setDeviceClass("ssd", []int{3, 4}), target: "mon", subject: "osd.3,4", want: `{"prefix":"osd crush set-device-class","class":"ssd","ids":["3","4"]}`},
	{request: removeDeviceClass([]int{3}), target: "mon", subject: "osd.3", want: `{"prefix":"osd crush rm-device-class","ids":["3"]}`},
	{request: createReplicatedRule(ceph.ReplicatedRule{Name: "r", FailureDomain: "host"}), target: "mon", subject: "r", want: `{"prefix":"osd crush rule create-replicated","name":"r","root":"default","type":"host"}`},
	{request: createReplicatedRule(ceph.ReplicatedRule{Name: "r", Root: "far", FailureDomain: "host", DeviceClass: "ssd"}), target: "mon", subject: "r", want: `{"prefix":"osd crush rule create-replicated","name":"r","root":"far","type":"host","class":"ssd"}`},
	{request: createErasureRule("r", "p"), target: "mon", subject: "r", want: `{"prefix":"osd crush rule create-erasure","name":"r","profile":"p"}`},
	{request: removeRule("r"), target: "mon", subject: "r", want: `{"prefix":"osd crush rule rm","name":"r"}`},
	{
		request: setErasureProfile(ceph.ErasureProfile{Name: "p", DataChunks: 4, CodingChunks: 2}), target: "mon", subject: "p",
		want: `{"prefix":"osd erasure-code-profile set","name":"p","profile":["k=4","m=2","crush-root=default"]}`,
	},
	{
		request: setErasureProfile(ceph.ErasureProfile{Name: "p", DataChunks: 4, CodingChunks: 2, Plugin: "isa", FailureDomain: "osd", DeviceClass: "ssd", Root: "far"}), target: "mon", subject: "p",
		want: `{"prefix":"osd erasure-code-profile set","name":"p","profile":["k=4","m=2","plugin=isa","crush-failure-domain=osd","crush-device-class=ssd","crush-root=far"]}`,
	},
	{request: getErasureProfile("p"), target: "mon", subject: "p", want: `{"prefix":"osd erasure-code-profile get","name":"p"}`},
	{request: removeErasureProfile("p"), target: "mon", subject: "p", want: `{"prefix":"osd erasure-code-profile rm","name":"p"}`},

	{request: listPools(), target: "mon", want: `{"prefix":"osd pool ls","detail":"detail"}`},
	{request: usageByPool(), target: "mon", want: `{"prefix":"df","detail":"detail"}`},
	{request: createPool(ceph.PoolSpec{Name: "p"}), target: "mon", subject: "p", want: `{"prefix":"osd pool create","pool":"p"}`},
	{
		request: createPool(ceph.PoolSpec{Name: "p", Type: ceph.Replicated, Size: 2, MinSize: 1, Rule: "r", PGs: 32, AutoscaleMode: "warn"}), target: "mon", subject: "p",
		want: `{"prefix":"osd pool create","pool":"p","pool_type":"replicated","size":2,"rule":"r","pg_num":32,"autoscale_mode":"warn"}`,
	},
	{
		request: createPool(ceph.PoolSpec{Name: "p", Type: ceph.Erasure, ErasureProfile: "e", OverwritesOnECPool: true}), target: "mon", subject: "p",
		want: `{"prefix":"osd pool create","pool":"p","pool_type":"erasure","erasure_code_profile":"e"}`,
	},
	{request: setPoolOption("p", "min_size", "2"), target: "mon", subject: "p", want: `{"prefix":"osd pool set","pool":"p","var":"min_size","val":"2"}`},
	{request: setPoolOption("p", "size", "1"), target: "mon", subject: "p", want: `{"prefix":"osd pool set","pool":"p","var":"size","val":"1","yes_i_really_mean_it":true}`},
	{request: setPoolQuota("p", "max_bytes", 1<<40), target: "mon", subject: "p", want: `{"prefix":"osd pool set-quota","pool":"p","field":"max_bytes","val":"1099511627776"}`},
	{request: enableApplication("p", "rbd"), target: "mon", subject: "p", want: `{"prefix":"osd pool application enable","pool":"p","app":"rbd"}`},
	{request: deletePool("p"), target: "mon", subject: "p", want: `{"prefix":"osd pool rm","pool":"p","pool2":"p","yes_i_really_really_mean_it":true}`},

	{request: getOrCreateEntity("client.u", ceph.Caps{"osd": "allow rw", "mon": "allow r"}), target: "mon", subject: "client.u", want: `{"prefix":"auth get-or-create","entity":"client.u","caps":["mon","allow r","osd","allow rw"]}`},
	{request: setCaps("client.u", nil), target: "mon", subject: "client.u", want: `{"prefix":"auth caps","entity":"client.u","caps":[]}`},
	{request: getEntity("client.u"), target: "mon", subject: "client.u", want: `{"prefix":"auth get","entity":"client.u"}`},
	{request: listEntities(), target: "mon", want: `{"prefix":"auth ls"}`},
	{request: removeEntity("client.u"), target: "mon", subject: "client.u", want: `{"prefix":"auth rm","entity":"client.u"}`},
	{
		request: addEntity(ceph.Entity{Name: "client.u", Key: ceph.NewSecret(dummyKey), Caps: ceph.Caps{"mon": "allow r"}}), target: "mon", subject: "client.u",
		want: `{"prefix":"auth add","entity":"client.u","caps":["mon","allow r"]}`, input: "[client.u]\n\tkey = " + dummyKey + "\n",
	},

	{request: configDump(), target: "mon", want: `{"prefix":"config dump"}`},
	{request: setConfig("osd/class:hdd", "osd_max_backfills", "2"), target: "mon", subject: "osd/class:hdd osd_max_backfills", want: `{"prefix":"config set","who":"osd/class:hdd","name":"osd_max_backfills","value":"2"}`},
	{request: removeConfig("osd", "osd_max_backfills"), target: "mon", subject: "osd osd_max_backfills", want: `{"prefix":"config rm","who":"osd","name":"osd_max_backfills"}`},
	{request: healthDetail(), target: "mon", want: `{"prefix":"health","detail":"detail"}`},
	{request: muteHealth("OSD_DOWN"), target: "mon", subject: "OSD_DOWN", want: `{"prefix":"health mute","code":"OSD_DOWN","sticky":true}`},
	{request: unmuteHealth("OSD_DOWN"), target: "mon", subject: "OSD_DOWN", want: `{"prefix":"health unmute","code":"OSD_DOWN"}`},
	{request: listDevices(), target: "mgr", want: `{"prefix":"device ls"}`},
	{request: versions(), target: "mon", want: `{"prefix":"versions"}`},
	{request: status(), target: "mon", want: `{"prefix":"status"}`},

	{request: fsDump(), target: "mon", want: `{"prefix":"fs dump"}`},
	{request: listFilesystems(), target: "mon", want: `{"prefix":"fs ls"}`},
	{request: createFilesystem("fs1", "m", "d"), target: "mon", subject: "fs1", want: `{"prefix":"fs new","fs_name":"fs1","metadata":"m","data":"d"}`},
	{request: addDataPool("fs1", "d"), target: "mon", subject: "fs1", want: `{"prefix":"fs add_data_pool","fs_name":"fs1","pool":"d"}`},
	{request: setFilesystemOption("fs1", "max_mds", "2"), target: "mon", subject: "fs1", want: `{"prefix":"fs set","fs_name":"fs1","var":"max_mds","val":"2"}`},
	{request: failFilesystem("fs1"), target: "mon", subject: "fs1", want: `{"prefix":"fs fail","fs_name":"fs1","yes_i_really_mean_it":true}`},
	{request: removeFilesystem("fs1"), target: "mon", subject: "fs1", want: `{"prefix":"fs rm","fs_name":"fs1","yes_i_really_mean_it":true}`},
	{request: failMDS("fs1:0"), target: "mon", subject: "mds fs1:0", want: `{"prefix":"mds fail","role_or_gid":"fs1:0"}`},

	{request: listGroups("fs1"), target: "mgr", subject: "fs1", want: `{"prefix":"fs subvolumegroup ls","vol_name":"fs1"}`},
	{request: createGroup(someGroup, "d"), target: "mgr", subject: "fs1/g1", want: `{"prefix":"fs subvolumegroup create","vol_name":"fs1","group_name":"g1","pool_layout":"d"}`},
	{request: removeGroup(someGroup), target: "mgr", subject: "fs1/g1", want: `{"prefix":"fs subvolumegroup rm","vol_name":"fs1","group_name":"g1"}`},
	{request: listSubvolumes(someGroup), target: "mgr", subject: "fs1/g1", want: `{"prefix":"fs subvolume ls","vol_name":"fs1","group_name":"g1"}`},
	{request: createSubvolume(ceph.SubvolumeSpec{SubvolumeRef: ungrouped}), target: "mgr", subject: "fs1//v1", want: `{"prefix":"fs subvolume create","vol_name":"fs1","sub_name":"v1"}`},
	{
		request: createSubvolume(ceph.SubvolumeSpec{SubvolumeRef: someSubvolume, Size: 1 << 40, DataPool: "d", Mode: "0770"}), target: "mgr", subject: "fs1/g1/v1",
		want: `{"prefix":"fs subvolume create","vol_name":"fs1","group_name":"g1","sub_name":"v1","size":1099511627776,"pool_layout":"d","mode":"0770"}`,
	},
	{request: subvolumeInfo(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume info","vol_name":"fs1","group_name":"g1","sub_name":"v1"}`},
	{request: resizeSubvolume(someSubvolume, 1<<20), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume resize","vol_name":"fs1","group_name":"g1","sub_name":"v1","new_size":"1048576","no_shrink":true}`},
	{request: resizeSubvolume(someSubvolume, 0), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume resize","vol_name":"fs1","group_name":"g1","sub_name":"v1","new_size":"inf","no_shrink":true}`},
	{request: removeSubvolume(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume rm","vol_name":"fs1","group_name":"g1","sub_name":"v1"}`},
	{request: createSubvolumeSnapshot(someSnap), target: "mgr", subject: "fs1/g1/v1@s1", want: `{"prefix":"fs subvolume snapshot create","vol_name":"fs1","group_name":"g1","sub_name":"v1","snap_name":"s1"}`},
	{request: listSubvolumeSnapshots(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume snapshot ls","vol_name":"fs1","group_name":"g1","sub_name":"v1"}`},
	{request: removeSubvolumeSnapshot(someSnap), target: "mgr", subject: "fs1/g1/v1@s1", want: `{"prefix":"fs subvolume snapshot rm","vol_name":"fs1","group_name":"g1","sub_name":"v1","snap_name":"s1"}`},
	{
		request: cloneSubvolume(someSnap, ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: someGroup, Name: "c1"}, DataPool: "d"}), target: "mgr", subject: "fs1/g1/v1@s1",
		want: `{"prefix":"fs subvolume snapshot clone","vol_name":"fs1","group_name":"g1","sub_name":"v1","snap_name":"s1","target_sub_name":"c1","target_group_name":"g1","pool_layout":"d"}`,
	},
	{request: retireSubvolume(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume rm","vol_name":"fs1","group_name":"g1","sub_name":"v1","retain_snapshots":true}`},
	{request: listSubvolumeMetadata(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume metadata ls","vol_name":"fs1","group_name":"g1","sub_name":"v1"}`},
	{request: setSubvolumeMetadata(ungrouped, "k", "v"), target: "mgr", subject: "fs1//v1", want: `{"prefix":"fs subvolume metadata set","vol_name":"fs1","sub_name":"v1","key_name":"k","value":"v"}`},
	{request: removeSubvolumeMetadata(someSubvolume, "k"), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs subvolume metadata rm","vol_name":"fs1","group_name":"g1","sub_name":"v1","key_name":"k"}`},
	{request: subvolumeSnapshotInfo(someSnap), target: "mgr", subject: "fs1/g1/v1@s1", want: `{"prefix":"fs subvolume snapshot info","vol_name":"fs1","group_name":"g1","sub_name":"v1","snap_name":"s1"}`},
	{request: cancelClone(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs clone cancel","vol_name":"fs1","group_name":"g1","clone_name":"v1"}`},
	{request: cloneStatus(someSubvolume), target: "mgr", subject: "fs1/g1/v1", want: `{"prefix":"fs clone status","vol_name":"fs1","group_name":"g1","clone_name":"v1"}`},
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for _, tc := range encodeCases {
		t.Run(tc.request.Op, func(t *testing.T) {
			t.Parallel()
			got, err := tc.request.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fields(t, tc.want, `"format":"json"`), fields(t, string(got), "")); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
			if tc.request.Target.String() != tc.target || tc.request.Subject != tc.subject {
				t.Errorf("got %v about %q, want %s about %q", tc.request.Target, tc.request.Subject, tc.target, tc.subject)
			}
			if string(tc.request.Input) != tc.input {
				t.Errorf("got the input %q, want %q", tc.request.Input, tc.input)
			}
		})
	}
}

// fields decodes a JSON object, with numbers as they are written: a mon tells 1
// from 1.0. More is put into the object.
func fields(t *testing.T, object, more string) map[string]json.RawMessage {
	t.Helper()
	if more != "" {
		object = object[:len(object)-1] + "," + more + "}"
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEncodePlain(t *testing.T) {
	t.Parallel()
	got, err := getMonMap().Encode()
	if err != nil || string(got) != `{"prefix":"mon getmap"}` {
		t.Errorf("got %s %v, want no format", got, err)
	}
}

// TestEncodeRefusesWhatCephGarbles covers what Ceph's JSON reader would take for
// something else than was meant.
func TestEncodeRefusesWhatCephGarbles(t *testing.T) {
	t.Parallel()
	for _, bad := range []any{
		"a\x00b", "a\u2028b", "a\u2029b", "a\xffb", []string{"fine", "a\x00b"}, math.NaN(), math.Inf(1),
	} {
		_, err := Request{Op: "osd pool set", Target: Mon(), Subject: "p", Args: Args{"val": bad}}.Encode()
		var e *ceph.Error
		if !errors.As(err, &e) || !errors.Is(err, ceph.ErrInvalid) || e.Op != "osd pool set" || e.Target != "p" {
			t.Errorf("%q: got %v, want an invalid argument", bad, err)
		}
	}
	for _, good := range []any{"gute Nacht", "größer", "a\nb", "<a&b>", []string{}, 1, 1e15, -0.5, int64(1) << 60, true} {
		if _, err := (Request{Op: "x", Args: Args{"val": good}}).Encode(); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for target, want := range map[Target]string{Mon(): "mon", Mgr(): "mgr", OSD(7): "osd.7", MDS(ceph.RankRef{Filesystem: "fs1", Rank: 2}): "mds.fs1:2"} {
		if target.String() != want {
			t.Errorf("got %v, want %s", target, want)
		}
	}
}
