package host

import (
	"errors"
	"testing"
)

func TestParseStart(t *testing.T) {
	t.Parallel()
	const stat = "1 (a) b (c) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9\n"
	if got, err := parseStart(stat); got != 4711 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for _, bad := range []string{"", "1 (a) S 0", "no bracket"} {
		if _, err := parseStart(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestProgramName(t *testing.T) {
	t.Parallel()
	for want, command := range map[string][]string{
		"mkfs.xfs": {"/b/ld.so", "--library-path", "/b/lib", "--argv0", "mkfs.xfs", "/b/bin/mkfs.xfs", "-f"}, "/sbin/x": {"/sbin/x", "-f"},
	} {
		if got := name(Program{Command: command}); got != want {
			t.Errorf("%v: %s", command, got)
		}
	}
}

func TestRunProgram(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), Program{Command: []string{"/bin/sh", "-c", "cat; echo said >&2; exit 3"}, Input: []byte("read ")})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || out != "read said" || exit.Output != out {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := run(t.Context(), Program{Command: []string{"/bin/sh", "-c", "echo $A; echo no >&2"}, Env: []string{"A=b"}, Answer: true}); out != "b\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
