package preflight

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// listening are the TCP addresses with a listening socket, of this network
// namespace.
func listening() ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("find out which ports are taken: %w", err)
		}
		found, err := parseListening(f)
		f.Close() //nolint:errcheck // read-only
		if err != nil {
			return nil, fmt.Errorf("find out which ports are taken: %s: %w", path, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// stateListen is TCP_LISTEN as /proc/net/tcp writes it.
const stateListen = "0A"

// parseListening reads /proc/net/tcp or tcp6, see proc_pid_net(5).
func parseListening(in io.Reader) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != stateListen {
			continue
		}
		at, err := parseSocket(fields[1])
		if err != nil {
			return nil, err
		}
		all = append(all, at)
	}
	return all, lines.Err()
}

// parseSocket reads an address such as 0100007F:1F90: groups of 32 bits in the
// machine's byte order, and a port.
func parseSocket(s string) (netip.AddrPort, error) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || (len(raw) != 4 && len(raw) != 16) {
		return netip.AddrPort{}, fmt.Errorf("unexpected address %q", s)
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("unexpected address %q", s)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
