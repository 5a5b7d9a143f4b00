// Package docs holds the documentation to what is there: every command line in a page is read by what would run it or by a rule
// that knows it, every object is taken by the API server's own code, every link leads somewhere, and every test that a law of
// safety names is a test.
//
// It runs no command of a page; tests that do are with what they run. It changes nothing.
package docs
