package handle

import (
	"errors"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const name = "pvc-0a1b2c3d-0000-4000-8000-000000000000"
	for id, want := range map[string]Handle{
		"seamount/main/fast/" + name:        {Namespace: "seamount", Cluster: "main", Pool: "fast", Image: name},
		"seamount/main/home/shared/" + name: {Namespace: "seamount", Cluster: "main", Filesystem: "home", Group: "shared", Subvolume: name},
	} {
		if got := want.String(); got != id {
			t.Errorf("got %s, want %s", got, id)
		}
		if got, err := Parse(id); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := want.Check(); err != nil {
			t.Error(err)
		}
		if want.File() != (want.Subvolume == name) {
			t.Errorf("%s: a file volume: %v", id, want.File())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "vol-1", "a/b/c", "a/b/c/d/e/f", "a/b//d/e", "a/b/c/d/", "/b/c/d", "a//c/d", "a/b//d", "a/b/c/", "a/b/c/d@snap", "a/b/c\x00/d", "0001-0009-rook-ceph-1",
	} {
		if got, err := Parse(id); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, %v", id, got, err)
		}
	}
}

func TestCheckRefusesWhatCSIDoesNotCarry(t *testing.T) {
	t.Parallel()
	h := Handle{Namespace: "seamount", Cluster: "main", Pool: strings.Repeat("p", 50), Image: ImageOf("x")}
	fits := maxLength - len(Handle{Cluster: h.Cluster, Pool: h.Pool, Image: h.Image}.String())
	h.Namespace = strings.Repeat("n", fits)
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	h.Namespace += "n"
	if err := h.Check(); err == nil {
		t.Errorf("%d bytes are accepted", len(h.String()))
	}
}

func TestImageOf(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]string{
		"pvc-0a1b2c3d-0000-4000-8000-000000000000":      "pvc-0a1b2c3d-0000-4000-8000-000000000000",
		"snapshot-0a1b2c3d-0000-4000-8000-000000000000": "snapshot-0a1b2c3d-0000-4000-8000-000000000000",
		"":  "csi-e3b0c44298fc1c149afbf4c8996fb924",
		"a": "csi-ca978112ca1bbdcafac231b39a23dc4d",
	} {
		got := ImageOf(request)
		if got != want {
			t.Errorf("%q: got %s, want %s", request, got, want)
		}
		if !Named(got) {
			t.Errorf("%s is not known as ours", got)
		}
	}
	if upper := "pvc-0A1B2C3D-0000-4000-8000-000000000000"; ImageOf(upper) == upper {
		t.Error("a name that Kubernetes does not give is kept")
	}
	for _, other := range []string{"", "pvc-1", "disk0", "csi-", "csi-xyz", "xpvc-0a1b2c3d-0000-4000-8000-000000000000"} {
		if Named(other) {
			t.Errorf("%q is taken for ours", other)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("seamount/main/fast/pvc-0a1b2c3d-0000-4000-8000-000000000000")
	f.Add("a/b/c/d@e")
	f.Fuzz(func(t *testing.T, id string) {
		h, err := Parse(id)
		if err != nil {
			return
		}
		if h.String() != id {
			t.Errorf("%q became %q", id, h.String())
		}
	})
}

// Whatever a request is called, its image has a name that Ceph takes, that is ours and that is another's only by chance.
func FuzzImageOf(f *testing.F) {
	f.Add("pvc-1")
	f.Add("../../@/\x00")
	f.Fuzz(func(t *testing.T, request string) {
		image := ImageOf(request)
		if !Named(image) || strings.ContainsAny(image, "/@\x00") {
			t.Errorf("%q: %q", request, image)
		}
		if other := ImageOf(request + "x"); other == image {
			t.Errorf("%q and %q have the same image", request, request+"x")
		}
	})
}

func TestNameAndPlace(t *testing.T) {
	t.Parallel()
	for id, place := range map[string]string{"ns/main/fast/pvc-1": "ns/main/fast", "ns/main/shared/rwx/pvc-1": "ns/main/shared/rwx"} {
		h, err := Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		if h.Name() != "pvc-1" || h.Place() != place || h.With("pvc-2").String() != place+"/pvc-2" {
			t.Errorf("%s: name %s, place %s, with another name %s", id, h.Name(), h.Place(), h.With("pvc-2"))
		}
	}
}
