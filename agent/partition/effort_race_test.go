//go:build race

package partition

// killRounds is less with the race detector, with which a try takes ten times as long. Both kinds of a kill are among them.
const killRounds = 2
