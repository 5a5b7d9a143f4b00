package command

import (
	"cmp"
	"context"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

func createReplicatedRule(rule ceph.ReplicatedRule) Request {
	r := Request{
		Op: "osd crush rule create-replicated", Target: Mon(), Subject: rule.Name,
		Args: Args{"name": rule.Name, "root": cmp.Or(rule.Root, defaultRoot), "type": rule.FailureDomain},
	}
	if rule.DeviceClass != "" {
		r.Args["class"] = rule.DeviceClass
	}
	return r
}

func createErasureRule(name, profile string) Request {
	return Request{
		Op: "osd crush rule create-erasure", Target: Mon(), Subject: name,
		Args: Args{"name": name, "profile": profile},
	}
}

func removeRule(name string) Request {
	return Request{Op: "osd crush rule rm", Target: Mon(), Subject: name, Args: Args{"name": name}}
}

// defaultRoot is the root that a new cluster's CRUSH map has.
const defaultRoot = "default"

// CreateReplicatedRule makes a rule. One of that name that places alike is no
// error, else ErrExists. A root that does not exist is ErrNotFound; a bucket type
// or a device class that no OSD has is ErrInvalid.
func (a *Admin) CreateReplicatedRule(ctx context.Context, rule ceph.ReplicatedRule) error {
	r := createReplicatedRule(rule)
	said, err := a.do(ctx, r)
	if err != nil || !strings.Contains(said, "already exists") {
		return err
	}
	answer, err := ask[crushAnswer](ctx, a, crushDump())
	if err != nil {
		return err
	}
	for _, there := range *answer.Rules {
		if *there.Name == rule.Name && !there.placesAlike(rule) {
			return r.fail(ceph.ErrExists, said+" and places differently")
		}
	}
	return nil
}

// placesAlike compares step by step: a rule that was edited by hand may have
// more steps than its summary shows.
func (r crushRuleAnswer) placesAlike(want ceph.ReplicatedRule) bool {
	root := cmp.Or(want.Root, defaultRoot)
	if want.DeviceClass != "" {
		root += shadow + want.DeviceClass
	}
	choose := "chooseleaf_firstn"
	if want.FailureDomain == "osd" {
		choose = "choose_firstn"
	}
	steps := *r.Steps
	return ruleTypes[*r.Type] == ceph.Replicated && len(steps) == 3 &&
		steps[0].is("take", root, "") &&
		steps[1].is(choose, "", want.FailureDomain) &&
		steps[2].is("emit", "", "")
}

func (s crushStep) is(op, item, bucketType string) bool {
	return *s.Op == op && s.ItemName == item && s.Type == bucketType && s.Num == 0
}

// CreateErasureRule makes a rule from a profile. One of that name is no error; a
// profile that does not exist is ErrNotFound.
func (a *Admin) CreateErasureRule(ctx context.Context, name, profile string) error {
	err := a.act(ctx, createErasureRule(name, profile))
	return rekind(err, ceph.ErrNotFound, noProfile, ceph.EINVAL)
}

// noProfile is how Ceph says that a profile does not exist, wherever one is used.
const noProfile = "no 'plugin' entry in the erasure_code_profile {}"

// RemoveRule removes a rule. One that a pool uses is ErrBusy; one that does not
// exist is no error.
func (a *Admin) RemoveRule(ctx context.Context, name string) error {
	return a.act(ctx, removeRule(name))
}
