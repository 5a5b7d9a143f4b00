package progress

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Memory is how long each step took the last time it was done. It is a
// convenience: what cannot be read or written is forgotten.
type Memory struct {
	path string

	mu   sync.Mutex
	took map[string]float64 // seconds, by title
}

// LoadMemory reads the durations that path holds, if any.
func LoadMemory(path string) *Memory {
	m := &Memory{path: path, took: map[string]float64{}}
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &m.took) != nil || m.took == nil {
		m.took = map[string]float64{}
	}
	return m
}

// Save writes the durations back.
func (m *Memory) Save() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(m.path), 0o755); err != nil {
		return err
	}
	return state.WriteJSON(m.path, m.took)
}

func (m *Memory) expected(title string) time.Duration {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Duration(m.took[title] * float64(time.Second))
}

// remember keeps a duration, unless it says only that there was nothing to do.
func (m *Memory) remember(title string, took time.Duration) {
	const nothing = 50 * time.Millisecond
	if m == nil || took < nothing {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took[title] = took.Seconds()
}

func isStepError(err error) bool {
	var step *Error
	return errors.As(err, &step)
}
