package mapper

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/agent/loop"
)

// stackedOn names the devices that are built on a device: loop devices, as kubelet has one on each raw volume, and holders
// such as those of LVM.
func stackedOn(do func(func() error) error, path string) ([]string, error) {
	var found []string
	err := do(func() (err error) {
		found, err = stackedIn("/sys", path)
		return err
	})
	return found, err
}

func stackedIn(sys, path string) ([]string, error) {
	loops, err := loop.Named(sys, path)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, number := range loops {
		found = append(found, fmt.Sprintf("the loop device loop%d on it", number))
	}
	holders, err := os.ReadDir(filepath.Join(sys, "class/block", filepath.Base(path), "holders"))
	if err != nil {
		return found, nil //nolint:nilerr // a device without a place for holders has none
	}
	for _, h := range holders {
		found = append(found, fmt.Sprintf("the device %s on it", h.Name()))
	}
	return found, nil
}
