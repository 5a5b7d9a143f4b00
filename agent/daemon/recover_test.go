package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const storedMonKey = "AQBpc3BsYXkAAAAAEAAAAAECAwQFBgcICQoLDA0ODw=="

func TestRecover(t *testing.T) {
	t.Parallel()
	const current, keyring = "ceph-b/store.db/CURRENT", "ceph-b/keyring"
	good := "[mon.]\n\tkey = " + storedMonKey + "\n\tcaps mon = \"allow *\"\n"
	for name, c := range map[string]struct {
		files  map[string]string
		reason string // of the refusal; empty: none
	}{
		"a whole store":         {map[string]string{current: "MANIFEST-1\n", keyring: good}, ""},
		"none":                  {nil, handover.ReasonStoreMissing},
		"unfinished":            {map[string]string{"ceph-b.new/store.db/CURRENT": "MANIFEST-1\n", "ceph-b.new/keyring": good}, handover.ReasonStoreMissing},
		"another mon's":         {map[string]string{"ceph-a/store.db/CURRENT": "MANIFEST-1\n", "ceph-a/keyring": good}, handover.ReasonStoreMissing},
		"without its keyring":   {map[string]string{current: "MANIFEST-1\n"}, handover.ReasonStoreDamaged},
		"with an empty keyring": {map[string]string{current: "MANIFEST-1\n", keyring: ""}, handover.ReasonStoreDamaged},
		"with a cut keyring":    {map[string]string{current: "MANIFEST-1\n", keyring: good[:20]}, handover.ReasonStoreDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, content := range c.files {
				write(t, filepath.Join(dir, file), content)
			}
			var handed []string
			err := Recover{Mon: "b", FSID: testFSID, Dir: dir, Node: "n2", Hand: func(_ context.Context, key ceph.Secret) error {
				handed = append(handed, key.Reveal())
				return nil
			}}.Run(t.Context())
			var refused *RefusedError
			switch {
			case c.reason == "" && (err != nil || len(handed) != 1 || handed[0] != storedMonKey):
				t.Errorf("%v, handed %d", err, len(handed))
			case c.reason != "" && (!errors.As(err, &refused) || refused.Refusal.Reason != c.reason || len(handed) > 0):
				t.Errorf("%v, handed %d; want a refusal with %s", err, len(handed), c.reason)
			case c.reason != "" && (!strings.Contains(refused.Refusal.Remedy, "on node n2") || strings.Contains(err.Error(), storedMonKey[:9])):
				t.Errorf("it says %v", err)
			}
		})
	}
}

// What cannot be handed over is not taken for done.
func TestRecoverFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ceph-b", "store.db", "CURRENT"), "MANIFEST-1\n")
	write(t, filepath.Join(dir, "ceph-b", "keyring"), "[mon.]\nkey = "+storedMonKey+"\n")
	gone := errors.New("no Secret")
	err := Recover{Mon: "b", Dir: dir, Hand: func(context.Context, ceph.Secret) error { return gone }}.Run(t.Context())
	if !errors.Is(err, gone) {
		t.Error(err)
	}
}
