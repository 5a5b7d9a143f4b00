//go:build race

package app

// killStride is how many of the moments at which an operator can be killed are one step: with the race detector each costs
// ten times as much, and without it all are tried.
const killStride = 12
