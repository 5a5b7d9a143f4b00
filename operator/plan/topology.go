package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// The root of the CRUSH tree and the bucket that stands for a node.
const (
	rootName = "default"
	hostType = "host"
)

// level is a level of the tree between root and host, with the node label that says where a node is.
type level struct{ bucket, label string }

// levels from the outermost to the innermost. Ceph's map has a type for each:
// https://docs.ceph.com/en/latest/rados/operations/crush-map/#types-and-buckets.
func levels() []level {
	return []level{
		{"region", corev1.LabelTopologyRegion},
		{"zone", corev1.LabelTopologyZone},
		{"datacenter", v1alpha1.LabelTopologyPrefix + "datacenter"},
		{"room", v1alpha1.LabelTopologyPrefix + "room"},
		{"row", v1alpha1.LabelTopologyPrefix + "row"},
		{"rack", v1alpha1.LabelTopologyPrefix + "rack"},
		{"chassis", v1alpha1.LabelTopologyPrefix + "chassis"},
	}
}

// Locate returns the place in CRUSH that a node's labels say.
//
// Bucket names are global in Ceph, and every room may have a rack r1: so a level below the zone is named with the one
// above it in front (zone-a.r1). Zones and regions have names of their own in Kubernetes already.
func Locate(node Node) ceph.Location {
	location := ceph.Location{{Type: "root", Name: rootName}}
	above := ""
	for _, l := range levels() {
		name := node.Labels[l.label]
		if name == "" {
			continue
		}
		if above != "" && l.bucket != "zone" {
			name = above + "." + name
		}
		location = append(location, ceph.LocationLevel{Type: l.bucket, Name: name})
		above = name
	}
	return append(location, ceph.LocationLevel{Type: hostType, Name: node.Name})
}

// bucketAt returns the name of the bucket of a type in a location; empty: the location has none.
func bucketAt(location ceph.Location, bucketType string) string {
	for _, l := range location {
		if l.Type == bucketType {
			return l.Name
		}
	}
	return ""
}

// describeHost says where a host is, such as "host n3 in rack r2".
func describeHost(location ceph.Location) string {
	if len(location) == 0 {
		return "a host that is not known"
	}
	text := hostType + " " + bucketAt(location, hostType)
	if above := len(location) - 2; above > 0 {
		text += " in " + location[above].Type + " " + location[above].Name
	}
	return text
}

// bucketOf returns the CRUSH type of a failure domain.
func bucketOf(domain v1alpha1.FailureDomain) string { return strings.ToLower(string(domain)) }

// domainOf names the failure domain that an OSD is in. One whose location lacks the level shares its fate with all
// others in the nearest level above that it has.
func domainOf(domain v1alpha1.FailureDomain, osd string, location ceph.Location) string {
	if domain == v1alpha1.FailureDomainOSD {
		return osd
	}
	if name := bucketAt(location, bucketOf(domain)); name != "" {
		return bucketOf(domain) + " " + name
	}
	return describeAbove(domain, location)
}

// describeAbove names the innermost bucket of a location that is outside a level.
func describeAbove(domain v1alpha1.FailureDomain, location ceph.Location) string {
	inside := map[string]bool{hostType: true}
	all := levels()
	for i := len(all) - 1; i >= 0 && all[i].bucket != bucketOf(domain); i-- {
		inside[all[i].bucket] = true
	}
	name := "root " + rootName
	for _, l := range location {
		if !inside[l.Type] {
			name = l.Type + " " + l.Name
		}
	}
	return name
}

// bucketUse is where a name is used in the tree.
type bucketUse struct{ bucketType, parent string }

func (u bucketUse) String() string { return u.bucketType + " below " + u.parent }

// TopologyConflicts returns, by node, why its place cannot be told apart from another's in CRUSH, where a name stands for
// one bucket of one type below one parent.
func TopologyConflicts(nodes []Node) map[string]v1alpha1.Refusal {
	uses := map[string]map[bucketUse][]string{} // by bucket name: the nodes that use it so
	for _, node := range nodes {
		parent := ""
		for _, l := range Locate(node) {
			if uses[l.Name] == nil {
				uses[l.Name] = map[bucketUse][]string{}
			}
			use := bucketUse{l.Type, parent}
			uses[l.Name][use] = append(uses[l.Name][use], node.Name)
			parent = l.Name
		}
	}
	conflicts := map[string]v1alpha1.Refusal{}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if len(uses[name]) > 1 {
			addConflict(conflicts, name, uses[name])
		}
	}
	return conflicts
}

