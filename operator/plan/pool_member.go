package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// dataPoolSuffix makes the name of the erasure-coded pool beside the pool of the images.
const dataPoolSuffix = "-data"

// member is a pool of Ceph behind a StoragePool or a StorageFilesystem.
type member struct {
	name   string
	label  string // where it is in the spec; empty: the spec is of one pool
	role   v1alpha1.CephPoolRole
	layout Layout
	images bool // image headers are in it
	quota  ceph.PoolQuota
	target int32
}

// members returns the pools of Ceph behind a StoragePool, the one with the images first. That one has its name.
func (p Pool) members(name string) []member {
	data := member{
		name: name, role: v1alpha1.CephPoolData, layout: p.Layout, images: true, target: p.TargetPercent,
		quota: ceph.PoolQuota{Bytes: p.QuotaBytes, Objects: p.QuotaObjects},
	}
	if p.ImageMetadata == nil {
		return []member{data}
	}
	data.name, data.images = name+dataPoolSuffix, false
	return []member{{name: name, role: v1alpha1.CephPoolImageMetadata, layout: *p.ImageMetadata, images: true}, data}
}

// ruleName names the rule of a pool after all that it depends on. Names of pools have no underscore.
func ruleName(pool, failureDomain, class string) string {
	name := pool + "_" + failureDomain
	if class != "" {
		name += "_" + class
	}
	return name
}

func (m member) ruleName() string {
	return ruleName(m.name, bucketOf(m.layout.FailureDomain), m.layout.DeviceClass)
}

// rule returns the step that makes the member's rule.
func (m member) rule() EnsurePoolRule {
	step := EnsurePoolRule{Rule: ceph.ReplicatedRule{
		Name: m.ruleName(), Root: rootName, FailureDomain: bucketOf(m.layout.FailureDomain), DeviceClass: m.layout.DeviceClass,
	}}
	if m.layout.ErasureCoded() {
		step.Profile = &ceph.ErasureProfile{
			Name: step.Rule.Name, DataChunks: int(m.layout.DataChunks), CodingChunks: int(m.layout.CodingChunks),
			FailureDomain: step.Rule.FailureDomain, DeviceClass: m.layout.DeviceClass, Root: rootName,
		}
	}
	return step
}

const autoscaleOn = "on"

// spec returns what the pool is made with. A single copy is asked for afterwards, by a call of its own.
func (m member) spec() ceph.PoolSpec {
	spec := ceph.PoolSpec{Name: m.name, Type: ceph.Replicated, Rule: m.ruleName(), AutoscaleMode: autoscaleOn}
	if m.layout.ErasureCoded() {
		spec.Type, spec.ErasureProfile, spec.OverwritesOnECPool = ceph.Erasure, m.ruleName(), true
		return spec
	}
	spec.Size = max(int(m.layout.Replicas), 2)
	return spec
}

// minSize is how many copies or chunks must be there for writes: as many as leave none to chance where that is possible,
// which is Ceph's own choice. Two copies have one, or the first disk that fails would stop all I/O.
func (m member) minSize() int {
	if m.layout.ErasureCoded() {
		return int(m.layout.DataChunks + min(1, m.layout.CodingChunks-1))
	}
	return int(m.layout.Replicas - m.layout.Replicas/2)
}

// The settings of a pool that have a step of their own.
const (
	optionSize, optionMinSize, optionRule = "size", "min_size", "crush_rule"
	optionCompression                     = "compression_mode"
	optionAutoscale                       = "pg_autoscale_mode"
	optionTarget                          = "target_size_ratio"
	optionOverwrites                      = "allow_ec_overwrites"
	optionQuota                           = "quota"
)

type setting struct{ option, value string }

// settings returns what the pool is to have, in the order in which it is set: Ceph changes min_size along with size.
func (m member) settings() []setting {
	list := []setting{{optionRule, m.ruleName()}}
	if m.layout.ErasureCoded() {
		list = append(list, setting{optionOverwrites, "true"})
	} else {
		list = append(list, setting{optionSize, strconv.Itoa(int(m.layout.Replicas))})
	}
	return append(list,
		setting{optionMinSize, strconv.Itoa(m.minSize())},
		setting{optionCompression, strings.ToLower(string(m.layout.Compression))},
		setting{optionAutoscale, autoscaleOn},
		setting{optionTarget, strconv.FormatFloat(float64(m.target)/100, 'f', -1, 64)},
		setting{optionQuota, quotaText(m.quota)},
	)
}

// settingsText returns what stands for the settings beside the tag, where there is little room.
func (m member) settingsText() string {
	sum := sha256.Sum256(fmt.Append(nil, m.settings()))
	return hex.EncodeToString(sum[:8])
}

func quotaText(q ceph.PoolQuota) string {
	return fmt.Sprintf("%d bytes, %d objects", q.Bytes, q.Objects)
}

// live returns the value of a setting as a pool has it.
func live(pool ceph.Pool, option string, rules []ceph.CRUSHRule) string {
	switch option {
	case optionSize:
		return strconv.Itoa(pool.Size)
	case optionMinSize:
		return strconv.Itoa(pool.MinSize)
	case optionRule:
		return ruleByID(rules, pool.RuleID).Name
	case optionAutoscale:
		return pool.AutoscaleMode
	case optionOverwrites:
		return strconv.FormatBool(slices.Contains(pool.Flags, "ec_overwrites"))
	case optionQuota:
		return quotaText(pool.Quota)
	case optionTarget:
		return orDefault(pool.Options[option], "0")
	}
	return orDefault(pool.Options[option], "none")
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

func ruleByID(rules []ceph.CRUSHRule, id int) ceph.CRUSHRule {
	for _, rule := range rules {
		if rule.ID == id {
			return rule
		}
	}
	return ceph.CRUSHRule{}
}

// action returns what sets a setting.
func (m member) action(s setting) Action {
	switch {
	case s.option == optionQuota:
		return SetCephPoolQuota{m.name, m.quota}
	case s.option == optionSize && s.value == "1":
		return SingleCopy{m.name}
	}
	return SetCephPool{m.name, s.option, s.value}
}

// movesData says that a setting decides where data lies.
func movesData(option string) bool { return option == optionRule || option == optionSize }

// ownRule says that a rule has the name that this program gives to a rule of the pool.
func ownRule(pool string, rule ceph.CRUSHRule) bool {
	return rule.Name == ruleName(pool, rule.FailureDomain, rule.DeviceClass)
}
