package disk

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// FirstNumber is the lowest number of a disk and of its loop device.
const FirstNumber = 1000

// Disk is one disk.
type Disk struct {
	// ID names the disk for as long as it exists, whatever device it is.
	ID string `json:"id"`
	// Node is the node that it is in, or 0 for a disk that was pulled and kept.
	Node int `json:"node,omitempty"`
	// Bytes is its size.
	Bytes int64 `json:"bytes"`
	// Number is that of its loop device the last time it was attached.
	Number int `json:"number"`
	// Given is its backing file where that is somebody else's, who goes on to keep it. Empty: it has one of its own.
	Given string `json:"given,omitempty"`
}

// Device is its device file, in the node and on the machine.
func (d Disk) Device() string { return loop.Path(d.Number) }

// File is its backing file.
func (m *Manager) File(d Disk) string {
	return cmp.Or(d.Given, filepath.Join(m.dir.Disks(), d.ID+".img"))
}

func (m *Manager) recordFile(id string) string { return filepath.Join(m.dir.Disks(), id+".json") }

func diskID(number int) string { return "disk-" + strconv.Itoa(number) }

// List is every disk, in and out of nodes, by ID.
func (m *Manager) List() ([]Disk, error) {
	records, err := filepath.Glob(m.recordFile("*"))
	if err != nil {
		return nil, fmt.Errorf("list disks: %w", err)
	}
	disks := make([]Disk, 0, len(records))
	for _, file := range records {
		d, err := readRecord(file)
		if err != nil {
			return nil, err
		}
		disks = append(disks, d)
	}
	slices.SortFunc(disks, func(a, b Disk) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return disks, nil
}

func readRecord(file string) (Disk, error) {
	var d Disk
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err == nil && (d.ID+".json" != filepath.Base(file) || d.Number < FirstNumber || d.Bytes <= 0) {
		err = errors.New("it does not describe a disk")
	}
	if err != nil {
		return d, fmt.Errorf("the record %s is damaged: %w", file, err)
	}
	return d, nil
}

// Find is the disk that a person names by ID, device or device name. More than
// one disk of different times may have had the same device: an ID wins.
func (m *Manager) Find(name string) (Disk, error) {
	disks, err := m.List()
	if err != nil {
		return Disk{}, err
	}
	for _, d := range disks {
		if d.ID == name {
			return d, nil
		}
	}
	for _, d := range disks {
		if d.Node != 0 && loop.Name(d.Number) == strings.TrimPrefix(name, "/dev/") {
			return d, nil
		}
	}
	return Disk{}, fmt.Errorf("no disk %q: `seamount-local disk list` shows all", name)
}

func (m *Manager) save(d Disk) error { return state.WriteJSON(m.recordFile(d.ID), d) }

// forget removes the file and then the record, so that no file is left that
// nothing tells of. A file that was given stays.
func (m *Manager) forget(d Disk) error {
	files := []string{m.File(d), m.recordFile(d.ID)}
	if d.Given != "" {
		files = files[1:]
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete %s: %w", d.ID, err)
		}
	}
	return nil
}

// entry is what the journal says of the device of d.
func (m *Manager) entry(d Disk, file loop.File) state.Entry {
	return state.Entry{Kind: state.KindLoop, Name: d.Device(), Facts: map[string]string{
		"disk":   d.ID,
		"node":   strconv.Itoa(d.Node),
		"device": strconv.FormatUint(file.Device, 10),
		"inode":  strconv.FormatUint(file.Inode, 10),
		"file":   m.File(d),
	}}
}

// deviceOf reads an entry back.
func deviceOf(e state.Entry) (number int, file loop.File, err error) {
	number, err1 := loop.ParsePath(e.Name)
	device, err2 := strconv.ParseUint(e.Facts["device"], 10, 64)
	inode, err3 := strconv.ParseUint(e.Facts["inode"], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return 0, loop.File{}, fmt.Errorf("the journal's entry for %s is damaged: %w", e.Name, err)
	}
	return number, loop.File{Device: device, Inode: inode}, nil
}
