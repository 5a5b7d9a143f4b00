// Package cases is what the API must accept and refuse, as data: a table of requests for custom resources with the
// exact errors, and one of requests that the admission policies decide on. tests/validation runs them without an API
// server; whoever has one can replay them.
//
// To replay a Case that has an Old, create Old with crdtest.WithoutRules of the definitions installed (some break a
// rule, as objects of older releases may), set its status through the status subresource, install the definitions as
// they are, then send New.
package cases
