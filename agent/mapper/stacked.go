package mapper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// stackedOn names the devices that are built on a device: loop devices, as kubelet has one on each raw volume, and holders
// such as those of LVM.
func stackedOn(do func(func() error) error, path string) ([]string, error) {
	var found []string
	err := do(func() error {
		found = stackedIn("/sys", path)
		return nil
	})
	return found, err
}

// stackedIn reads sysfs alone: to ask a loop device for its file could hang.
func stackedIn(sys, path string) []string {
	var found []string
	loops, _ := filepath.Glob(filepath.Join(sys, "block/loop*/loop/backing_file")) // the pattern is fine
	for _, file := range loops {
		text, err := os.ReadFile(file)
		if err == nil && strings.TrimSuffix(string(text), "\n") == path {
			found = append(found, fmt.Sprintf("the loop device %s on it", filepath.Base(filepath.Dir(filepath.Dir(file)))))
		}
	}
	holders, err := os.ReadDir(filepath.Join(sys, "class/block", filepath.Base(path), "holders"))
	if err != nil {
		return found
	}
	for _, h := range holders {
		found = append(found, fmt.Sprintf("the device %s on it", h.Name()))
	}
	return found
}
