package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// report is what "seamount ceph check" prints of a snapshot.
type report struct {
	FSID     string        `json:"fsid"`
	Health   healthReport  `json:"health"`
	Mons     monReport     `json:"mons"`
	Mgr      mgrReport     `json:"mgr"`
	OSDs     osdReport     `json:"osds"`
	PGs      []pgReport    `json:"pgs"`
	Bytes    bytesReport   `json:"bytes"`
	Versions []versionLine `json:"versions"`
	Took     time.Duration `json:"tookNanoseconds"`
	Commands int           `json:"commands"`
}

type healthReport struct {
	Status ceph.HealthStatus `json:"status"`
	Checks []checkReport     `json:"checks"`
}

type checkReport struct {
	Code     string            `json:"code"`
	Severity ceph.HealthStatus `json:"severity"`
	Summary  string            `json:"summary"`
	Muted    bool              `json:"muted,omitempty"`
}

type monReport struct {
	Leader   string   `json:"leader"`
	InQuorum []string `json:"inQuorum"`
	Missing  []string `json:"missing"`
}

type mgrReport struct {
	Active   string   `json:"active"`
	Standbys []string `json:"standbys"`
}

type osdReport struct {
	Total int   `json:"total"`
	Up    int   `json:"up"`
	In    int   `json:"in"`
	Down  []int `json:"down"`
}

type pgReport struct {
	State string `json:"state"`
	Count int    `json:"count"`
}

type bytesReport struct {
	Total     int64 `json:"total"`
	Used      int64 `json:"used"`
	Available int64 `json:"available"`
}

type versionLine struct {
	Daemon  string `json:"daemon"`
	Version string `json:"version"`
	Count   int    `json:"count"`
}

func newReport(s *ceph.Snapshot) report {
	return report{
		FSID:     s.FSID,
		Health:   newHealthReport(s.Health),
		Mons:     newMonReport(s.Quorum),
		Mgr:      mgrReport{Active: s.Mgr.Active, Standbys: notNil(s.Mgr.Standbys)},
		OSDs:     newOSDReport(s.OSDs),
		PGs:      convert(s.PGs.ByState, func(p ceph.PGStateCount) pgReport { return pgReport{p.State, p.Count} }),
		Bytes:    bytesReport{s.Capacity.TotalBytes, s.Capacity.UsedBytes, s.Capacity.AvailableBytes},
		Versions: convert(s.Versions, func(v ceph.DaemonVersion) versionLine { return versionLine{v.Daemon, v.Version, v.Count} }),
		Took:     s.Took,
		Commands: s.Commands,
	}
}

func newHealthReport(h ceph.HealthReport) healthReport {
	return healthReport{Status: h.Status, Checks: convert(h.Checks, func(c ceph.HealthCheck) checkReport {
		return checkReport{c.Code, c.Severity, c.Summary, c.Muted}
	})}
}

func newMonReport(q ceph.QuorumStatus) monReport {
	r := monReport{Leader: q.Leader, InQuorum: notNil(q.InQuorum), Missing: []string{}}
	for _, m := range q.Mons {
		if !slices.Contains(q.InQuorum, m.Name) {
			r.Missing = append(r.Missing, m.Name)
		}
	}
	return r
}

func newOSDReport(osds []ceph.OSD) osdReport {
	r := osdReport{Total: len(osds), Down: []int{}}
	for _, o := range osds {
		if o.In {
			r.In++
		}
		if o.Up {
			r.Up++
		} else {
			r.Down = append(r.Down, o.ID)
		}
	}
	return r
}

// convert never returns nil, which JSON would show as null.
func convert[T, U any](from []T, f func(T) U) []U {
	to := make([]U, 0, len(from))
	for _, v := range from {
		to = append(to, f(v))
	}
	return to
}

func notNil(s []string) []string { return append([]string{}, s...) }

func (r report) print(w io.Writer, format output) error {
	if format == outputJSON {
		return printJSON(w, r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range r.lines() {
		if _, err := fmt.Fprintf(t, "%s\t%s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	return t.Flush()
}

// lines are the text as names and values.
func (r report) lines() [][2]string {
	lines := [][2]string{{"cluster", r.FSID}, {"health", string(r.Health.Status)}}
	for _, c := range r.Health.Checks {
		lines = append(lines, [2]string{"", c.line()})
	}
	return append(lines, [][2]string{
		{"mons", r.Mons.line()},
		{"mgr", r.Mgr.line()},
		{"osds", r.OSDs.line()},
		{"pgs", r.pgLine()},
		{"space", fmt.Sprintf("%s used of %s, %s available", gib(r.Bytes.Used), gib(r.Bytes.Total), gib(r.Bytes.Available))},
		{"runs", r.versionLine()},
		{"read in", fmt.Sprintf("%v, %d commands", r.Took.Round(time.Millisecond), r.Commands)},
	}...)
}

func (c checkReport) line() string {
	if c.Muted {
		return fmt.Sprintf("%s (muted): %s", c.Code, c.Summary)
	}
	return fmt.Sprintf("%s (%s): %s", c.Code, c.Severity, c.Summary)
}

func (m monReport) line() string {
	s := fmt.Sprintf("%d of %d in quorum: %s, leader %s", len(m.InQuorum), len(m.InQuorum)+len(m.Missing), strings.Join(m.InQuorum, " "), m.Leader)
	if len(m.Missing) > 0 {
		s += "; missing: " + strings.Join(m.Missing, " ")
	}
	return s
}

func (m mgrReport) line() string {
	switch {
	case m.Active == "":
		return "none is active"
	case len(m.Standbys) == 0:
		return m.Active + " is active, none stands by"
	default:
		return m.Active + " is active, standing by: " + strings.Join(m.Standbys, " ")
	}
}

// maxNamed is how many OSDs one line names.
const maxNamed = 20

func (o osdReport) line() string {
	s := fmt.Sprintf("%d up and %d in, of %d", o.Up, o.In, o.Total)
	if len(o.Down) > 0 {
		s += "; down: " + strings.Trim(fmt.Sprint(o.Down[:min(len(o.Down), maxNamed)]), "[]")
	}
	if more := len(o.Down) - maxNamed; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func (r report) pgLine() string {
	if len(r.PGs) == 0 {
		return "none"
	}
	parts := convert(r.PGs, func(p pgReport) string { return fmt.Sprintf("%d %s", p.Count, p.State) })
	return strings.Join(parts, ", ")
}

func (r report) versionLine() string {
	parts := convert(r.Versions, func(v versionLine) string { return fmt.Sprintf("%d %s %s", v.Count, v.Daemon, v.Version) })
	return strings.Join(parts, ", ")
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
