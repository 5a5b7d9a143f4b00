package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// layoutText says a layout in words: "3 copies", "EC 4+2".
func layoutText(l Layout) string {
	switch {
	case l.ErasureCoded():
		return fmt.Sprintf("EC %d+%d", l.DataChunks, l.CodingChunks)
	case l.Replicas == 1:
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", l.Replicas)
}

// unplaceable returns why there is no place for a pool; nil: there is.
func (m member) unplaceable(s *ceph.Snapshot) *v1alpha1.Refusal {
	refusal := unplaceable(m.layout, s)
	if refusal != nil && m.label != "" {
		refusal.Message = m.label + ": " + refusal.Message
	}
	return refusal
}

// unplaceable returns why there is no place for each copy or chunk of a layout; nil: there is.
func unplaceable(l Layout, s *ceph.Snapshot) *v1alpha1.Refusal {
	if classes := liveClasses(s); l.DeviceClass != "" && !slices.Contains(classes, l.DeviceClass) {
		return &v1alpha1.Refusal{
			Reason:  v1alpha1.ReasonNoSuchClass,
			Message: fmt.Sprintf("no OSD is of class %s; there are %s", l.DeviceClass, orNone(strings.Join(classes, ", "))),
			Remedy:  "set deviceClass to one of these, or add disks of the class",
		}
	}
	have := countDomains(l, s)
	if have >= int(l.Domains()) {
		return nil
	}
	noun, of := domainNoun(l.FailureDomain), ""
	if l.DeviceClass != "" {
		of = " of class " + l.DeviceClass
	}
	what, verb := layoutText(l), "needs"
	if l.Replicas > 1 {
		verb = "need"
	}
	return &v1alpha1.Refusal{
		Reason: v1alpha1.ReasonTooFewDomains,
		Message: fmt.Sprintf("%s over %s %s %s; %d %s OSDs%s", what, l.FailureDomain, verb, count(l.Domains(), noun),
			have, verbHave(have), of),
		Remedy: placeRemedy(l.FailureDomain, noun),
	}
}

func verbHave(n int) string { return verb(n, "has", "have") }

func domainNoun(domain v1alpha1.FailureDomain) string {
	if domain == v1alpha1.FailureDomainOSD {
		return "OSD"
	}
	return bucketOf(domain)
}

func placeRemedy(domain v1alpha1.FailureDomain, noun string) string {
	switch domain {
	case v1alpha1.FailureDomainOSD:
		return "add disks, or ask for fewer copies or chunks"
	case v1alpha1.FailureDomainHost:
		return "add hosts, or set failureDomain: OSD"
	}
	return "add " + noun + "s, or set failureDomain: Host"
}

// liveClasses lists the device classes of OSDs.
func liveClasses(s *ceph.Snapshot) []string {
	found := map[string]bool{}
	for _, d := range s.CRUSH.Devices {
		if d.Class != "" {
			found[d.Class] = true
		}
	}
	return sortedStrings(found)
}

// countDomains counts the failure domains with OSDs that data is placed on: those that are in and have a weight.
func countDomains(l Layout, s *ceph.Snapshot) int {
	parents := map[int]*ceph.Bucket{}
	for i := range s.CRUSH.Buckets {
		for _, item := range s.CRUSH.Buckets[i].Items {
			parents[item.ID] = &s.CRUSH.Buckets[i]
		}
	}
	domains := map[int]bool{}
	for _, osd := range s.OSDs {
		if !osd.In || osd.CRUSHWeight <= 0 || l.DeviceClass != "" && osd.DeviceClass != l.DeviceClass {
			continue
		}
		if id, found := domainIn(parents, osd.ID, bucketOf(l.FailureDomain)); found {
			domains[id] = true
		}
	}
	return len(domains)
}

// domainIn returns the bucket of a type above an OSD, or the OSD itself, under the root that rules take.
func domainIn(parents map[int]*ceph.Bucket, osd int, bucketType string) (id int, found bool) {
	if bucketType == "osd" {
		id, found = osd, true
	}
	for at := parents[osd]; at != nil; at = parents[at.ID] {
		if at.Type == bucketType {
			id, found = at.ID, true
		}
		if at.Name == rootName {
			return id, found
		}
	}
	return 0, false
}