func addConflict(conflicts map[string]v1alpha1.Refusal, name string, uses map[bucketUse][]string) {
	kinds := slices.SortedFunc(maps.Keys(uses), func(a, b bucketUse) int { return strings.Compare(a.String(), b.String()) })
	var found []string
	for _, use := range kinds {
		found = append(found, fmt.Sprintf("%s (node %s)", use, slices.Min(uses[use])))
	}
	for _, use := range kinds {
		for _, node := range uses[use] {
			conflicts[node] = v1alpha1.Refusal{
				Reason:  v1alpha1.ReasonTopologyDrift,
				Message: fmt.Sprintf("CRUSH has one bucket named %s, and the labels of the nodes ask for %s", name, strings.Join(found, " and ")),
				Remedy:  "give one of them another name in the topology labels of its nodes",
			}
		}
	}
}

// EligibleNodes returns the nodes that daemons with a placement may be put on, in the order of their names. One that is
// not ready is among them: it counts, although nothing new is put there.
func EligibleNodes(nodes []Node, placement v1alpha1.Placement) []Node {
	var eligible []Node
	for _, node := range nodes {
		if !node.Unschedulable && !node.Deleting && selects(placement.NodeSelector, node.Labels) &&
			untolerated(node.Taints, placement.Tolerations) == nil {
			eligible = append(eligible, node)
		}
	}
	slices.SortFunc(eligible, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return eligible
}

// selects says whether labels carry all that a selector asks for.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if actual, found := labels[key]; !found || actual != value {
			return false
		}
	}
	return true
}

// lifecycleTaints begins the keys of taints that Kubernetes sets by itself while a node is not ready or cordoned. What
// they say is known from the node itself.
const lifecycleTaints = "node.kubernetes.io/"

// untolerated returns the first taint that keeps new pods with these tolerations away; nil: none does.
func untolerated(taints []corev1.Taint, tolerations []corev1.Toleration) *corev1.Taint {
	for i, taint := range taints {
		if taint.Effect == corev1.TaintEffectPreferNoSchedule || strings.HasPrefix(taint.Key, lifecycleTaints) {
			continue
		}
		if !slices.ContainsFunc(tolerations, func(t corev1.Toleration) bool { return tolerates(t, taint) }) {
			return &taints[i]
		}
	}
	return nil
}

// tolerates follows https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
func tolerates(t corev1.Toleration, taint corev1.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect {
		return false
	}
	if t.Operator == corev1.TolerationOpExists {
		return t.Key == "" || t.Key == taint.Key
	}
	return t.Key == taint.Key && t.Value == taint.Value
}

// FactsOf returns what Resolve depends on. nodes must be all nodes; mons are those recorded, and previous is the status
// of the object, where the numbers of mons and mgrs that were wanted last are read.
func FactsOf(spec *v1alpha1.StorageClusterSpec, nodes []Node, mons Mons, previous v1alpha1.StorageClusterStatus) ClusterFacts {
	placement := override(deref(spec.Placement), deref(spec.Mon).Placement)
	recorded := int32(len(mons.Mons))
	if recorded > 0 {
		recorded = (recorded - 1) | 1 // while one is replaced there is one more than wanted
	}
	return ClusterFacts{
		Nodes: int32(len(EligibleNodes(nodes, placement))),
		Mons:  max(recorded, deref(previous.Resolved).MonCount),
		Mgrs:  deref(previous.Resolved).MgrCount,
	}
}

// locationText writes a location as ceph-osd takes it: "root=default rack=r2 host=n3".
func locationText(location ceph.Location) string {
	texts := make([]string, len(location))
	for i, l := range location {
		texts[i] = l.Type + "=" + l.Name
	}
	return strings.Join(texts, " ")
}
