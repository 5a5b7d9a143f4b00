package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestCSIControllerRefuses(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	tests := map[string]struct {
		args []string
		want string
	}{
		"an argument":   {[]string{"csi", "controller", "x"}, `unknown command "x"`},
		"a bad rate":    {[]string{"csi", "controller", "--kube-api-qps", "fast"}, "invalid argument"},
		"no Kubernetes": {[]string{"csi", "controller"}, "find Kubernetes: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), tt.args, strings.NewReader(""), &stdout, &stderr); code != exitFailed || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("exit code %d, stderr %q, want %q", code, &stderr, tt.want)
			}
		})
	}
}
