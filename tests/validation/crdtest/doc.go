// Package crdtest answers requests for custom resources as the API server does, without one: it loads the generated
// CustomResourceDefinitions and runs the API server's own code for them: pruning, defaulting, OpenAPI validation,
// list types, CEL rules and ratcheting. Admission policies are package policytest's.
//
// It knows nothing of Seamount but where the definitions are, keeps nothing, and talks to no one.
package crdtest
