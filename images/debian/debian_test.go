package debian

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const deb822 = `# the machine's mirror
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ
 -----END PGP PUBLIC KEY BLOCK-----
`

const oneLine = `
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main # and so on
deb-src http://one.example/debian bookworm main
deb http://tools.example/apt tools-bookworm main
`

func sources(t *testing.T, files map[string]string) []Source {
	t.Helper()
	root := fstest.MapFS{}
	for name, content := range files {
		root[name] = &fstest.MapFile{Data: []byte(content)}
	}
	s, err := ReadSources(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestForSuite(t *testing.T) {
	t.Parallel()
	all := sources(t, map[string]string{
		"etc/apt/sources.list":                  oneLine,
		"etc/apt/sources.list.d/debian.sources": deb822,
		"etc/apt/sources.list.d/ignored.save":   "nonsense",
	})
	got, err := ForSuite(all, "bookworm", "forky")
	if err != nil {
		t.Fatal(err)
	}
	main := []string{"main"}
	want := []Source{
		{"http://one.example/debian", "forky", main, "/k.gpg"},
		{"http://mirror.example/debian", "forky", main, "/usr/share/keyrings/archive.gpg"},
		{"http://mirror.example/debian", "forky-updates", main, "/usr/share/keyrings/archive.gpg"},
		{"http://mirror.example/security", "forky-security", main, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n.\nmQ\n-----END PGP PUBLIC KEY BLOCK-----"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSourceRoundTrip wants what is written for apt to read back the same.
func TestSourceRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t, map[string]string{"etc/apt/sources.list.d/debian.sources": deb822}) {
		got, err := parseDeb822Sources(strings.NewReader(s.deb822()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Source{s}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestForSuiteWithoutMirror(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ codename, list string }{
		"nothing":         {"bookworm", ""},
		"other release":   {"bookworm", "deb http://x.example/ubuntu noble main"},
		"updates only":    {"bookworm", "deb http://x.example/debian bookworm-updates main"},
		"without main":    {"bookworm", "deb http://x.example/debian bookworm contrib"},
		"no release name": {"", "deb http://x.example/debian bookworm main"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ForSuite(sources(t, map[string]string{"etc/apt/sources.list": tc.list}), tc.codename, "forky")
			if !errors.Is(err, ErrNoMirror) || !strings.Contains(err.Error(), "--mirror") {
				t.Errorf("error %v, want %v and a remedy", err, ErrNoMirror)
			}
		})
	}
}

func TestReadSourcesRefuses(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"etc/apt/sources.list.d/a.list":    "deb [signed-by=/k http://x bookworm main",
		"etc/apt/sources.list.d/b.list":    "deb http://x",
		"etc/apt/sources.list.d/c.sources": "Types deb",
		"etc/apt/sources.list.d/d.sources": "Types: deb\nTypes: deb",
		"etc/apt/sources.list.d/e.sources": " continued",
	} {
		_, err := ReadSources(fstest.MapFS{name: &fstest.MapFile{Data: []byte(content)}})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want one that names the file", name, err)
		}
	}
}

func TestUpstream(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"20.2.4+ds-2": "20.2.4", "18.2.7+ds-1+deb13u1": "18.2.7", "1:4.20.3-1": "4.20.3", "2026f-1": "2026f", "3.15~rc1": "3.15", "1.0-2-3": "1.0-2",
	} {
		if got := Upstream(version); got != want {
			t.Errorf("Upstream(%q) = %q, want %q", version, got, want)
		}
	}
}

func TestParseURIs(t *testing.T) {
	t.Parallel()
	got, err := parseURIs("Reading package lists...\n" +
		"'http://m/p/passwd_4.20.3-1_amd64.deb' passwd_1%3a4.20.3-1_amd64.deb 1298316 MD5Sum:1\n" +
		"'http://m/a/libstdc%2b%2b6_16_amd64.deb' libstdc++6_16_amd64.deb 1 MD5Sum:2\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{{Name: "libstdc++6", Version: "16", Architecture: "amd64"}, {Name: "passwd", Version: "1:4.20.3-1", Architecture: "amd64"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := want[1].File(); got != "passwd_1%3a4.20.3-1_amd64.deb" {
		t.Errorf("File() = %q", got)
	}
	for _, bad := range []string{"'http://m/x'", "'http://m/x' x.deb 1", "'u' a_%zz_amd64.deb 1", "'u' _1_amd64.deb 1", "'u' a_1_amd64.rpm 1"} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("parseURIs(%q) accepted", bad)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	index := "Package: a\nVersion: 1\nArchitecture: amd64\nSHA256: " + sum + "\nDescription: x\n more\n\n"
	got, err := describe([]Package{{Name: "a", Version: "1"}}, index)
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{{Name: "a", Version: "1", Architecture: "amd64", SHA256: sum, Control: strings.TrimSuffix(index, "\n")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", strings.Replace(index, sum, "b", 1), strings.Replace(index, "Version: 1", "Version: 2", 1), "nonsense"} {
		if _, err := describe([]Package{{Name: "a", Version: "1"}}, bad); err == nil {
			t.Errorf("describe accepted the index %q", bad)
		}
	}
}

func FuzzParseControl(f *testing.F) {
	for _, seed := range []string{deb822, "A: b\n c\n\nD:\n e\n", "\n\n", ": x", "A: b\nA: c", "#\n A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stanzas, err := ParseControl(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, s := range stanzas { // what was understood is understood again
			again, err := ParseControl(strings.NewReader(s.Text))
			if err != nil || len(again) != 1 {
				t.Fatalf("stanza %q read again: %d stanzas, %v", s.Text, len(again), err)
			}
			if diff := cmp.Diff(s, again[0]); diff != "" {
				t.Fatalf("(-first +again):\n%s", diff)
			}
		}
	})
}

func FuzzParseSources(f *testing.F) {
	f.Add(oneLine)
	f.Add(deb822)
	f.Add("deb [a=b] [c] x y")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) ([]Source, error){
			func(s string) ([]Source, error) { return parseOneLineSources(strings.NewReader(s)) },
			func(s string) ([]Source, error) { return parseDeb822Sources(strings.NewReader(s)) },
		} {
			found, err := parse(text)
			for _, s := range found {
				if err == nil && (s.URI == "" || s.Suite == "") {
					t.Fatalf("a source without address or suite: %+v", s)
				}
			}
		}
	})
}

func FuzzParseURIs(f *testing.F) {
	f.Add("'http://m/p/passwd_4.20.3-1_amd64.deb' passwd_1%3a4.20.3-1_amd64.deb 1298316 MD5Sum:1\n")
	f.Fuzz(func(t *testing.T, text string) {
		packages, err := parseURIs(text)
		for _, p := range packages {
			if err == nil && (p.Name == "" || p.Version == "") {
				t.Fatalf("a package without name or version: %+v", p)
			}
		}
	})
}
