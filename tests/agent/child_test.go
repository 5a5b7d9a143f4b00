//go:build e2e

package agent

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// child is what a child is told.
type child struct {
	Name    string
	Request v1alpha1.DiskRequest
}

func (a *asked) encode(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(child{Name: a.name, Request: a.request})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestChild cuts a disk when TestKilled asks it to, in a process of its own.
func TestChild(t *testing.T) {
	told := os.Getenv(childEnv)
	if told == "" {
		t.Skip("TestKilled starts this")
	}
	var c child
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		t.Fatal(err)
	}
	if err := agent().Partition(t.Context(), c.Name, c.Request); err != nil {
		t.Fatal(err)
	}
}
