package main

import (
	"strings"
	"testing"
)

func TestAgentNeedsANode(t *testing.T) {
	t.Setenv("NODE_NAME", "")
	if _, err := run(t, "agent", "run", "--kubeconfig", "nowhere"); err == nil || !strings.Contains(err.Error(), "--node is not set") {
		t.Errorf("without a node: %v", err)
	}
}
