package debian

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Source is one suite of one mirror, with the key it is signed by.
type Source struct {
	URI        string
	Suite      string
	Components []string
	// SignedBy is a key file, fingerprints or a whole key; empty means apt's
	// own trusted keys.
	SignedBy string
}

// ErrNoMirror says that apt has no Debian mirror configured.
var ErrNoMirror = errors.New("no Debian mirror is configured")

// ReadSources reads the sources apt is configured with below root's etc/apt,
// in both of its formats (sources.list(5)).
func ReadSources(root fs.FS) ([]Source, error) {
	names := []string{"etc/apt/sources.list"}
	for _, pattern := range []string{"*.list", "*.sources"} {
		found, err := fs.Glob(root, path.Join("etc/apt/sources.list.d", pattern))
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	var all []Source
	for _, name := range names {
		sources, err := readSourceFile(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read /%s: %w", name, err)
		}
		all = append(all, sources...)
	}
	return all, nil
}

func readSourceFile(root fs.FS, name string) ([]Source, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: a failed close loses nothing
	if strings.HasSuffix(name, ".sources") {
		return parseDeb822Sources(f)
	}
	return parseOneLineSources(f)
}

// parseDeb822Sources reads the format of .sources files.
func parseDeb822Sources(r io.Reader) ([]Source, error) {
	stanzas, err := ParseControl(r)
	if err != nil {
		return nil, err
	}
	var sources []Source
	for _, s := range stanzas {
		if s.Field("Enabled") == "no" || !slices.Contains(strings.Fields(s.Field("Types")), "deb") {
			continue
		}
		for _, uri := range strings.Fields(s.Field("URIs")) {
			for _, suite := range strings.Fields(s.Field("Suites")) {
				sources = append(sources, Source{uri, suite, strings.Fields(s.Field("Components")), s.Field("Signed-By")})
			}
		}
	}
	return sources, nil
}

// parseOneLineSources reads lines of "deb [options] uri suite component...".
func parseOneLineSources(r io.Reader) ([]Source, error) {
	var sources []Source
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	for n := 1; scanner.Scan(); n++ {
		line, _, _ := strings.Cut(scanner.Text(), "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kind != "deb" {
			continue
		}
		s, err := parseOneLineSource(rest)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		sources = append(sources, s)
	}
	return sources, scanner.Err()
}

func parseOneLineSource(line string) (Source, error) {
	var s Source
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "[") {
		options, rest, ok := strings.Cut(line[1:], "]")
		if !ok {
			return s, errors.New("an option list has no end")
		}
		for option := range strings.FieldsSeq(options) {
			if value, ok := strings.CutPrefix(option, "signed-by="); ok {
				s.SignedBy = value
			}
		}
		line = rest
	}
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return s, fmt.Errorf("%q has no address and suite", abbreviate(line))
	}
	s.URI, s.Suite, s.Components = fields[0], fields[1], fields[2:]
	return s, nil
}

// followers are the suites beside a release that carry its fixes.
var followers = []string{"", "-updates", "-security"}

// ForSuite turns the sources of the release this machine runs into those of
// another release on the same mirrors, its security and stable updates too.
func ForSuite(sources []Source, codename, suite string) ([]Source, error) {
	var found []Source
	for _, s := range sources {
		suffix, ok := strings.CutPrefix(s.Suite, codename)
		if !ok || codename == "" || !slices.Contains(followers, suffix) || !slices.Contains(s.Components, "main") {
			continue
		}
		found = append(found, Source{URI: s.URI, Suite: suite + suffix, Components: []string{"main"}, SignedBy: s.SignedBy})
	}
	if !slices.ContainsFunc(found, func(s Source) bool { return s.Suite == suite }) {
		return nil, fmt.Errorf("%w: /etc/apt names none for this machine's release %q; name one with --mirror", ErrNoMirror, codename)
	}
	return found, nil
}

// ForMirror is the source of a suite on a mirror that was named by hand.
func ForMirror(uri, suite, keyring string) []Source {
	return []Source{{URI: uri, Suite: suite, Components: []string{"main"}, SignedBy: keyring}}
}

// deb822 renders the source for apt.
func (s Source) deb822() string {
	text := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n", s.URI, s.Suite, strings.Join(s.Components, " "))
	if strings.Contains(s.SignedBy, "\n") { // a whole key starts on a line of its own
		text += "Signed-By:\n " + strings.ReplaceAll(s.SignedBy, "\n", "\n ") + "\n"
	} else if s.SignedBy != "" {
		text += "Signed-By: " + s.SignedBy + "\n"
	}
	return text + "\n"
}

// Codename reads the name of the machine's release from etc/os-release.
func Codename(root fs.FS) (string, error) {
	content, err := fs.ReadFile(root, "etc/os-release")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(value, `"'`), nil
		}
	}
	return "", errors.New("/etc/os-release names no VERSION_CODENAME")
}
