package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Versions = (*Admin)(nil)

func versions() Request { return Request{Op: "versions", Target: Mon()} }

// versionsAnswer counts by daemon type and by a version's full text.
type versionsAnswer map[string]map[string]int

// overall is the line of the answer that sums up the others.
const overall = "overall"

func (v versionsAnswer) check() error {
	if v[overall] == nil {
		return fmt.Errorf("no line %q", overall)
	}
	return nil
}

func (v versionsAnswer) counts() []ceph.DaemonVersion {
	var out []ceph.DaemonVersion
	for daemon, texts := range v {
		if daemon == overall {
			continue
		}
		for text, count := range texts {
			out = addCount(out, daemon, text, count)
		}
	}
	slices.SortFunc(out, func(a, b ceph.DaemonVersion) int {
		return cmp.Or(cmp.Compare(a.Daemon, b.Daemon), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Release, b.Release))
	})
	return out
}

// addCount sums up builds of one version that differ in their commit only.
func addCount(counts []ceph.DaemonVersion, daemon, text string, count int) []ceph.DaemonVersion {
	number, release := splitVersion(text)
	for i, c := range counts {
		if c.Daemon == daemon && c.Version == number && c.Release == release {
			counts[i].Count += count
			return counts
		}
	}
	return append(counts, ceph.DaemonVersion{Daemon: daemon, Version: number, Release: release, Count: count})
}

// splitVersion reads "ceph version 20.2.4 (<commit>) tentacle (stable)". What is
// not of that form, such as "unknown" for a daemon that did not say, is returned
// as it is, without a release.
func splitVersion(text string) (number, release string) {
	fields := strings.Fields(text)
	if len(fields) < 5 || fields[0] != "ceph" || fields[1] != "version" {
		return text, ""
	}
	return fields[2], fields[4]
}

// Versions counts the running daemons of each type and version.
func (a *Admin) Versions(ctx context.Context) ([]ceph.DaemonVersion, error) {
	answer, err := ask[versionsAnswer](ctx, a, versions())
	if err != nil {
		return nil, err
	}
	return answer.counts(), nil
}
