package command

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

func osdDump() Request { return Request{Op: "osd dump", Target: Mon()} }

func osdUsage() Request { return Request{Op: "osd df", Target: Mgr()} }

func osdMetadata() Request { return Request{Op: "osd metadata", Target: Mon()} }

type osdDumpAnswer struct {
	Epoch          *int64              `json:"epoch"`
	Flags          *string             `json:"flags"`
	RequireRelease *string             `json:"require_osd_release"`
	FullRatio      *float64            `json:"full_ratio"`
	BackfillFull   *float64            `json:"backfillfull_ratio"`
	NearFull       *float64            `json:"nearfull_ratio"`
	OSDs           *[]osdAnswer        `json:"osds"`
	BucketFlags    map[string][]string `json:"crush_node_flags"`
	Pools          *[]struct {
		ID *int64 `json:"pool"`
		poolAnswer
	} `json:"pools"`
}

type osdAnswer struct {
	ID              *int        `json:"osd"`
	UUID            *string     `json:"uuid"`
	Up              *int        `json:"up"`
	In              *int        `json:"in"`
	Weight          *float64    `json:"weight"`
	PrimaryAffinity *float64    `json:"primary_affinity"`
	Addresses       *addressVec `json:"public_addrs"`
	States          *[]string   `json:"state"`
}

func (d osdDumpAnswer) check() error {
	for _, o := range *d.OSDs {
		if *o.ID < 0 {
			return fmt.Errorf("an OSD with the id %d", *o.ID)
		}
	}
	for _, p := range *d.Pools {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (d osdDumpAnswer) osdMap() ceph.OSDMap {
	return ceph.OSDMap{
		Epoch:          *d.Epoch,
		Flags:          sortedFields(*d.Flags),
		RequireRelease: *d.RequireRelease,
		FullRatio:      round(*d.FullRatio),
		BackfillFull:   round(*d.BackfillFull),
		NearFull:       round(*d.NearFull),
		BucketFlags:    sortedFlags(d.BucketFlags),
	}
}

// sortedFlags leaves out what has no flags.
func sortedFlags(all map[string][]string) map[string][]string {
	sorted := map[string][]string{}
	for name, flags := range all {
		if len(flags) > 0 {
			sorted[name] = slices.Sorted(slices.Values(flags))
		}
	}
	if len(sorted) == 0 {
		return nil
	}
	return sorted
}

// round takes out what a 32-bit float adds: mons print 0.95 as 0.94999998807907104.
func round(f float64) float64 { return float64(int64(f*1e6+0.5)) / 1e6 }

// sortedFields splits a list such as sortbitwise,noout. An empty one is nil.
func sortedFields(s string) []string {
	comma := func(r rune) bool { return r == ',' }
	return slices.Sorted(strings.FieldsFuncSeq(s, comma))
}

type osdUsageAnswer struct {
	Nodes *[]osdUsageNode `json:"nodes"`
	Stray *[]osdUsageNode `json:"stray"` // OSDs outside of the CRUSH tree
}

type osdUsageNode struct {
	ID      *int   `json:"id"`
	KB      *int64 `json:"kb"`
	UsedKB  *int64 `json:"kb_used"`
	AvailKB *int64 `json:"kb_avail"`
	PGs     *int   `json:"pgs"`
}

// osdMetadataAnswer is empty but for the id for an OSD that never started.
type osdMetadataAnswer []struct {
	ID        *int   `json:"id"`
	Host      string `json:"hostname"`
	Version   string `json:"ceph_version_short"`
	DeviceIDs string `json:"device_ids"`
}

// osds joins what the osdmap, the usage table, CRUSH and the daemons say. The
// osdmap decides which OSDs exist: the other answers are from another moment.
func (d osdDumpAnswer) osds(usage osdUsageAnswer, meta osdMetadataAnswer, crush crushAnswer) []ceph.OSD {
	out := make([]ceph.OSD, 0, len(*d.OSDs))
	for _, o := range *d.OSDs {
		out = append(out, o.osd())
	}
	slices.SortFunc(out, func(a, b ceph.OSD) int { return cmp.Compare(a.ID, b.ID) })
	byID := make(map[int]*ceph.OSD, len(out))
	for i := range out {
		byID[out[i].ID] = &out[i]
	}
	crush.describe(byID)
	meta.describe(byID)
	usage.describe(byID)
	return out
}

func (o osdAnswer) osd() ceph.OSD {
	return ceph.OSD{
		ID: *o.ID, UUID: *o.UUID, Up: *o.Up == 1, In: *o.In == 1, States: slices.Sorted(slices.Values(*o.States)),
		Weight: *o.Weight, PrimaryAffinity: *o.PrimaryAffinity, Addresses: o.Addresses.addresses(),
	}
}

func (m osdMetadataAnswer) describe(byID map[int]*ceph.OSD) {
	for _, of := range m {
		if o := byID[*of.ID]; o != nil {
			o.Host, o.Version, o.DeviceIDs = of.Host, of.Version, sortedFields(of.DeviceIDs)
		}
	}
}

// maxKB is the largest size in KiB whose bytes fit in 64 bits.
const maxKB = 1<<53 - 1

func (u osdUsageAnswer) check() error {
	for _, n := range slices.Concat(*u.Nodes, *u.Stray) {
		for _, kb := range []int64{*n.KB, *n.UsedKB, *n.AvailKB} {
			if kb < 0 || kb > maxKB {
				return fmt.Errorf("a size of %d KiB for osd.%d", kb, *n.ID)
			}
		}
	}
	return nil
}

func (u osdUsageAnswer) describe(byID map[int]*ceph.OSD) {
	for _, n := range slices.Concat(*u.Nodes, *u.Stray) {
		if o := byID[*n.ID]; o != nil {
			o.TotalBytes, o.UsedBytes, o.AvailableBytes = *n.KB<<10, *n.UsedKB<<10, *n.AvailKB<<10
			o.PGs = *n.PGs
		}
	}
}
