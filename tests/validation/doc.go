// Package validation tests the API as generated, without an API server: every CEL rule and every admission policy with
// what it must accept and refuse, the examples, and golden files of what may not change unnoticed.
//
// The tables are in package cases, the harnesses in packages crdtest and policytest; other tests use them too.
// Run with -update to write the golden files anew.
package validation
