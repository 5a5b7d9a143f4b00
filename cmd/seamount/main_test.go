package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(args ...string) []string { return append([]string{"ceph", "check"}, args...) }
	tests := map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"unknown command": {[]string{"levitate"}, "", `unknown command "levitate"`},
		"no flags":        {check(), "", `required flag(s) "key-file", "mon-host" not set`},
		"argument":        {check("x"), "", `unknown command "x"`},
		"format":          {check("-o", "yaml"), "", `invalid argument "yaml" for "-o, --output" flag: want text or json`},
		"no key file":     {check("--mon-host", "10.0.0.7", "--key-file", filepath.Join(empty, "none")), "", "key file: open "},
		"empty key file":  {check("--mon-host", "10.0.0.7", "--key-file", empty), "", "key file " + empty + ": it is empty"},
		"bad key":         {check("--mon-host", "10.0.0.7", "--key-file", "-"), "secret!", "the key of client.admin cannot be used: it is not base64"},
		"bad mon host":    {check("--mon-host", "a:b", "--key-file", "-"), key, `mon host "a:b": port "b" is no number`},
		"bad entity":      {check("--mon-host", "a", "--key-file", "-", "--entity", "osd.0"), key, "the entity must be a client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tt.args, strings.NewReader(tt.stdin), &stdout, &stderr)
			if code != exitFailed || !strings.Contains(stderr.String(), "seamount: ") || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("exit code %d, stderr %q, want %d and %q", code, &stderr, exitFailed, tt.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout: %s", &stdout)
			}
			if tt.stdin != "" && strings.Contains(stderr.String(), tt.stdin) {
				t.Errorf("stderr tells the key: %s", &stderr)
			}
		})
	}
}

func TestRunPrints(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"version": {[]string{"version"}, "librados"},
		"help":    {[]string{"ceph", "check", "--help"}, "Exit code: 0 if the cluster is HEALTH_OK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tt.args, strings.NewReader(""), &stdout, &stderr)
			if code != exitOK || !strings.Contains(stdout.String(), tt.want) || stderr.Len() > 0 {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", code, &stdout, &stderr, tt.want)
			}
		})
	}
}
