package daemon

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMDS(t *testing.T) {
	t.Parallel()
	w := &world{t: t}
	m := MDS{Machine: w, Name: "shared-a", Filesystem: "shared", Args: []string{"--default-x=y"}, SecretDir: "/s"}
	if err := w.start(m.Start); !errors.Is(err, errBecame) {
		t.Fatal(err)
	}
	want := []string{"ceph-mds", "-f", "-i", "shared-a", "--keyring", "/s/keyring", "--mds-join-fs", "shared", "--default-x=y"}
	if diff := cmp.Diff(want, w.became); diff != "" {
		t.Error(diff)
	}
}
