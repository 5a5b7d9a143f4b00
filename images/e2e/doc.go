// Package e2e holds the tests of built images: real daemons and programs from
// the archives, run as root on this machine (build tag e2e).
package e2e
