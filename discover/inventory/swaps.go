package inventory

import (
	"fmt"
	"strings"

	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// parseSwaps reads the devices out of /proc/swaps; files are left out, their filesystem is mounted.
func parseSwaps(text string) ([]string, error) {
	var names []string
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) == 0 { // the heading
			continue
		}
		if len(fields) < 5 {
			return names, fmt.Errorf("unexpected line %q of swaps", line)
		}
		if fields[1] == "partition" {
			names = append(names, strings.TrimSuffix(mountinfo.Unescape(fields[0]), " (deleted)"))
		}
	}
	return names, nil
}
