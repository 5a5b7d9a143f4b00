package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DirEnv names the environment variable that moves the state directory.
const DirEnv = "SEAMOUNT_LOCAL_DIR"

// DefaultDir is where the state lives unless DirEnv says otherwise.
const DefaultDir = "/var/lib/seamount-local"

// Dir is the one directory that holds everything a local cluster owns on disk.
// Its methods are paths; only Make creates anything.
type Dir string

// FromEnvironment is the state directory that the environment asks for. A
// relative DirEnv is an error: daemons outlive the directory they were started from.
func FromEnvironment() (Dir, error) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		return DefaultDir, nil
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("%s=%s is not an absolute path: set it to one", DirEnv, dir)
	}
	return Dir(filepath.Clean(dir)), nil
}

// Make creates the directory and its fixed subdirectories. It is idempotent.
func (d Dir) Make() error {
	for _, sub := range []string{d.PKI(), d.Logs(), d.Disks(), d.Nodes()} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return fmt.Errorf("create state directory: %w", err)
		}
	}
	return nil
}

// Path is the directory itself.
func (d Dir) Path() string { return string(d) }

func (d Dir) join(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// ConfigFile holds the Config of the cluster.
func (d Dir) ConfigFile() string { return d.join("config.json") }

// JournalFile holds the Journal.
func (d Dir) JournalFile() string { return d.join("journal.jsonl") }

// LockFile is held by the command that changes the cluster.
func (d Dir) LockFile() string { return d.join("lock") }

// PKI holds certificates, keys and kubeconfigs.
func (d Dir) PKI() string { return d.join("pki") }

// Kubeconfig is the cluster administrator's.
func (d Dir) Kubeconfig() string { return d.join("pki", "admin.kubeconfig") }

// Etcd is etcd's data directory.
func (d Dir) Etcd() string { return d.join("etcd") }

// Logs holds a log file for each control-plane process.
func (d Dir) Logs() string { return d.join("logs") }

// Log is the log file of a control-plane process.
func (d Dir) Log(process string) string { return d.join("logs", process+".log") }

// Nodes is the parent of the nodes' directories.
func (d Dir) Nodes() string { return d.join("nodes") }

// Node is the directory of node n: its disk, its logs, its files.
func (d Dir) Node(n int) string { return d.join("nodes", NodeName(n)) }

// NodeLogs holds the logs of node n: init.log, containerd.log, kubelet.log, kube-proxy.log.
func (d Dir) NodeLogs(n int) string { return filepath.Join(d.Node(n), "logs") }

// NodeLog is one log file of node n.
func (d Dir) NodeLog(n int, process string) string {
	return filepath.Join(d.NodeLogs(n), process+".log")
}

// Disks holds the backing files of the nodes' disks.
func (d Dir) Disks() string { return d.join("disks") }

// Run holds what belongs to a running cluster and is made anew by the next.
func (d Dir) Run() string { return d.join("run") }

// Switch is where the network namespace of the cluster's switch is bound.
func (d Dir) Switch() string { return d.join("switch") }

// ProgramsFile says where the programs are that the cluster was started with.
func (d Dir) ProgramsFile() string { return d.join("programs.json") }

// Store is the image store that every new node starts from.
func (d Dir) Store() string { return d.join("store") }

// IsEmpty reports whether there is nothing in the directory, or no directory.
func (d Dir) IsEmpty() (bool, error) {
	entries, err := os.ReadDir(d.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read state directory: %w", err)
	}
	return len(entries) == 0, nil
}

// IsOurs reports whether the directory holds, or held before an interruption, a
// local cluster.
func (d Dir) IsOurs() bool {
	for _, file := range []string{d.ConfigFile(), d.JournalFile(), d.LockFile()} {
		if _, err := os.Lstat(file); err == nil {
			return true
		}
	}
	return false
}

// Remove deletes what a local cluster keeps in the directory, the lock last, and
// the directory itself if nothing of anybody else's is in it. mountinfo is the
// text of /proc/self/mountinfo: as long as something is mounted below the
// directory nothing is deleted, since it would be what is mounted there.
func (d Dir) Remove(mountinfo string) error {
	if mounts := mountsBelow(mountinfo, d.Path()); len(mounts) > 0 {
		return fmt.Errorf("%s is still mounted: unmount it and run `seamount-local down` again", strings.Join(mounts, ", "))
	}
	for _, path := range append(d.unfinished(),
		d.Nodes(), d.Store(), d.Disks(), d.Etcd(), d.PKI(), d.Logs(), d.Run(), d.Switch(),
		d.ConfigFile(), d.ProgramsFile(), d.JournalFile(), d.LockFile(),
	) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove state directory: %w", err)
		}
	}
	err := os.Remove(d.Path())
	if empty, emptyErr := d.IsEmpty(); emptyErr == nil && !empty {
		return fmt.Errorf("%s holds files that are not seamount-local's: they were left there", d)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove state directory: %w", err)
	}
	return nil
}

// unfinished are the files that an interrupted WriteFile left.
func (d Dir) unfinished() []string {
	var all []string
	for _, file := range []string{d.ConfigFile(), d.ProgramsFile(), d.JournalFile()} {
		// The only error is of a malformed pattern.
		found, _ := filepath.Glob(filepath.Join(d.Path(), "."+filepath.Base(file)+".*"))
		all = append(all, found...)
	}
	return all
}

// mountsBelow are the mount points in or at dir, see proc_pid_mountinfo(5).
func mountsBelow(mountinfo, dir string) []string {
	var found []string
	for line := range strings.Lines(mountinfo) {
		const mountPoint = 4
		fields := strings.Fields(line)
		if len(fields) <= mountPoint {
			continue
		}
		at := unescape.Replace(fields[mountPoint])
		if strings.HasPrefix(at, dir+"/") {
			found = append(found, at)
		}
	}
	return found
}

// unescape undoes the kernel's escapes of blanks in paths.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
