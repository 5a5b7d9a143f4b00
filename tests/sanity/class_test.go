//go:build e2e && linux && cgo

package sanity

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os/exec"
	"strings"
)

// execute calls a method of cls_rbd, the part of RBD that runs in OSDs. Ceph's programs do so too, and offer it to nobody.
const execute = `
import rados, sys
mons, key, pool, object, method, data = sys.argv[1:]
with rados.Rados(rados_id="admin", conf={"mon_host": mons, "key": key}) as cluster, cluster.open_ioctx(pool) as io:
    io.execute(object, "rbd", method, bytes.fromhex(data))
`

// class makes of an object what librbd leaves when it is killed between two of its steps.
func (w *world) class(object, method string, input []byte) {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), "/usr/bin/python3", "-c", execute, strings.Join(w.ceph.MonHosts(), ","), w.ceph.Admin().Key.Reveal(),
		pool, object, method, hex.EncodeToString(input)).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s of %s: %v: %s", method, object, err, out)
	}
}

// encoded appends a string as Ceph encodes it: length, bytes.
func encoded(to []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(s))), s...)
}

// tool runs one of Ceph's programs, and returns what it prints.
func (w *world) tool(args ...string) string {
	w.t.Helper()
	out, err := w.ceph.Tool(w.t.Context(), args[0], args[1:]...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		w.t.Fatalf("%v: %v: %s", args, err, exit.Stderr)
	}
	w.ok(err)
	return string(out)
}
