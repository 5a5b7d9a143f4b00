//go:build e2e

// Package pidspace runs tests in a process namespace of their own. Discover reads what every process has open and
// mounted, beginning with the first one; on a machine whose first process may do more than the tests' user, it could not,
// and would rightly call every disk unknown.
package pidspace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// inside tells the test binary that it runs in the namespace.
const inside = "SEAMOUNT_TEST_PIDSPACE"

// Enter is for the beginning of TestMain. Outside of the namespace it runs the whole test binary again inside, and says
// with which status to exit. The first process there is a shell that waits for the tests; /proc is theirs, and mounts
// that they make are seen by nobody else.
func Enter() (status int, outside bool) { return Again(os.Args[1:]...) }

// Again runs the test binary again inside of a namespace, with other arguments, unless it is inside already.
func Again(args ...string) (status int, outside bool) {
	if os.Getenv(inside) != "" || os.Getuid() != 0 {
		return 0, false
	}
	cmd := exec.Command("unshare", append([]string{
		"--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", `"$0" "$@"; exit $?`, os.Args[0],
	}, args...)...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &failed):
		return failed.ExitCode(), true
	}
	fmt.Fprintln(os.Stderr, "run the tests in a namespace:", err)
	return 1, true
}
