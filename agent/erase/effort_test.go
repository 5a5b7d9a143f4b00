package erase

// How often each step is killed, and how large the largest disk is.
const (
	killRounds  = 24
	largestDisk = 12 << 30
)
