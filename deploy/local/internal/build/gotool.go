package build

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// toolchain names everything outside the component's files that its programs
// depend on.
func toolchain(ctx context.Context) (string, error) {
	out, err := output(ctx, exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64"))
	if err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(out), " "), nil
}

// goCommand is a go command for c, run in its module.
func goCommand(ctx context.Context, c component, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cgo := "CGO_ENABLED=0"
	if c.CGO {
		cgo = "CGO_ENABLED=1"
	}
	// A go.work of the user's would add other modules' requirements.
	cmd.Env = append(os.Environ(), cgo, "GOWORK=off")
	if os.Getenv("GOGC") == "" {
		// Collecting garbage seldom saves the compiler a tenth of its time.
		cmd.Env = append(cmd.Env, "GOGC=400")
	}
	return cmd
}

// flags are common to every go command about c, so that all agree on what is
// in the build cache. With the first two tags package net is the one that the
// product is built with, and with what the Makefile of the repository sets, so
// is every library that both use: each is compiled once. runc is static, and
// needs the tags in any case.
func (c component) flags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-gcflags=all=-dwarf=false", "-tags=netgo,osusergo," + c.Tags}
}

// stalePackages counts the packages of c that are not in the build cache.
func stalePackages(ctx context.Context, c component, dir string) (int, error) {
	args := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, c.flags()...)
	out, err := output(ctx, goCommand(ctx, c, dir, append(args, c.Packages...)...))
	if err != nil {
		return 0, err
	}
	return len(strings.Fields(out)), nil
}

// versions are those of the modules that c is built from.
func versions(ctx context.Context, c component, dir string, modules []string) (map[string]string, error) {
	found := map[string]string{}
	if len(modules) == 0 {
		return found, nil
	}
	out, err := output(ctx, goCommand(ctx, c, dir, append([]string{"list", "-m", "-json=Path,Version"}, modules...)...))
	if err != nil {
		return nil, err
	}
	for in := json.NewDecoder(strings.NewReader(out)); ; {
		var m struct{ Path, Version string }
		if err := in.Decode(&m); err == io.EOF {
			return found, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list -m: %w", err)
		}
		found[m.Path] = m.Version
	}
}

var placeholder = regexp.MustCompile(`\{([^{}#]+)(#major|#minor)?\}`)

// linkedModules are the modules whose versions the linker flags of c want.
func (c component) linkedModules() []string {
	modules := map[string]bool{}
	for _, match := range placeholder.FindAllStringSubmatch(c.LDFlags, -1) {
		modules[match[1]] = true
	}
	return slices.Sorted(maps.Keys(modules))
}

// ldflags are the linker flags of c with the versions filled in.
func (c component) ldflags(version map[string]string) string {
	return placeholder.ReplaceAllStringFunc(c.LDFlags, func(s string) string {
		match := placeholder.FindStringSubmatch(s)
		v := version[match[1]]
		number := append(strings.Split(strings.TrimPrefix(v, "v"), "."), "", "")
		switch match[2] {
		case "#major":
			return number[0]
		case "#minor":
			return number[1]
		default:
			return v
		}
	})
}

// output runs cmd and returns what it prints; what it complains about becomes
// the error.
func output(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args[:min(2, len(cmd.Args))], " "), err, lastLine(complaint.String()))
	}
	return out.String(), nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// eachLine copies in to log and calls line for every line.
func eachLine(in io.Reader, log io.Writer, line func(string)) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		fmt.Fprintln(log, scan.Text())
		line(scan.Text())
	}
	return scan.Err()
}

// CheckToolchain says why the machine's Go cannot compile the components.
func (b Builder) CheckToolchain(ctx context.Context) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("go is not installed (it compiles Kubernetes and the rest)")
	}
	for _, c := range components {
		if len(c.Packages) == 0 {
			continue
		}
		// go reads go.mod first, and says which release it asks for.
		if _, err := output(ctx, goCommand(ctx, c, filepath.Join(b.Components, c.Module), "list", "-m")); err != nil {
			return fmt.Errorf("go cannot compile %s: %w", c.Name, err)
		}
	}
	return nil
}
