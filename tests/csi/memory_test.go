//go:build e2e

package csi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/figures"
)

// residentBy is what the largest process of each program that Seamount runs has resident, in MiB, by program and what it was
// told to be.
func residentBy(b *testing.B) map[string]float64 {
	b.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		b.Fatal(err)
	}
	largest := map[string]float64{}
	for _, file := range all {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		if name := role(strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")); name != "" {
			largest[name] = max(largest[name], resident(filepath.Dir(file)))
		}
	}
	return largest
}

// role names a program of Seamount's by its first arguments; empty: it is none that runs for long.
func role(argv []string) string {
	if at := slices.Index(argv, "--argv0"); at >= 0 && len(argv) > at+2 {
		argv = slices.Concat(argv[at+1:at+2], argv[at+3:]) // a helper is started by the bundle's own loader
	}
	name := filepath.Base(argv[0])
	if name != "seamount" && name != "seamount-node" && name != "ceph-fuse" && !strings.HasPrefix(name, "seamount-block") {
		return ""
	}
	for _, arg := range argv[1:] {
		if strings.HasPrefix(arg, "-") || strings.Contains(arg, "/") {
			break
		}
		name += "-" + arg
	}
	return name
}

// resident is the memory of a process, in MiB; 0 when it has ended.
func resident(proc string) float64 {
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return 0
	}
	mebibytes, err := figures.Memory(string(status), "VmRSS")
	if err != nil {
		return 0 // a process that ends has no memory
	}
	return mebibytes
}
