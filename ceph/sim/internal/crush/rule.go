package crush

import (
	"slices"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// AddRule makes a rule with the lowest free id. One of that name that places
// alike is no error.
func (m *Map) AddRule(r ceph.CRUSHRule) (int, error) {
	if old, ok := m.Rule(r.Name); ok {
		r.ID = old.ID
		if r == old {
			return r.ID, nil
		}
		return 0, refusal.New(ceph.EEXIST, "rule %s already exists", r.Name)
	}
	if err := m.checkRule(r); err != nil {
		return 0, err
	}
	r.ID = m.freeRuleID()
	m.rules = append(m.rules, &r)
	slices.SortFunc(m.rules, func(a, b *ceph.CRUSHRule) int { return a.ID - b.ID })
	m.export = nil
	return r.ID, nil
}

func (m *Map) checkRule(r ceph.CRUSHRule) error {
	if _, ok := m.byName[r.Root]; !ok {
		return refusal.New(ceph.ENOENT, "root item %s does not exist", r.Root)
	}
	if rankOf(r.FailureDomain) < 0 {
		return refusal.New(ceph.EINVAL, "unknown type %s", r.FailureDomain)
	}
	if r.DeviceClass != "" && !m.HasClass(r.DeviceClass) {
		return refusal.New(ceph.EINVAL, "device class %s does not exist", r.DeviceClass)
	}
	return nil
}

func (m *Map) freeRuleID() int {
	id := 0
	for _, r := range m.rules {
		if r.ID == id {
			id++
		}
	}
	return id
}

// Rule finds a rule by name.
func (m *Map) Rule(name string) (ceph.CRUSHRule, bool) {
	return m.find(func(r *ceph.CRUSHRule) bool { return r.Name == name })
}

// RuleByID finds a rule by id.
func (m *Map) RuleByID(id int) (ceph.CRUSHRule, bool) {
	return m.find(func(r *ceph.CRUSHRule) bool { return r.ID == id })
}

func (m *Map) find(match func(*ceph.CRUSHRule) bool) (ceph.CRUSHRule, bool) {
	i := slices.IndexFunc(m.rules, match)
	if i < 0 {
		return ceph.CRUSHRule{}, false
	}
	return *m.rules[i], true
}

// RemoveRule removes a rule.
func (m *Map) RemoveRule(name string) {
	m.rules = slices.DeleteFunc(m.rules, func(r *ceph.CRUSHRule) bool { return r.Name == name })
	m.export = nil
}

// FirstRule returns the rule with the lowest id of a type.
func (m *Map) FirstRule(t ceph.PoolType) (ceph.CRUSHRule, bool) {
	return m.find(func(r *ceph.CRUSHRule) bool { return r.Type == t })
}
