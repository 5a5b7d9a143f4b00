// Package plan decides. Each function takes what people want and what was observed, and returns what follows from it;
// the same arguments give the same result. It never reads or writes Kubernetes, Ceph or a clock.
package plan
