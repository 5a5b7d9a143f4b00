package inventory

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
)

// mount is one line of mountinfo, see proc_pid_mountinfo(5).
type mount struct {
	id     int
	number disk.Number // of the filesystem; major 0 for those that are on no single block device
	root   string      // of the mount within the filesystem
	point  string
	fstype string
	source string
}

func parseMounts(text string) ([]mount, error) {
	var mounts []mount
	for line := range strings.Lines(text) {
		m, err := parseMount(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

// parseMount reads a line such as "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/sdb1 rw": an unknown number of
// optional fields ends with a dash.
func parseMount(line string) (mount, error) {
	head, tail, found := strings.Cut(line, " - ")
	before, after := strings.Fields(head), strings.Split(tail, " ")
	if !found || len(before) < 6 || len(after) < 2 {
		return mount{}, fmt.Errorf("unexpected line %q of mountinfo", line)
	}
	id, err := strconv.Atoi(before[0])
	if err != nil {
		return mount{}, fmt.Errorf("unexpected line %q of mountinfo", line)
	}
	number, err := disk.ParseNumber(before[2])
	if err != nil {
		return mount{}, fmt.Errorf("unexpected line %q of mountinfo: %w", line, err)
	}
	return mount{
		id: id, number: number, root: unescape(before[3]), point: unescape(before[4]),
		fstype: after[0], source: unescape(after[1]),
	}, nil
}

// unescape undoes the octal escapes in which the kernel writes space, tab, newline and backslash.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// remoteTypes are filesystems that a server answers for: looking at a file of theirs hangs with the server. Autofs mounts
// something when it is looked at.
var remoteTypes = map[string]bool{
	"9p": true, "afs": true, "autofs": true, "beegfs": true, "ceph": true, "cifs": true, "gpfs": true, "lustre": true,
	"nfs": true, "nfs4": true, "smb3": true, "virtiofs": true,
}

func (m mount) remote() bool {
	return remoteTypes[m.fstype] || m.fstype == "fuse" || strings.HasPrefix(m.fstype, "fuse.")
}

// covering is the mount that the path lies in; of several at one point the last one hides the others.
func covering(mounts []mount, path string) mount {
	var best mount
	for _, m := range mounts {
		if len(m.point) >= len(best.point) && within(path, m.point) {
			best = m
		}
	}
	return best
}

// within says whether path is dir or lies below it.
func within(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}
