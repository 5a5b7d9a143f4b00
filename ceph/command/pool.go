package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Pools = (*Admin)(nil)

func listPools() Request {
	return Request{Op: "osd pool ls", Target: Mon(), Args: Args{"detail": "detail"}}
}

func usageByPool() Request { return Request{Op: "df", Target: Mon(), Args: Args{"detail": "detail"}} }

func createPool(spec ceph.PoolSpec) Request {
	r := Request{
		Op: "osd pool create", Target: Mon(), Subject: spec.Name,
		Args: Args{"pool": spec.Name},
	}
	for key, n := range map[string]int{"size": spec.Size, "pg_num": spec.PGs} {
		if n > 0 {
			r.Args[key] = n
		}
	}
	for key, s := range map[string]string{
		"pool_type": string(spec.Type), "rule": spec.Rule, "erasure_code_profile": spec.ErasureProfile, "autoscale_mode": spec.AutoscaleMode,
	} {
		if s != "" {
			r.Args[key] = s
		}
	}
	return r
}

// setPoolOption confirms what it sets: Ceph asks for that where a pool gets a
// single replica, and who calls this has decided.
func setPoolOption(pool, option, value string) Request {
	r := Request{
		Op: "osd pool set", Target: Mon(), Subject: pool,
		Args: Args{"pool": pool, "var": option, "val": value},
	}
	if option == "size" {
		r.Args["yes_i_really_mean_it"] = true
	}
	return r
}

func setPoolQuota(pool, field string, value int64) Request {
	return Request{
		Op: "osd pool set-quota", Target: Mon(), Subject: pool,
		Args: Args{"pool": pool, "field": field, "val": strconv.FormatInt(value, 10)},
	}
}

func enableApplication(pool, application string) Request {
	return Request{
		Op: "osd pool application enable", Target: Mon(), Subject: pool,
		Args: Args{"pool": pool, "app": application},
	}
}

func setApplicationValue(pool, application, key, value string) Request {
	return Request{
		Op: "osd pool application set", Target: Mon(), Subject: pool,
		Args: Args{"pool": pool, "app": application, "key": key, "value": value},
	}
}

// poolAnswer is a pool as the osdmap has it, without its id: that has another
// name in each of the two commands that list pools.
type poolAnswer struct {
	Name           *string                    `json:"pool_name"`
	Type           *int                       `json:"type"`
	Size           *int                       `json:"size"`
	MinSize        *int                       `json:"min_size"`
	RuleID         *int                       `json:"crush_rule"`
	AutoscaleMode  *string                    `json:"pg_autoscale_mode"`
	PGs            *int                       `json:"pg_num"`
	PGTarget       *int                       `json:"pg_num_target"`
	Flags          *string                    `json:"flags_names"`
	QuotaBytes     *int64                     `json:"quota_max_bytes"`
	QuotaObjects   *int64                     `json:"quota_max_objects"`
	ErasureProfile *string                    `json:"erasure_code_profile"`
	Options        *map[string]any            `json:"options"`
	Applications   *map[string]map[string]any `json:"application_metadata"`
}

type poolListAnswer []struct {
	ID *int64 `json:"pool_id"`
	poolAnswer
}

// poolTypes are Ceph's numbers for the kinds of pools.
var poolTypes = map[int]ceph.PoolType{1: ceph.Replicated, 3: ceph.Erasure}

func (p poolAnswer) check() error {
	if _, ok := poolTypes[*p.Type]; !ok {
		return fmt.Errorf("a pool of the type %d", *p.Type)
	}
	return nil
}

