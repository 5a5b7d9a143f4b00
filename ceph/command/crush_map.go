package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

func crushDump() Request { return Request{Op: "osd crush dump", Target: Mon()} }

// crushAnswer is the map with weights as CRUSH holds them: 16.16 fixed point.
type crushAnswer struct {
	Devices *[]struct {
		ID    *int    `json:"id"`
		Name  *string `json:"name"`
		Class string  `json:"class"`
	} `json:"devices"`
	Types   *[]crushType `json:"types"`
	Buckets *[]struct {
		ID     *int    `json:"id"`
		Name   *string `json:"name"`
		Type   *string `json:"type_name"`
		Weight *int64  `json:"weight"`
		Items  *[]struct {
			ID     *int   `json:"id"`
			Weight *int64 `json:"weight"`
		} `json:"items"`
	} `json:"buckets"`
	Rules *[]crushRuleAnswer `json:"rules"`
}

type crushType struct {
	ID   *int    `json:"type_id"`
	Name *string `json:"name"`
}

type crushRuleAnswer struct {
	ID    *int         `json:"rule_id"`
	Name  *string      `json:"rule_name"`
	Type  *int         `json:"type"`
	Steps *[]crushStep `json:"steps"`
}

type crushStep struct {
	Op       *string `json:"op"`
	ItemName string  `json:"item_name"` // of a take step
	Num      int     `json:"num"`       // of a choose step: how many, 0 for as many as the pool's size
	Type     string  `json:"type"`      // of a choose step
}

// shadow is what stands between a bucket and the class in the name of a bucket
// that holds only devices of one class. Ceph makes and removes those by itself.
const shadow = "~"

// weight turns CRUSH's fixed point into the number that commands take.
func weight(fixed int64) float64 { return float64(fixed) / 0x10000 }

// CRUSHMap reads buckets, classes, weights and rules.
func (a *Admin) CRUSHMap(ctx context.Context) (ceph.CRUSHMap, error) {
	answer, err := ask[crushAnswer](ctx, a, crushDump())
	if err != nil {
		return ceph.CRUSHMap{}, err
	}
	return answer.crushMap(), nil
}

func (c crushAnswer) check() error {
	for _, r := range *c.Rules {
		if _, ok := ruleTypes[*r.Type]; !ok {
			return fmt.Errorf("a rule of the type %d", *r.Type)
		}
	}
	return nil
}

func (c crushAnswer) crushMap() ceph.CRUSHMap {
	m := ceph.CRUSHMap{Buckets: c.buckets(), Devices: c.devices(), Types: c.types()}
	for _, r := range *c.Rules {
		m.Rules = append(m.Rules, r.rule())
	}
	slices.SortFunc(m.Rules, func(a, b ceph.CRUSHRule) int { return cmp.Compare(a.ID, b.ID) })
	return m
}

func (c crushAnswer) buckets() []ceph.Bucket {
	var out []ceph.Bucket
	for _, b := range *c.Buckets {
		if strings.Contains(*b.Name, shadow) {
			continue
		}
		bucket := ceph.Bucket{ID: *b.ID, Name: *b.Name, Type: *b.Type, Weight: weight(*b.Weight)}
		for _, item := range *b.Items {
			bucket.Items = append(bucket.Items, ceph.CRUSHItem{ID: *item.ID, Weight: weight(*item.Weight)})
		}
		out = append(out, bucket)
	}
	slices.SortFunc(out, func(a, b ceph.Bucket) int { return cmp.Compare(b.ID, a.ID) })
	return out
}

func (c crushAnswer) devices() []ceph.CRUSHDevice {
	var out []ceph.CRUSHDevice
	for _, d := range *c.Devices {
		out = append(out, ceph.CRUSHDevice{ID: *d.ID, Name: *d.Name, Class: d.Class})
	}
	slices.SortFunc(out, func(a, b ceph.CRUSHDevice) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (c crushAnswer) types() []string {
	types := slices.SortedFunc(slices.Values(*c.Types), func(a, b crushType) int { return cmp.Compare(*a.ID, *b.ID) })
	var out []string
	for _, t := range types {
		out = append(out, *t.Name)
	}
	return out
}

// describe gives each OSD its class and its weight in the tree.
func (c crushAnswer) describe(byID map[int]*ceph.OSD) {
	for _, d := range *c.Devices {
		if o := byID[*d.ID]; o != nil {
			o.DeviceClass = d.Class
		}
	}
	for _, b := range *c.Buckets {
		if strings.Contains(*b.Name, shadow) {
			continue
		}
		for _, item := range *b.Items {
			if o := byID[*item.ID]; o != nil {
				o.CRUSHWeight = weight(*item.Weight)
			}
		}
	}
}

// rule reduces a rule to what Seamount reads of it.
func (r crushRuleAnswer) rule() ceph.CRUSHRule {
	out := ceph.CRUSHRule{ID: *r.ID, Name: *r.Name, Type: ruleTypes[*r.Type]}
	for _, s := range slices.Backward(*r.Steps) { // so that the first of each kind stays
		switch {
		case *s.Op == "take":
			out.Root, out.DeviceClass, _ = strings.Cut(s.ItemName, shadow)
		case strings.HasPrefix(*s.Op, "choose"):
			out.FailureDomain = s.Type
		}
	}
	return out
}

// ruleTypes are Ceph's numbers for what a rule places. From 19 on each kind of
// pool has a second kind of rule (MSR), which picks several OSDs of a domain.
var ruleTypes = map[int]ceph.PoolType{
	1: ceph.Replicated, 4: ceph.Replicated,
	3: ceph.Erasure, 5: ceph.Erasure,
}
