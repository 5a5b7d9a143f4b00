package debian

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Suite resolves and downloads packages of one suite with apt, in a directory
// of its own.
type Suite struct {
	name    string
	dir     string
	sources []Source
}

// NewSuite prepares dir for apt; what an earlier run left there is used again.
func NewSuite(ctx context.Context, dir, name string, sources []Source) (*Suite, error) {
	s := &Suite{name: name, dir: dir, sources: sources}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "packages", "resolved"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	config, err := s.config(ctx)
	if err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, source := range sources {
		list.WriteString(source.deb822())
	}
	for name, content := range map[string]string{"apt.conf": config, "debian.sources": list.String(), "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// config keeps apt inside the directory. Of the machine's own configuration it
// takes what says how to reach a mirror (proxies, certificates, retries).
// Valid-Until is not held against a mirror: the indexes are still signed, and
// a frozen mirror is a good one for a build that shall be repeated.
func (s *Suite) config(ctx context.Context) (string, error) {
	transport, err := run(exec.CommandContext(ctx, "apt-config", "dump", "--format", "%F \"%v\";%n", "Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Retries"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(transport)
	for _, setting := range [][2]string{
		{"Dir", s.dir}, {"Dir::Etc", s.dir}, {"Dir::Etc::sourcelist", "debian.sources"}, {"Dir::Etc::sourceparts", "/dev/null"},
		{"Dir::Etc::main", "/dev/null"}, {"Dir::Etc::parts", "/dev/null"}, {"Dir::Etc::preferences", "/dev/null"}, {"Dir::Etc::preferencesparts", "/dev/null"},
		{"Dir::Etc::trusted", "/etc/apt/trusted.gpg"}, {"Dir::Etc::trustedparts", "/etc/apt/trusted.gpg.d"},
		{"Dir::State", s.dir}, {"Dir::State::status", filepath.Join(s.dir, "status")}, {"Dir::Cache", filepath.Join(s.dir, "cache")},
		{"APT::Install-Recommends", "false"}, {"APT::Install-Suggests", "false"}, {"APT::Sandbox::User", ""},
		{"Acquire::Languages", "none"}, {"Acquire::Check-Valid-Until", "false"},
	} {
		fmt.Fprintf(&b, "%s %q;\n", setting[0], setting[1])
	}
	return b.String(), nil
}

func (s *Suite) apt(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(s.dir, "apt.conf"), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.Dir = s.archives()
	return run(cmd)
}

// archives holds the package files. It is not apt's own directory for them:
// --print-uris leaves out what is there already.
func (s *Suite) archives() string { return filepath.Join(s.dir, "packages") }

// run returns the output of a command; its error has what the command said.
func run(cmd *exec.Cmd) (string, error) {
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not installed; building images needs a Debian or Ubuntu machine with apt and dpkg: %w", cmd.Path, err)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args[:min(len(cmd.Args), 3)], " "), err, lastLines(errOut.String(), 6))
	}
	return out.String(), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

// Age says how long ago the mirror's indexes were fetched; false if never.
func (s *Suite) Age(now time.Time) (time.Duration, bool) {
	info, err := os.Stat(filepath.Join(s.dir, "fetched"))
	if err != nil {
		return 0, false
	}
	return now.Sub(info.ModTime()), true
}

// Update fetches the mirror's indexes.
func (s *Suite) Update(ctx context.Context) error {
	// Without this option apt only warns about a mirror it cannot reach.
	if _, err := s.apt(ctx, "apt-get", "update", "-q", "--error-on=any"); err != nil {
		return fmt.Errorf("fetch the package index of %s: %w", s.name, err)
	}
	return os.WriteFile(filepath.Join(s.dir, "fetched"), nil, 0o644)
}

// Resolve returns the exact packages that the named ones need, themselves
// included, sorted by name. Essential packages are not assumed: what an image
// needs of them has to be named. The answer is kept for as long as the
// indexes stay the same.
func (s *Suite) Resolve(ctx context.Context, names []string) ([]Package, error) {
	memo, err := s.memo(names)
	if err != nil {
		return nil, err
	}
	var packages []Package
	content, err := os.ReadFile(memo)
	if err == nil && json.Unmarshal(content, &packages) == nil {
		return packages, nil
	}
	if packages, err = s.resolve(ctx, names); err != nil {
		return nil, fmt.Errorf("resolve packages of %s: %w", s.name, err)
	}
	if content, err = json.Marshal(packages); err != nil {
		return nil, err
	}
	return packages, os.WriteFile(memo, content, 0o644)
}

func (s *Suite) resolve(ctx context.Context, names []string) ([]Package, error) {
	output, err := s.apt(ctx, "apt-get", append([]string{"install", "-y", "-q", "--print-uris"}, names...)...)
	if err != nil {
		return nil, err
	}
	wanted, err := parseURIs(output)
	if err != nil {
		return nil, err
	}
	args := []string{"show", "--no-all-versions"}
	for _, p := range wanted {
		args = append(args, p.reference())
	}
	if output, err = s.apt(ctx, "apt-cache", args...); err != nil {
		return nil, err
	}
	return describe(wanted, output)
}

// describe completes the packages from their index entries.
func describe(wanted []Package, index string) ([]Package, error) {
	stanzas, err := ParseControl(strings.NewReader(index))
	if err != nil {
		return nil, err
	}
	found := map[string]Package{}
	for _, stanza := range stanzas {
		p, err := packageOf(stanza)
		if err != nil {
			return nil, err
		}
		found[p.reference()] = p
	}
	packages := make([]Package, 0, len(wanted))
	for _, w := range wanted {
		p, ok := found[w.reference()]
		if !ok {
			return nil, fmt.Errorf("apt wants to install %s but its index does not have it", w.reference())
		}
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b Package) int { return cmp.Compare(a.Name, b.Name) })
	return packages, nil
}

// memo is the file that keeps the answer to a question to these indexes.
func (s *Suite) memo(names []string) (string, error) {
	h := sha256.New()
	releases, err := filepath.Glob(filepath.Join(s.dir, "lists", "*Release"))
	if err != nil {
		return "", err
	}
	for _, r := range releases {
		content, err := os.ReadFile(r)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %x\n", filepath.Base(r), sha256.Sum256(content))
	}
	fmt.Fprintln(h, slices.Sorted(slices.Values(names)))
	for _, source := range s.sources {
		fmt.Fprintln(h, source.deb822())
	}
	return filepath.Join(s.dir, "resolved", hex.EncodeToString(h.Sum(nil))[:32]+".json"), nil
}

// Download fetches the packages that are not here yet and returns the path of
// each one's file. Each file is checked against the index, also an old one.
func (s *Suite) Download(ctx context.Context, packages []Package) ([]string, error) {
	var missing []string
	paths := make([]string, 0, len(packages))
	for _, p := range packages {
		path := filepath.Join(s.archives(), p.File())
		paths = append(paths, path)
		if err := p.verify(path); err != nil {
			_ = os.Remove(path) // there may be none
			missing = append(missing, p.reference())
		}
	}
	if len(missing) == 0 {
		return paths, nil
	}
	if _, err := s.apt(ctx, "apt-get", append([]string{"download", "-q"}, missing...)...); err != nil {
		return nil, fmt.Errorf("download packages of %s: %w", s.name, err)
	}
	for i, p := range packages {
		if err := p.verify(paths[i]); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// verify holds a package's file against the checksum in the signed index.
func (p Package) verify(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read only: a failed close loses nothing
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != p.SHA256 {
		return fmt.Errorf("package file %s has SHA256 %s, the index says %s", path, got, p.SHA256)
	}
	return nil
}
