package inventory

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
)

// captured is a node's files, as a text in testdata describes them, line by line:
//
//	disk LOCATION MAJOR:MINOR SECTORS   a disk with what every disk has; what follows lies in its directory
//	part NAME MAJOR:MINOR START SECTORS a partition of it; what follows lies in its directory
//	in DIR                              what follows lies there, "." is the root
//	NAME = TEXT, NAME x= HEX            a file
//	NAME <<                             a file of the lines up to one with a single dot
//	NAME -> TARGET                      a link
//	NAME block MAJOR:MINOR              the node of a block device
//	NAME dir                            an empty directory
//	NAME ! ERRNO                        a file or directory that cannot be read
//	NAME gone                           not there after all
type captured struct {
	files fstest.MapFS
	dir   string // that names are relative to
	disk  string // the directory of the last disk
	count int    // of disks
}

var (
	_ fs.ReadLinkFS = captured{}
	_ fs.FS         = captured{}
)

// Open fails where the text says so.
func (c captured) Open(name string) (fs.File, error) {
	f, err := c.files.Open(c.rooted(name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if failure, fails := info.Sys().(error); fails {
		return nil, &fs.PathError{Op: "open", Path: name, Err: failure}
	}
	return f, nil
}

// ReadLink returns links as they were written: absolute ones are kept relative, so that they can be followed.
func (c captured) ReadLink(name string) (string, error) {
	name = c.rooted(name)
	if info, err := c.files.Lstat(name); err == nil {
		switch sys := info.Sys().(type) {
		case string:
			return sys, nil
		case error:
			return "", &fs.PathError{Op: "readlink", Path: name, Err: sys}
		}
	}
	return c.files.ReadLink(name)
}

// Lstat fails for what is not there only.
func (c captured) Lstat(name string) (fs.FileInfo, error) { return c.files.Lstat(c.rooted(name)) }

var processRoot = regexp.MustCompile(`^proc/\d+/root(?:/|$)`)

// rooted goes through the root of a process that has the node's own: MapFS cannot follow a link to the top.
func (c captured) rooted(name string) string {
	prefix := processRoot.FindString(name)
	if prefix == "" || c.files[strings.TrimSuffix(prefix, "/")].Sys != "/" {
		return name
	}
	return path.Join(".", strings.TrimPrefix(name, prefix))
}

// load reads a description.
func load(t testing.TB, text string) captured {
	t.Helper()
	c := &captured{files: fstest.MapFS{}, dir: "."}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, found := strings.CutSuffix(line, " <<"); found {
			var content []string
			for i++; lines[i] != "."; i++ {
				content = append(content, lines[i]+"\n")
			}
			c.file(name, []byte(strings.Join(content, "")))
			continue
		}
		if err := c.line(line); err != nil {
			t.Fatalf("line %d, %q: %v", i+1, line, err)
		}
	}
	return *c
}

func (c *captured) line(line string) error {
	fields := strings.Fields(line)
	switch {
	case fields[0] == "disk":
		return c.addDisk(fields[1:])
	case fields[0] == "part":
		return c.addPart(fields[1:])
	case fields[0] == "in":
		c.dir = fields[1]
		return nil
	case len(fields) < 2:
		return fmt.Errorf("one word")
	}
	name, rest := fields[0], strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, fields[0]), " "+fields[1]))
	switch fields[1] {
	case "=":
		c.file(name, []byte(rest+"\n"))
	case "x=":
		content, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
		c.file(name, content)
		return err
	case "->":
		c.link(name, rest)
	case "block":
		return c.block(name, rest)
	case "dir":
		c.files[path.Join(c.dir, name)] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	case "!":
		return c.fail(name, rest)
	case "gone":
		delete(c.files, path.Join(c.dir, name))
	default:
		return fmt.Errorf("unknown word %q", fields[1])
	}
	return nil
}

func (c *captured) file(name string, content []byte) {
	c.files[path.Join(c.dir, name)] = &fstest.MapFile{Data: content, Mode: 0o444}
}

func (c *captured) link(name, target string) {
	name = path.Join(c.dir, name)
	file := &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	if path.IsAbs(target) || strings.Contains(target, ":[") {
		up := strings.Repeat("../", strings.Count(name, "/"))
		file.Data, file.Sys = []byte(path.Clean(up+strings.TrimPrefix(target, "/"))), target
	}
	c.files[name] = file
}

