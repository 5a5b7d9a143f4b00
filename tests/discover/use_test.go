//go:build e2e

package discover

import (
	"os"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestHeldWithoutContent (D2) has disks that are all zeros and yet in somebody's hands, or no disks at all.
func TestHeldWithoutContent(t *testing.T) {
	readOnly := loopdev.Attach(t, loopdev.NewFile(t, diskSize), loopdev.Options{ReadOnly: true})
	small := loopdev.New(t, 1<<30)
	below := loopdev.New(t, diskSize)
	above := loopdev.Attach(t, below.Path, loopdev.Options{})
	served := loopdev.Attach(t, loopdev.NewFUSEFile(t, diskSize).Path, loopdev.Options{})
	deleted := loopdev.New(t, diskSize)
	remove(t, deleted.File)
	opened := loopdev.New(t, diskSize)
	open(t, opened.Path, os.O_RDONLY)

	found := newChain(t).scan(t, readOnly, small, below, above, served, deleted, opened)
	for name, tt := range map[string]struct {
		disk    *loopdev.Disk
		reason  string
		message string
		content v1alpha1.ContentKind // none: a volume is not read at all
	}{
		"read-only":                        {readOnly, v1alpha1.ReasonReadOnly, "cannot be written", v1alpha1.ContentEmpty},
		"too small":                        {small, v1alpha1.ReasonTooSmall, "has 1024 MiB", v1alpha1.ContentEmpty},
		"a loop device stands on it":       {below, v1alpha1.ReasonHolder, above.Name, v1alpha1.ContentEmpty},
		"stands on another device":         {above, v1alpha1.ReasonHolder, below.Path, ""},
		"its file is served by FUSE":       {served, v1alpha1.ReasonHolder, "fuse", ""},
		"its file was deleted":             {deleted, v1alpha1.ReasonHolder, "was deleted", ""},
		"a program only looks at the disk": {opened, v1alpha1.ReasonHolder, "open", v1alpha1.ContentEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			j := found[tt.disk.Name]
			j.mustBe(t, v1alpha1.VerdictRejected, tt.reason, tt.content)
			if len(j.Reasons) > 0 && !strings.Contains(j.Reasons[0].Message, tt.message) {
				t.Errorf("the message does not tell of %q: %s", tt.message, j.Reasons[0].Message)
			}
		})
	}
}

// TestOneIdentity (D3): two devices that say that they are the same disk.
func TestOneIdentity(t *testing.T) {
	file := loopdev.NewFile(t, diskSize)
	first, second := loopdev.Attach(t, file, loopdev.Options{}), loopdev.Attach(t, file, loopdev.Options{})
	for name, j := range newChain(t).scan(t, first, second) {
		if j.Result == v1alpha1.VerdictUsable {
			t.Errorf("%s is Usable, and another device has its file", name)
		}
		j.mustBe(t, v1alpha1.VerdictUnknown, v1alpha1.ReasonNotScanned, "")
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// open opens a device for as long as the test runs.
func open(t *testing.T, path string, mode int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
