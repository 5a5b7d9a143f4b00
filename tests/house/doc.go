// Package house holds the rules of this repository's source as tests: who may
// import whom, how long a function and a file may be, what names and calls are
// forbidden, and which licences may be linked into a binary.
//
// It reads source, the package graph and the module cache. It never builds,
// runs or changes what it reads. Every rule has a self-test that shows it fail.
package house
