package alerts

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

var syntax = parser.NewParser(parser.Options{})

// rules are the alerts of the chart, by name.
func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile("../seamount/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, syntax, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	found := map[string]rulefmt.Rule{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if _, twice := found[rule.Alert]; twice || rule.Alert == "" {
				t.Errorf("alert %q twice, or none", rule.Alert)
			}
			found[rule.Alert] = rule
		}
	}
	return found
}

// step is how often rules are looked at, and how far the samples of a series are apart.
const step = time.Minute

// fires runs a rule over series in the notation of promtool, as long as they last, and returns the labels with which it fires.
func fires(t *testing.T, rule rulefmt.Rule, series ...string) []labels.Labels {
	t.Helper()
	data, steps := parse(t, series)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: syntax})
	defer engine.Close()
	var fired []labels.Labels
	active := map[string]int{} // for how many looks in a row, by labels
	for i := range steps {
		next := map[string]int{}
		for _, found := range query(t, engine, data, rule.Expr, time.UnixMilli(0).Add(time.Duration(i)*step)) {
			key := found.String()
			next[key] = active[key] + 1
			if time.Duration(next[key]-1)*step == time.Duration(rule.For) {
				fired = append(fired, found)
			}
		}
		active = next
	}
	return fired
}

func query(t *testing.T, engine *promql.Engine, data list, expr string, at time.Time) []labels.Labels {
	t.Helper()
	querier := &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		return data.matching(matchers)
	}}
	q, err := engine.NewInstantQuery(t.Context(), &storage.MockQueryable{MockQuerier: querier}, nil, expr, at)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	vector, err := q.Exec(context.Background()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	var found []labels.Labels
	for _, sample := range vector {
		found = append(found, sample.Metric)
	}
	return found
}

// parse reads series, such as up{job="a"} 1x10 0x5. It also says how many samples the longest has.
func parse(t *testing.T, series []string) (data list, longest int) {
	t.Helper()
	for _, one := range series {
		name, values, err := syntax.ParseSeriesDesc(one)
		if err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		var points []promql.FPoint
		for i, value := range values {
			if !value.Omitted {
				points = append(points, promql.FPoint{T: int64(i) * step.Milliseconds(), F: value.Value})
			}
		}
		data = append(data, promql.NewStorageSeries(promql.Series{Metric: name, Floats: points}))
		longest = max(longest, len(values))
	}
	return data, longest
}

// list is the series that there are, and a set of series.
type list []storage.Series

func (l list) matching(matchers []*labels.Matcher) storage.SeriesSet {
	found := &set{at: -1}
	for _, series := range l {
		fits := true
		for _, matcher := range matchers {
			fits = fits && matcher.Matches(series.Labels().Get(matcher.Name))
		}
		if fits {
			found.list = append(found.list, series)
		}
	}
	return found
}

type set struct {
	list list
	at   int
}

// Next implements storage.SeriesSet, as the others do.
func (s *set) Next() bool {
	s.at++
	return s.at < len(s.list)
}

// At is the current series.
func (s *set) At() storage.Series { return s.list[s.at] }

// Err is never one.
func (*set) Err() error { return nil }

// Warnings are none.
func (*set) Warnings() annotations.Annotations { return nil }

func TestFires(t *testing.T) {
	t.Parallel()
	rule := rulefmt.Rule{Expr: "a > 1", For: model.Duration(3 * time.Minute)}
	for series, want := range map[string]int{
		"a 2x3":             1, // at the fourth look, three minutes after the first
		"a 2x2":             0,
		"a 2 2 2 1 2 2 2":   0,
		"a 2x3 1 2x3":       2,
		`a{b="c"} 1x5 2x10`: 1,
		"b 2x9":             0,
	} {
		if got := fires(t, rule, series); len(got) != want {
			t.Errorf("%s: %s", series, fmt.Sprint(got))
		}
	}
}