func (c *captured) block(name, number string) error {
	n, err := disk.ParseNumber(number)
	c.files[path.Join(c.dir, name)] = &fstest.MapFile{Mode: fs.ModeDevice | 0o660, Sys: n}
	return err
}

var errnos = map[string]error{"EIO": unix.EIO, "EACCES": unix.EACCES, "ENXIO": unix.ENXIO, "EINVAL": unix.EINVAL}

func (c *captured) fail(name, errno string) error {
	if errnos[errno] == nil {
		return fmt.Errorf("unknown error %q", errno)
	}
	c.files[path.Join(c.dir, name)] = &fstest.MapFile{Sys: errnos[errno]}
	return nil
}

func (c *captured) addDisk(fields []string) error {
	if len(fields) != 3 {
		return fmt.Errorf("a disk has location, number and sectors")
	}
	name := path.Base(fields[0])
	c.count++
	c.dir = "."
	c.link("sys/block/"+name, "../devices/"+fields[0])
	if err := c.block("dev/"+strings.ReplaceAll(name, "!", "/"), fields[1]); err != nil {
		return err
	}
	c.dir = path.Join("sys/devices", fields[0])
	c.disk = c.dir
	for file, content := range map[string]string{
		"dev": fields[1], "size": fields[2], "ro": "0", "removable": "0", "hidden": "0", "diskseq": strconv.Itoa(c.count),
		"stat":                     "120 0 960 11 0 0 0 0 0 12 11 0 0 0 0 0 0",
		"queue/logical_block_size": "512", "queue/physical_block_size": "4096", "queue/rotational": "1", "queue/zoned": "none",
		"queue/discard_max_bytes": "0",
	} {
		c.file(file, []byte(content+"\n"))
	}
	c.addPort(fields[0])
	return c.neighbours("holders", "slaves")
}

var ataPort = regexp.MustCompile(`^(.*/(ata(\d+)))/`)

// addPort gives a disk of ATA the port that it is on, where the text has not.
func (c *captured) addPort(location string) {
	match := ataPort.FindStringSubmatch(location)
	if match == nil {
		return
	}
	name := path.Join("sys/devices", match[1], "ata_port", match[2], "port_no")
	if c.files[name] == nil {
		c.files[name] = &fstest.MapFile{Data: []byte(match[3] + "\n"), Mode: 0o444}
	}
}

func (c *captured) addPart(fields []string) error {
	if len(fields) != 4 {
		return fmt.Errorf("a partition has name, number, start and sectors")
	}
	c.dir = "."
	if err := c.block("dev/"+fields[0], fields[1]); err != nil {
		return err
	}
	c.dir = path.Join(c.disk, fields[0])
	for file, content := range map[string]string{
		"dev": fields[1], "start": fields[2], "size": fields[3], "partition": "1", "uevent": "DEVTYPE=partition",
	} {
		c.file(file, []byte(content+"\n"))
	}
	return c.neighbours("holders")
}

func (c *captured) neighbours(sides ...string) error {
	for _, side := range sides {
		c.files[path.Join(c.dir, side)] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	}
	return nil
}

// unpack writes what ghw reads to a directory.
func (c captured) unpack(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, file := range c.files {
		if !strings.HasPrefix(name, "sys/") && !strings.HasPrefix(name, "run/") {
			continue
		}
		if err := writeFile(filepath.Join(root, name), file); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func writeFile(name string, file *fstest.MapFile) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch {
	case file.Mode&fs.ModeSymlink != 0:
		return os.Symlink(string(file.Data), name)
	case file.Mode.IsDir():
		return os.MkdirAll(name, 0o755)
	}
	return os.WriteFile(name, file.Data, 0o600)
}

// reader reads the node that a file in testdata describes.
func reader(t testing.TB, text string) Reader {
	t.Helper()
	c := load(t, text)
	return Reader{Root: c.unpack(t), FS: c}
}

func read(t testing.TB, text string) []disk.Disk {
	t.Helper()
	disks, err := reader(t, text).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return disks
}
