// Package libceph is what the kernel's clients of Ceph, of block and of file volumes, are told alike: where the mons are, and
// who asks. Their common part is the kernel's module of that name. It maps and mounts nothing.
package libceph

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
)

// Client returns the mons' addresses and the options that make the kernel a client of a cluster. The key is not among them:
// Hand gives it.
func Client(c block.Connection) (mons string, options []string, err error) {
	addresses, v2, err := monAddresses(c.Mons)
	if err != nil {
		return "", nil, err
	}
	options = []string{"name=" + strings.TrimPrefix(c.Entity, "client."), "key=" + keyName(c), "fsid=" + c.FSID}
	if v2 {
		options = append(options, "ms_mode=prefer-crc")
	}
	return strings.Join(addresses, ","), options, nil
}

// Hand gives the kernel the user's key under the name that Client's options have. hold is HoldKey but in tests.
func Hand(c block.Connection, hold func(name string, key []byte) error) error {
	key, err := base64.StdEncoding.DecodeString(c.Key)
	if err != nil {
		return errors.New("the user's key is not base64")
	}
	if err := hold(keyName(c), key); err != nil {
		return fmt.Errorf("hand the kernel the key of %s: %w", c.Entity, err)
	}
	return nil
}

// HoldKey puts a key into the kernel's keyring of the calling thread, with which it goes: the kernel copies it while that
// thread maps or mounts.
func HoldKey(name string, key []byte) error {
	_, err := unix.AddKey("ceph", name, key, unix.KEY_SPEC_THREAD_KEYRING)
	return err
}

// keyName is what the key is called in the kernel's keyring. Names of users repeat between clusters.
func keyName(c block.Connection) string { return c.FSID + "." + c.Entity }

// monAddresses are the mons' addresses of one version of the protocol: of the second if all have one, as the kernel speaks
// one with all of them.
func monAddresses(mons []string) (addresses []string, v2 bool, err error) {
	var all [2][]string
	for _, mon := range mons {
		found, err := monAddress(mon)
		if err != nil {
			return nil, false, err
		}
		for i, address := range found {
			if address != "" {
				all[i] = append(all[i], address)
			}
		}
	}
	switch len(mons) {
	case 0:
		return nil, false, fault.New(codes.InvalidArgument, "no mon is named")
	case len(all[1]):
		return all[1], true, nil
	case len(all[0]):
		return all[0], false, nil
	}
	return nil, false, fault.New(codes.InvalidArgument, "the mons %s have no version of the protocol in common", strings.Join(mons, " "))
}

// portV2 is the port by which an address without a version is known to be of the second.
const portV2 = 3300

// monAddress reads an address such as [v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0], v1:10.0.0.1:6789 or 10.0.0.1:3300.
func monAddress(mon string) ([2]string, error) {
	var found [2]string
	list := mon
	if strings.HasPrefix(mon, "[v") {
		list = strings.TrimSuffix(strings.TrimPrefix(mon, "["), "]")
	}
	for part := range strings.SplitSeq(list, ",") {
		version, address := "", part
		if strings.HasPrefix(part, "v1:") || strings.HasPrefix(part, "v2:") {
			version, address = part[:2], part[3:]
		}
		address, _, _ = strings.Cut(address, "/")
		parsed, err := netip.ParseAddrPort(address)
		if err != nil {
			return found, fault.New(codes.InvalidArgument, "%q is no address of a mon that the kernel takes: %w", mon, err)
		}
		if version == "v2" || version == "" && parsed.Port() == portV2 {
			found[1] = parsed.String()
		} else {
			found[0] = parsed.String()
		}
	}
	return found, nil
}
