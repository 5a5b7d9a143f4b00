//go:build e2e

// Package figures reads and sums up what benchmarks print. It measures nothing itself.
package figures

import (
	"fmt"
	"slices"
	"strings"
)

// Median of the values, of which there is one at least.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Memory reads a field of /proc/PID/status, such as VmRSS or VmHWM, in MiB.
func Memory(status, field string) (float64, error) {
	_, line, found := strings.Cut(status, "\n"+field+":")
	if !found {
		return 0, fmt.Errorf("no %s in %q", field, status)
	}
	var kibibytes float64
	_, err := fmt.Sscan(line, &kibibytes)
	return kibibytes / 1024, err
}
