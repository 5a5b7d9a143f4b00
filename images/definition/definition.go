// Package definition reads what an image is made of: one folder an image, with
// image.yaml and the files it names. It only reads and checks; it builds nothing.
package definition

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/images/rootfs"
)

// Definition is one image.
type Definition struct {
	// Name is the folder's name.
	Name string `json:"-"`
	// Folder holds image.yaml and the files it names.
	Folder fs.FS `json:"-"`

	Description string `json:"description"`
	// Names are the full references of the image. {version} stands for the
	// version, {minor} and {major} for its first two and first numbers.
	Names []string `json:"names"`
	// VersionFrom is the package whose upstream version is the image's.
	// Empty: the version of the build.
	VersionFrom string `json:"versionFrom,omitempty"`

	// Suite is the Debian release the packages come from.
	Suite string `json:"suite,omitempty"`
	// Packages are unpacked with all that they depend on.
	Packages []string `json:"packages,omitempty"`
	// Exclude are packages left out though something depends on them.
	Exclude []string `json:"exclude,omitempty"`
	// Trim are patterns of paths left out, beside what is left out of every
	// image; Keep are exceptions.
	Trim rootfs.Patterns `json:"trim,omitempty"`
	Keep rootfs.Patterns `json:"keep,omitempty"`
	// Unresolved are libraries that may be missing, because what needs them
	// is optional.
	Unresolved []string `json:"unresolved,omitempty"`
	// Only, if set, drops all but the named files and the libraries they need.
	Only *Only `json:"only,omitempty"`
	// Bundle, if set, drops all packages' files but what the bundle needs.
	Bundle *Bundle `json:"bundle,omitempty"`

	Users []rootfs.User `json:"users,omitempty"`
	// Binaries are our own programs, from the directory of the build.
	Binaries []Binary `json:"binaries,omitempty"`
	Files    []File   `json:"files,omitempty"`
	// Multicall are programs that go by many names.
	Multicall []Multicall `json:"multicall,omitempty"`
	// Python are directories whose modules are byte-compiled.
	Python []string `json:"python,omitempty"`

	Config Config `json:"config"`
}

// Only says what to keep of the packages.
type Only struct {
	// Programs and libraries are kept with the libraries they link to.
	Programs  []string `json:"programs,omitempty"`
	Libraries []string `json:"libraries,omitempty"`
	// Files are patterns of other paths.
	Files rootfs.Patterns `json:"files,omitempty"`
}

// Bundle is a directory with programs, their libraries and their dynamic
// linker, which runs on any node (see the program seamount-node).
type Bundle struct {
	// Path is the bundle's place in the image.
	Path string `json:"path"`
	// Programs are paths in the packages, Libraries are kept for programs
	// that come later, Files are paths copied to the same place in the bundle.
	Programs  []string `json:"programs"`
	Libraries []string `json:"libraries,omitempty"`
	// Binaries are our own programs, by their names in the directory of the
	// build. They go into the bundle alone, with the packages' libraries.
	Binaries []string `json:"binaries,omitempty"`
	Files    []string `json:"files,omitempty"`
}

// Binary is one of our own programs.
type Binary struct {
	// Name is its name in the directory of binaries.
	Name string `json:"name"`
	// Path is its place in the image.
	Path string `json:"path"`
}

// File is a file, a directory or a link, or a change of owner and mode of
// something that a package brings.
type File struct {
	Path string `json:"path"`
	// Source is a file in the image's folder.
	Source string `json:"source,omitempty"`
	// Link is the target of a symbolic link.
	Link string `json:"link,omitempty"`
	// Directory makes a directory.
	Directory bool `json:"directory,omitempty"`
	// Mode is an octal number such as "0750".
	Mode string `json:"mode,omitempty"`
	UID  int    `json:"uid,omitempty"`
	GID  int    `json:"gid,omitempty"`
}

// Multicall makes a link to a program, beside it, for each of its names.
type Multicall struct {
	Program string   `json:"program"`
	Names   []string `json:"names"`
}

// Config is what a container is started with.
type Config struct {
	User       string            `json:"user,omitempty"`
	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	Env        []string          `json:"env,omitempty"`
	WorkDir    string            `json:"workDir,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// ErrUnknown says that there is no image of a name.
var ErrUnknown = errors.New("unknown image")

// List returns the names of all images, sorted.
func List(root fs.FS) ([]string, error) {
	files, err := fs.Glob(root, "*/image.yaml")
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, path.Dir(f))
	}
	slices.Sort(names)
	return names, nil
}

// Load reads and checks the definition of an image.
func Load(root fs.FS, name string) (*Definition, error) {
	names, err := List(root)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("%w %q: there are %s", ErrUnknown, name, strings.Join(names, ", "))
	}
	folder, err := fs.Sub(root, name)
	if err != nil {
		return nil, err
	}
	content, err := fs.ReadFile(folder, "image.yaml")
	if err != nil {
		return nil, err
	}
	d := Definition{Name: name, Folder: folder}
	if err := yaml.UnmarshalStrict(content, &d); err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	return &d, nil
}

func (d *Definition) check() error {
	switch {
	case d.Description == "":
		return errors.New("description is missing")
	case len(d.Names) == 0:
		return errors.New("names is empty")
	case len(d.Packages) > 0 && !regexp.MustCompile(`^[a-z]+$`).MatchString(d.Suite):
		return fmt.Errorf("suite %q is not the name of a Debian release", d.Suite)
	case d.Only != nil && d.Bundle != nil:
		return errors.New("only and bundle exclude each other")
	case d.Bundle != nil && slices.ContainsFunc(d.Bundle.Binaries, func(name string) bool { return name != path.Base(name) }):
		return errors.New("bundle: binaries are named without a path")
	case d.VersionFrom != "" && !slices.Contains(d.Packages, d.VersionFrom):
		return fmt.Errorf("versionFrom: %s is not among the packages", d.VersionFrom)
	}
	patterns := slices.Concat(d.Trim, d.Keep)
	if d.Only != nil {
		patterns = append(patterns, d.Only.Files...)
	}
	return errors.Join(patterns.Check(), d.checkFiles())
}

func (d *Definition) checkFiles() error {
	for _, f := range d.Files {
		if _, err := f.Permissions(); err != nil {
			return err
		}
		if f.Source != "" {
			if _, err := fs.Stat(d.Folder, f.Source); err != nil {
				return fmt.Errorf("file %s: source: %w", f.Path, err)
			}
		}
	}
	return nil
}

// Permissions parses the file's mode; 0 if it has none.
func (f File) Permissions() (fs.FileMode, error) {
	if f.Mode == "" {
		return 0, nil
	}
	mode, err := strconv.ParseUint(f.Mode, 8, 12)
	if err != nil {
		return 0, fmt.Errorf("file %s: mode %q is not octal, such as \"0750\"", f.Path, f.Mode)
	}
	m := fs.FileMode(mode & 0o777)
	for bit, flag := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= flag
		}
	}
	return m, nil
}

// References are the image's names for a version.
func (d *Definition) References(version string) []string {
	numbers := strings.SplitN(version, ".", 3)
	minor := strings.Join(numbers[:min(2, len(numbers))], ".")
	r := strings.NewReplacer("{version}", version, "{minor}", minor, "{major}", numbers[0])
	names := make([]string, 0, len(d.Names))
	for _, n := range d.Names {
		names = append(names, r.Replace(n))
	}
	return names
}
