// Package execute does what plan decided: it applies objects to Kubernetes and sends commands to Ceph, step by step.
//
// It decides nothing. Each step is idempotent, checks live what it rests on right before it acts, and ends in the same
// state when it is killed half way and done again. What is made once (identities, seeds, reservations) is created and
// never overwritten. What does not change is not written.
package execute
