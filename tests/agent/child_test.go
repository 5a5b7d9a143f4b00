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

// TestChild does a request in a process of its own, for tests that kill it.
func TestChild(t *testing.T) {
	told := os.Getenv(childEnv)
	if told == "" {
		t.Skip("tests that kill it start this")
	}
	var c child
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Request.Action == v1alpha1.DiskActionErase {
		_, err = eraser().Erase(t.Context(), c.Name, c.Request)
	} else {
		err = agent().Partition(t.Context(), c.Name, c.Request)
	}
	if err != nil {
		t.Fatal(err)
	}
}
