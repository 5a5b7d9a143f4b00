//go:build race

package erase

// What is tried with the race detector, with which reading a disk takes ten times as long. Without it all is tried.
const (
	killRounds  = 6
	largestDisk = 17*mib + 512
)
