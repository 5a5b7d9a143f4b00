package command

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

const benchmarkOSDs = 5000

// held is a transport whose answers lie ready, so that what a benchmark measures
// is decoding and joining.
type held map[string][]byte

func (h held) Send(_ context.Context, r Request) (Reply, error) { return Reply{Output: h[r.Op]}, nil }

// BenchmarkSnapshot reads a cluster of 5,000 OSDs on 250 hosts, made from the
// recorded answers of a small one.
func BenchmarkSnapshot(b *testing.B) {
	h, bytes := largeCluster(b, benchmarkOSDs), int64(0)
	for answer := range maps.Values(h) {
		bytes += int64(len(answer))
	}
	a := newAdmin(h)
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		s, err := a.Snapshot(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if len(s.OSDs) != benchmarkOSDs || s.OSDs[benchmarkOSDs-1].Host == "" || s.OSDs[0].TotalBytes == 0 {
			b.Fatalf("got %d OSDs", len(s.OSDs))
		}
	}
}

// BenchmarkDecode shows what each of the large answers costs.
func BenchmarkDecode(b *testing.B) {
	h := largeCluster(b, benchmarkOSDs)
	for op, run := range map[string]func(context.Context, *Admin) error{
		"osd dump": func(ctx context.Context, a *Admin) error { _, err := ask[osdDumpAnswer](ctx, a, osdDump()); return err },
		"osd df": func(ctx context.Context, a *Admin) error {
			_, err := ask[osdUsageAnswer](ctx, a, osdUsage())
			return err
		},
		"osd metadata": func(ctx context.Context, a *Admin) error {
			_, err := ask[osdMetadataAnswer](ctx, a, osdMetadata())
			return err
		},
		"osd crush dump": func(ctx context.Context, a *Admin) error { _, err := ask[crushAnswer](ctx, a, crushDump()); return err },
	} {
		b.Run(op, func(b *testing.B) {
			a := newAdmin(h)
			b.SetBytes(int64(len(h[op])))
			for b.Loop() {
				if err := run(b.Context(), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// object is a JSON object of a recorded answer.
type object = map[string]any

func recordedObject[T any](t testing.TB, op string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(fixture(t, "20.2.4", fixtureOf(op)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// largeCluster repeats what is recorded of osd.0, with all that a real answer
// has besides what is decoded.
func largeCluster(t testing.TB, osds int) held {
	t.Helper()
	h := held{}
	for _, op := range []string{"status", "health", "quorum_status", "mgr dump", "df", "versions", "fs dump", "config dump"} {
		h[op] = fixture(t, "20.2.4", fixtureOf(op))
	}
	dump, usage := recordedObject[object](t, "osd dump"), recordedObject[object](t, "osd df")
	meta := recordedObject[[]object](t, "osd metadata")
	dump["osds"] = repeat(dump["osds"].([]any)[0].(object), osds, "osd")
	dump["osd_xinfo"] = repeat(dump["osd_xinfo"].([]any)[0].(object), osds, "osd")
	usage["nodes"] = repeat(usage["nodes"].([]any)[0].(object), osds, "id")
	usage["stray"] = []any{}
	crush := recordedObject[object](t, "osd crush dump")
	growCRUSH(crush, osds)
	for op, v := range map[string]any{
		"osd dump": dump, "osd df": usage, "osd metadata": repeat(meta[0], osds, "id"), "osd crush dump": crush,
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		h[op] = text
	}
	return h
}

func repeat(o object, n int, id string) []any {
	out := make([]any, n)
	for i := range out {
		again := maps.Clone(o)
		again[id] = i
		out[i] = again
	}
	return out
}

// growCRUSH makes hosts of 20 OSDs, and their shadows of one device class.
func growCRUSH(crush object, osds int) {
	const perHost = 20
	var devices, buckets []any
	for i := range osds {
		devices = append(devices, object{"id": i, "name": osdName(i), "class": "hdd"})
	}
	roots := map[string][]any{"": nil, "~hdd": nil}
	id := -3
	for first := 0; first < osds; first += perHost {
		var items []any
		for i := first; i < min(first+perHost, osds); i++ {
			items = append(items, object{"id": i, "weight": 65536, "pos": i - first})
		}
		for _, suffix := range []string{"", "~hdd"} {
			name := fmt.Sprintf("n%d%s", first/perHost, suffix)
			buckets = append(buckets, bucket(id, name, "host", items))
			roots[suffix] = append(roots[suffix], object{"id": id, "weight": perHost * 65536, "pos": first / perHost})
			id--
		}
	}
	buckets = append(buckets, bucket(-1, "default", "root", roots[""]), bucket(-2, "default~hdd", "root", roots["~hdd"]))
	crush["devices"], crush["buckets"] = devices, buckets
}

func bucket(id int, name, kind string, items []any) object {
	return object{
		"id": id, "name": name, "type_id": 1, "type_name": kind, "weight": 65536 * len(items),
		"alg": "straw2", "hash": "rjenkins1", "items": items,
	}
}

// TestLargeCluster joins what was said of all OSDs, and with no more commands.
func TestLargeCluster(t *testing.T) {
	t.Parallel()
	s, err := newAdmin(largeCluster(t, benchmarkOSDs)).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.OSDs) != benchmarkOSDs || len(s.CRUSH.Buckets) != benchmarkOSDs/20+1 || s.Commands > ceph.MaxSnapshotCommands {
		t.Errorf("got %d OSDs, %d buckets, %d commands", len(s.OSDs), len(s.CRUSH.Buckets), s.Commands)
	}
	for i, o := range s.OSDs {
		if o.ID != i || o.Host == "" || o.TotalBytes == 0 || o.CRUSHWeight != 1 || o.DeviceClass != "hdd" {
			t.Fatalf("OSD %d: got %+v", i, o)
		}
	}
}
