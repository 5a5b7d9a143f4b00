package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"io/fs"
)

// hashLength is how many hex digits of a hash go into a directory's name.
const hashLength = 16

// componentHash identifies what compiling c would give: its recipe, every file
// of its module and the toolchain.
func componentHash(c component, module fs.FS, toolchain string) (string, error) {
	h := sha256.New()
	recipe, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("hash component %s: %w", c.Name, err)
	}
	part(h, "recipe", []byte(fmt.Sprintf("%d %s", recipeVersion, recipe)))
	part(h, "toolchain", []byte(toolchain))
	err = fs.WalkDir(module, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(module, path)
		part(h, path, data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash component %s: %w", c.Name, err)
	}
	return sum(h), nil
}

// setHash identifies the set of all components and the images made of them.
func setHash(hashes []string) string {
	h := sha256.New()
	for _, one := range hashes {
		part(h, "component", []byte(one))
	}
	part(h, "images", []byte(PauseImage+" "+CoreDNSImage))
	return sum(h)
}

// part adds a named piece; the lengths keep pieces from running into each other.
func part(w io.Writer, name string, data []byte) {
	fmt.Fprintf(w, "%d %s %d\n", len(name), name, len(data))
	w.Write(data) //nolint:errcheck // a hash never fails
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil))[:hashLength] }