func (l poolListAnswer) check() error {
	for _, p := range l {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (p poolAnswer) pool(id int64, usage usageAnswer) ceph.Pool {
	out := ceph.Pool{
		ID: id, Name: *p.Name, Type: poolTypes[*p.Type],
		Size: *p.Size, MinSize: *p.MinSize, PGs: *p.PGs, PGTarget: *p.PGTarget,
		AutoscaleMode: *p.AutoscaleMode, RuleID: *p.RuleID, ErasureProfile: *p.ErasureProfile,
		Applications: slices.Sorted(maps.Keys(*p.Applications)), ApplicationValues: applicationValues(*p.Applications),
		Options: optionTexts(*p.Options),
		Quota:   ceph.PoolQuota{Bytes: *p.QuotaBytes, Objects: *p.QuotaObjects},
		Flags:   sortedFields(*p.Flags),
	}
	usage.describe(&out)
	return out
}

// applicationValues flattens what is kept beside the applications. What is no text is nobody's whom we know.
func applicationValues(applications map[string]map[string]any) map[string]string {
	values := map[string]string{}
	for application, kept := range applications {
		for key, value := range kept {
			if text, ok := value.(string); ok {
				values[application+"/"+key] = text
			}
		}
	}
	return values
}

// optionTexts writes values as "osd pool set" takes them.
func optionTexts(options map[string]any) map[string]string {
	out := make(map[string]string, len(options))
	for name, value := range options {
		switch v := value.(type) {
		case string:
			out[name] = v
		case float64:
			out[name] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			b, _ := json.Marshal(v) // came from JSON
			out[name] = string(b)
		}
	}
	return out
}

// usageAnswer is "df detail". PercentUsed is a fraction, whatever its name says.
type usageAnswer struct {
	Stats   *rawUsage            `json:"stats"`
	ByClass *map[string]rawUsage `json:"stats_by_class"`
	Pools   *[]struct {
		ID    *int64 `json:"id"`
		Stats *struct {
			Stored      *int64   `json:"stored"`
			Objects     *int64   `json:"objects"`
			Used        *int64   `json:"bytes_used"`
			PercentUsed *float64 `json:"percent_used"`
			Available   *int64   `json:"max_avail"`
		} `json:"stats"`
	} `json:"pools"`
}

type rawUsage struct {
	Total     *int64 `json:"total_bytes"`
	Available *int64 `json:"total_avail_bytes"`
	Used      *int64 `json:"total_used_raw_bytes"`
}

// describe leaves a pool that was made between the two commands at zero.
func (u usageAnswer) describe(pool *ceph.Pool) {
	for _, p := range *u.Pools {
		if *p.ID != pool.ID {
			continue
		}
		pool.StoredBytes, pool.UsedBytes, pool.AvailableBytes = *p.Stats.Stored, *p.Stats.Used, *p.Stats.Available
		pool.Objects, pool.PercentUsed = *p.Stats.Objects, *p.Stats.PercentUsed
	}
}

func (u usageAnswer) capacity() ceph.Capacity {
	out := ceph.Capacity{
		TotalBytes: *u.Stats.Total, UsedBytes: *u.Stats.Used, AvailableBytes: *u.Stats.Available,
	}
	for _, class := range slices.Sorted(maps.Keys(*u.ByClass)) {
		raw := (*u.ByClass)[class]
		out.Classes = append(out.Classes, ceph.ClassCapacity{
			Class: class, TotalBytes: *raw.Total, UsedBytes: *raw.Used, AvailableBytes: *raw.Available,
		})
	}
	return out
}

// Pools lists all pools, sorted by id.
func (a *Admin) Pools(ctx context.Context) ([]ceph.Pool, error) {
	list, err := ask[poolListAnswer](ctx, a, listPools())
	if err != nil {
		return nil, err
	}
	usage, err := ask[usageAnswer](ctx, a, usageByPool())
	if err != nil {
		return nil, err
	}
	var out []ceph.Pool
	for _, p := range list {
		out = append(out, p.pool(*p.ID, usage))
	}
	slices.SortFunc(out, byPoolID)
	return out, nil
}

func byPoolID(a, b ceph.Pool) int { return cmp.Compare(a.ID, b.ID) }

// CreatePool makes a pool. One of that name is ErrExists. MinSize and
// OverwritesOnECPool take a command of their own after the pool is made: if that
// fails, the pool is there without them, and its error is returned.
func (a *Admin) CreatePool(ctx context.Context, spec ceph.PoolSpec) error {
	r := createPool(spec)
	if strings.HasPrefix(spec.Name, ".") {
		return r.invalid("a name that begins with . is for Ceph's own pools") // some releases say so and succeed
	}
	if spec.Type == ceph.Erasure && spec.Size != 0 {
		return r.invalid("the size of an erasure-coded pool comes from its profile")
	}
	said, err := a.do(ctx, r)
	if err != nil {
		return rekind(err, ceph.ErrNotFound, noProfile, ceph.EINVAL)
	}
	switch { // Ceph returns no errno for any of these
	case strings.Contains(said, "already exists"):
		return r.fail(ceph.ErrExists, said)
	case !strings.Contains(said, "created"):
		return r.fail(ceph.ErrRefused, said)
	}
	return a.finishPool(ctx, spec)
}

func (a *Admin) finishPool(ctx context.Context, spec ceph.PoolSpec) error {
	if spec.MinSize > 0 {
		if err := a.SetPoolOption(ctx, spec.Name, "min_size", strconv.Itoa(spec.MinSize)); err != nil {
			return err
		}
	}
	if spec.OverwritesOnECPool {
		return a.SetPoolOption(ctx, spec.Name, "allow_ec_overwrites", "true")
	}
	return nil
}

// SetPoolOption sets one property as "osd pool set" names it. A pool or a rule
// that does not exist is ErrNotFound, an unknown property or value ErrInvalid. A
// single replica is ErrRefused unless the mons' mon_allow_pool_size_one is on.
func (a *Admin) SetPoolOption(ctx context.Context, pool, option, value string) error {
	return a.act(ctx, setPoolOption(pool, option, value))
}

// SetPoolQuota sets the quota; zero lifts it.
func (a *Admin) SetPoolQuota(ctx context.Context, pool string, q ceph.PoolQuota) error {
	if err := a.act(ctx, setPoolQuota(pool, "max_bytes", q.Bytes)); err != nil {
		return err
	}
	return a.act(ctx, setPoolQuota(pool, "max_objects", q.Objects))
}

// EnableApplication tags the pool rbd, cephfs, rgw or other. A pool with another
// tag is ErrExists.
func (a *Admin) EnableApplication(ctx context.Context, pool, application string) error {
	err := a.act(ctx, enableApplication(pool, application))
	return rekind(err, ceph.ErrExists, "already has an enabled application", ceph.EPERM)
}

// SetApplicationValue keeps a value beside the tag of an application. A pool that does not exist or has no such tag is
// ErrNotFound.
func (a *Admin) SetApplicationValue(ctx context.Context, pool, application, key, value string) error {
	return a.act(ctx, setApplicationValue(pool, application, key, value))
}
