package rados

// Stats are the counters of one client, for metrics. Those that count events only grow.
type Stats struct {
	Mon     CallStats // commands to mons
	Mgr     CallStats // commands to the mgr
	OSD     CallStats // commands to an OSD
	Images  CallStats // operations on images
	Files   CallStats // commands to metadata servers
	Connect CallStats // attempts to connect

	// Sessions is how many connections are open, those included that are given up
	// but still used by a call that hangs.
	Sessions int
}

// CallStats are the counters of one kind of call.
type CallStats struct {
	Started  uint64 // that reached librados
	TimedOut uint64 // whose deadline came before the answer
	Refused  uint64 // that were not started, for others hang or run
	Running  int    // now, within their deadline
	Hung     int    // now, after their deadline
}

func (s CallStats) plus(o CallStats) CallStats {
	return CallStats{
		Started:  s.Started + o.Started,
		TimedOut: s.TimedOut + o.TimedOut,
		Refused:  s.Refused + o.Refused,
		Running:  s.Running + o.Running,
		Hung:     s.Hung + o.Hung,
	}
}
