// Package policytest decides on requests as the API server's admission does, without one: it loads
// ValidatingAdmissionPolicies and their bindings and runs the API server's own plugin on them, with an authorizer that
// knows what it is told. Validation of the objects themselves is package crdtest's.
package policytest
