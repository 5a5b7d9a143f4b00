package plan

import "reflect"

// Renders remembers what a pure function made of each daemon, so that thousands of pod templates are not built anew for
// every plan of a cluster at rest. It is for one goroutine.
type Renders struct {
	build func(Daemon) Template
	last  map[DaemonID]rendered
}

type rendered struct {
	daemon   Daemon
	template Template
}

// NewRenders returns a memory of what build makes. build must depend on the daemon alone: when anything else changes
// (such as the image of our own programs) there must be a new one.
func NewRenders(build func(Daemon) Template) *Renders {
	return &Renders{build: build, last: map[DaemonID]rendered{}}
}

// Render returns the template of a daemon's pod, for Observed.Render. It must not be changed.
func (r *Renders) Render(d Daemon) Template {
	if last, known := r.last[d.ID]; known && reflect.DeepEqual(last.daemon, d) {
		return last.template
	}
	template := r.build(d)
	r.last[d.ID] = rendered{d, template}
	return template
}
