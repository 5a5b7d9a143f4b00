package process

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// HasArguments reports whether the process was started with exactly these
// arguments, the 0th not counted.
func (id ID) HasArguments(args []string) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id.PID))
	if err != nil || !id.Alive() {
		return false
	}
	argv := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	return len(argv) > 0 && slices.Equal(argv[1:], args)
}

// logTail is how much of a log's end is looked at.
const logTail = 64 << 10

// LastError is the line of a daemon's log that most likely says why it ended:
// the last one that klog or etcd marks as an error, or else the last of all.
func LastError(log string) string {
	data, err := readTail(log, logTail)
	if err != nil {
		return "its log cannot be read"
	}
	last, lastError := "it logged nothing", ""
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		last = line
		if isErrorLine(line) {
			lastError = line
		}
	}
	if lastError != "" {
		return lastError
	}
	return last
}

// readTail reads at most the last limit bytes of a file.
func readTail(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	start := max(0, info.Size()-limit)
	return io.ReadAll(io.NewSectionReader(f, start, info.Size()-start))
}

// isErrorLine knows klog's prefix (E0102 or F0102), its "Error:" and etcd's JSON.
func isErrorLine(line string) bool {
	if len(line) > 4 && (line[0] == 'E' || line[0] == 'F') && strings.Trim(line[1:5], "0123456789") == "" {
		return true
	}
	return strings.HasPrefix(line, "Error:") || strings.Contains(line, `"level":"fatal"`) || strings.Contains(line, `"level":"error"`)
}
