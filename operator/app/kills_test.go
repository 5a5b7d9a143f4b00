package app

import "os"

// killStride is how many of the moments at which an operator can be killed are one step: the tests of every day try each third of
// them, and the long ones (`make test-long`, which sets the variable) all.
var killStride = strideOf(os.Getenv("SEAMOUNT_E2E_ROUNDS"))

func strideOf(rounds string) int {
	if rounds != "" {
		return 1
	}
	return 3
}
