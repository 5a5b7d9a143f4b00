package mounter

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
)

// helper is the name of the volume's process, of its directory and of its log. An ID may be too long for one.
func helper(v Volume) string {
	sum := sha256.Sum256([]byte(v.ID))
	return "file-" + hex.EncodeToString(sum[:10])
}

func (f *Fuse) dir(v Volume) string     { return filepath.Join(f.Dir, helper(v)) }
func (f *Fuse) conf(v Volume) string    { return filepath.Join(f.dir(v), "ceph.conf") }
func (f *Fuse) keyring(v Volume) string { return filepath.Join(f.dir(v), "keyring") }
func (f *Fuse) log(v Volume) string     { return filepath.Join(f.Logs, helper(v)+".log") }

// former is the log of the process before.
func (f *Fuse) former(v Volume) string { return f.log(v) + ".1" }

// settings of the process, each with its reason.
var settings = []struct{ key, value, why string }{
	{"log_to_file", "false", "it says what is wrong on its standard error, which goes to the volume's log"},
	{"admin_socket", "", "nobody asks it, and its directory is not there"},
	{"client_mount_timeout", "30", "a mount that hangs ends by itself, and says why"},
	{"client_oc_size", "33554432", "of the 200 MB that it caches else: there is a process for each volume"},
	{"client_reconnect_stale", "false", "a client that the MDS evicted must not go on with what it believes to hold"},
	{"client_die_on_failed_remount", "false", "a node without a mount(8) keeps names in its cache longer, which is no reason to die"},
	{"client_die_on_failed_dentry_invalidate", "false", "as above"},
}

// confText is the configuration file.
func confText(v Volume) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[global]\nfsid = %s\nmon_host = %s\n", v.Connection.FSID, strings.Join(v.Connection.Mons, ","))
	for _, s := range settings {
		fmt.Fprintf(&b, "%s = %s\n", s.key, s.value)
	}
	return b.String()
}

// write makes the files that the process reads. The key is in one of them alone, which root alone may read.
func (f *Fuse) write(v Volume) error {
	if err := writable(v); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir(v), 0o700); err != nil {
		return err
	}
	keyring := fmt.Sprintf("[%s]\n\tkey = %s\n", v.Connection.Entity, v.Connection.Key)
	for path, text := range map[string]string{f.conf(v): confText(v), f.keyring(v): keyring} {
		if err := replace(path, text); err != nil {
			return err
		}
	}
	if err := os.Rename(f.log(v), f.former(v)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writable refuses what would be another line of a file.
func writable(v Volume) error {
	words := append([]string{v.Connection.FSID, v.Connection.Entity}, v.Connection.Mons...)
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || strings.ContainsRune("#;\"'=\\", r) }) {
			return fault.New(codes.InvalidArgument, "%q cannot be told to %s", word, fuseProgram)
		}
	}
	if _, err := base64.StdEncoding.DecodeString(v.Connection.Key); err != nil || strings.ContainsAny(v.Connection.Key, "\r\n") {
		return errors.New("the user's key is not base64")
	}
	return nil
}

// replace writes a file, which is there as a whole or not at all.
func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// remove removes the files of a process that has ended.
func (f *Fuse) remove(v Volume) error {
	var problems []error
	for _, path := range []string{f.log(v), f.former(v)} {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(append(problems, os.RemoveAll(f.dir(v)))...)
}

// ending returns since when the process is to end, and remembers that.
func (f *Fuse) ending(v Volume) (time.Time, error) {
	file := filepath.Join(f.dir(v), "ending")
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		if err = errors.Join(os.MkdirAll(f.dir(v), 0o700), os.WriteFile(file, nil, 0o600)); err == nil {
			info, err = os.Stat(file)
		}
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (f *Fuse) forgetEnding(v Volume) error {
	err := os.Remove(filepath.Join(f.dir(v), "ending"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Limits of what is told of a log.
const (
	maxLog   = 16 << 10
	maxWords = 500
)

// words are the last ones of a log that say something.
func words(log string) string {
	var said []string
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasSuffix(line, "starting ceph client") && !strings.HasSuffix(line, "starting fuse") {
			said = append(said, line)
		}
	}
	text := strings.Join(said[max(0, len(said)-3):], "; ")
	return strings.ToValidUTF8(text[max(0, len(text)-maxWords):], "")
}

// last reads the end of the log.
func (f *Fuse) last(v Volume) string {
	file, err := os.Open(f.log(v))
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > maxLog {
		_, _ = file.Seek(-maxLog, 2) // else it is read from its beginning
	}
	text := make([]byte, maxLog)
	n, _ := file.Read(text) // for people
	return words(string(text[:n]))
}

// said is what Ceph said last, to be added to a message.
func (f *Fuse) said(v Volume) string {
	if text := f.last(v); text != "" {
		return ": " + text
	}
	return ""
}

// number of an error in Ceph's words, such as "ceph mount failed with (13) Permission denied".
var errorNumber = regexp.MustCompile(`\((\d{1,3})\) `)

// failed is the error about a process that ended before it had mounted. It ends with status 0 then too.
func (f *Fuse) failed(v Volume) error {
	text := f.last(v)
	if text == "" {
		text = "it said nothing"
	}
	return failure(v, text)
}

func failure(v Volume, text string) error {
	var number unix.Errno
	if all := errorNumber.FindAllStringSubmatch(text, -1); all != nil {
		n, _ := strconv.Atoi(all[len(all)-1][1]) // it has three digits at most
		number = unix.Errno(n)
	}
	err := fmt.Errorf("%s ended before it had mounted %s: %s", fuseProgram, v.Subvolume, text)
	switch number {
	case unix.EACCES, unix.EPERM:
		return denied(v.Connection.Entity, err)
	case unix.ENOENT:
		return fault.New(codes.NotFound, "there is no such subvolume, or no such filesystem: %w", err)
	case unix.ESHUTDOWN:
		return fault.New(codes.FailedPrecondition, "this node is on Ceph's blocklist: it was fenced; restart it and lift the fence: %w", err)
	case unix.ETIMEDOUT, unix.EAGAIN, unix.EHOSTUNREACH:
		return fault.New(codes.Unavailable, "Ceph does not answer: see whether its mons and an MDS are up, and whether this node was fenced; it is tried again: %w", err)
	}
	return fault.New(codes.Internal, "%w", err)
}
