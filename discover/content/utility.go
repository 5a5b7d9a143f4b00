package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Exit codes of blkid(8).
const (
	blkidNothing    = 2
	blkidAmbivalent = 8
)

// runBlkid asks util-linux. Its exit code 2 means "nothing found" and also "could not open", without a word. So a
// device on which it found nothing is asked for its topology, which blkid can tell of any device that it can open.
func runBlkid(ctx context.Context, exe string, d *device) ([]disk.Signature, error) {
	out, code, err := execBlkid(ctx, exe, "-p", "-o", "export", d.path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("blkid %s: %w", d.name, err)
	case code == blkidAmbivalent:
		return []disk.Signature{ambivalent(d.name)}, nil
	case code == blkidNothing && d.block:
		return nil, opened(ctx, exe, d)
	case code == blkidNothing:
		return nil, nil
	case code != 0:
		return nil, fmt.Errorf("blkid %s: exit code %d", d.name, code)
	}
	return parseBlkid(d.name, out), nil
}

// ambivalent stands for several signatures that exclude each other: blkid names none of them.
func ambivalent(device string) disk.Signature {
	return disk.Signature{
		Source: disk.SourceBlkid, Device: device, Kind: v1alpha1.ContentUnrecognized, Type: "ambivalent", Offset: -1,
	}
}

// opened shows that blkid can open the device.
func opened(ctx context.Context, exe string, d *device) error {
	out, code, err := execBlkid(ctx, exe, "-p", "-i", d.path)
	if err == nil && (code != 0 || !bytes.Contains(out, []byte("LOGICAL_SECTOR_SIZE="))) {
		err = fmt.Errorf("exit code %d, and no topology: it could not open the device", code)
	}
	if err != nil {
		return fmt.Errorf("blkid %s: %w", d.name, err)
	}
	return nil
}

// execBlkid runs blkid with an environment that no file or variable of the host changes, and its errors on ours, so
// that whoever waits for us waits for it, too.
func execBlkid(ctx context.Context, exe string, args ...string) ([]byte, int, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = []string{"LC_ALL=C", "BLKID_CONF=/nonexistent", "BLKID_FILE=/nonexistent"}
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return out.Bytes(), exit.ExitCode(), nil
	}
	return out.Bytes(), 0, err
}

// parseBlkid reads lines of KEY=value. What only places a partition in its table (PART_ENTRY_...) says nothing about
// what is on it.
func parseBlkid(device string, out []byte) []disk.Signature {
	values := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if key, value, found := strings.Cut(strings.TrimRight(line, "\n"), "="); found {
			values[key] = strings.ReplaceAll(value, "\\", "")
		}
	}
	s := disk.Signature{Source: disk.SourceBlkid, Device: device, Offset: -1}
	var found []disk.Signature
	if table := values["PTTYPE"]; table != "" {
		s.Kind, s.Type, s.UUID = v1alpha1.ContentPartitionTable, table, values["PTUUID"]
		found = append(found, s)
	}
	if values["TYPE"] != "" || values["USAGE"] != "" {
		s.Kind, s.Type = blkidKind(values["TYPE"], values["USAGE"]), values["TYPE"]
		s.UUID, s.Label = values["UUID"], values["LABEL"]
		found = append(found, s)
	}
	return found
}

// blkidKind puts blkid's usage into the words of the API.
func blkidKind(name, usage string) v1alpha1.ContentKind {
	switch {
	case name == "ceph_bluestore":
		return v1alpha1.ContentBlueStore
	case name == "swap", name == "swsuspend":
		return v1alpha1.ContentSwap
	case name == "LVM2_member", name == "LVM1_member", name == "bcache", name == "zfs_member", name == "stratis",
		strings.HasPrefix(name, "VMFS"), name == "vdo":
		return v1alpha1.ContentVolumeManager
	case usage == "raid":
		return v1alpha1.ContentRAIDMember
	case usage == "crypto":
		return v1alpha1.ContentEncrypted
	case usage == "filesystem":
		return v1alpha1.ContentFilesystem
	}
	return v1alpha1.ContentUnrecognized
}
