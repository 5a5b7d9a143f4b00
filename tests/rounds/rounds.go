//go:build e2e

// Package rounds says how often a test repeats what can be repeated: once or a few times in the tests of every day, often in
// the long ones. It decides nothing else.
package rounds

import (
	"os"
	"strconv"
	"testing"
)

// Variables of the environment with numbers of repetitions.
const (
	// Kills is how often something is killed.
	Kills = "SEAMOUNT_E2E_ROUNDS"
	// Volumes is how many volumes are made and deleted.
	Volumes = "SEAMOUNT_E2E_VOLUMES"
	// Pods is how many pods share a volume.
	Pods = "SEAMOUNT_E2E_PODS"
)

// Of is the number that the variable has, and usual where it is not set.
func Of(t testing.TB, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, and no number from 1 on", variable, text)
	}
	return n
}
