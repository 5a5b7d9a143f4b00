// Package docs holds the documentation to what is there: every command line in a page is read by what would run it or by a rule
// that knows it, every object is taken by the API server's own code, every link leads somewhere, and every test that a law of
// safety names is a test.
//
// It runs no command of a page, and changes nothing. But of each it says how a test runs it, or why none does: most are run by
// TestTrial of tests/local, which takes the lines and what to do with them from here.
package docs
