package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/seamount-dev/seamount/images/rootfs"
)

// lockPoll is how often a build looks whether another one has ended.
const lockPoll = 200 * time.Millisecond

// lock makes this the only build in the cache. The lock ends with the process.
func (b *Builder) lock(ctx context.Context) (func(), error) {
	f, err := os.OpenFile(filepath.Join(b.Cache, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		if !waiting {
			b.Progress("cache", "wait for another build in "+b.Cache)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-ticker.C:
		}
	}
}

// key hashes all that decides the content of the image.
func (b *Builder) key(p *plan) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s\n%s", p.Name, architecture, p.version, rootfs.PackageList(p.packages))
	if err := hashFiles(h, p.Folder, func(name string) bool { return name != LockFile && name != "Containerfile" }); err != nil {
		return "", err
	}
	if err := hashFiles(h, b.Builder, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }); err != nil {
		return "", err
	}
	for _, name := range b.programs(p) {
		f, err := os.Open(filepath.Join(b.BinDir, name))
		if err != nil {
			return "", fmt.Errorf("image %s needs the program %s: build it first, or name its directory with --bin-dir: %w", p.Name, name, err)
		}
		err = hashFile(h, name, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// programs are our own programs that an image is made of or made with.
func (b *Builder) programs(p *plan) []string {
	var names []string
	for _, binary := range p.Binaries {
		names = append(names, binary.Name)
	}
	if p.Bundle == nil {
		return names
	}
	if !slices.Contains(names, sealer) {
		names = append(names, sealer)
	}
	return append(names, p.Bundle.Binaries...)
}

func hashFiles(h io.Writer, files fs.FS, want func(name string) bool) error {
	return fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !want(path.Base(p)) {
			return err
		}
		f, err := files.Open(p)
		if err != nil {
			return err
		}
		return errors.Join(hashFile(h, p, f), f.Close())
	})
}

func hashFile(h io.Writer, name string, r io.Reader) error {
	content := sha256.New()
	if _, err := io.Copy(content, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(h, "%s %x\n", name, content.Sum(nil))
	return err
}

// cached returns the image if its archive is there.
func (b *Builder) cached(p *plan) (Image, bool, error) {
	images, err := b.Index()
	if err != nil {
		return Image{}, false, err
	}
	for _, image := range images {
		info, err := os.Stat(image.Archive)
		if image.Name == p.Name && image.Key == p.key && err == nil && info.Size() == image.Size {
			image.Cached, image.Differences = true, p.differences()
			return image, true, nil
		}
	}
	return Image{}, false, nil
}

// archiveDir holds the archives by key. The links to the current ones lie above
// it, so that *.tar in the cache are all images, each once.
const archiveDir = "archives"

func (b *Builder) archives() string { return filepath.Join(b.Cache, archiveDir) }

func (b *Builder) indexFile() string { return filepath.Join(b.Cache, "index.json") }

// Index lists the images of the cache, the newest of each name.
func (b *Builder) Index() ([]Image, error) {
	content, err := os.ReadFile(b.indexFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var images []Image
	if err := json.Unmarshal(content, &images); err != nil {
		return nil, fmt.Errorf("read %s: %w; remove the file to start afresh", b.indexFile(), err)
	}
	return images, nil
}

// record makes the image the current one of its name: in the index, and as the
// link NAME.tar. Older archives of the name are removed.
func (b *Builder) record(image Image) error {
	images, err := b.Index()
	if err != nil {
		return err
	}
	images = slices.DeleteFunc(images, func(i Image) bool { return i.Name == image.Name })
	images = append(images, image)
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(a.Name, b.Name) })
	content, err := json.MarshalIndent(images, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(b.indexFile(), func(p string) error { return os.WriteFile(p, append(content, '\n'), 0o644) }); err != nil {
		return err
	}
	link := filepath.Join(b.Cache, image.Name+".tar")
	if err := replace(link, func(p string) error { return os.Symlink(filepath.Join(archiveDir, filepath.Base(image.Archive)), p) }); err != nil {
		return err
	}
	return b.removeOld(image)
}

// replace makes a file under another name and moves it over the old one.
func replace(path string, write func(path string) error) error {
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := write(fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

func (b *Builder) removeOld(image Image) error {
	archives, err := filepath.Glob(filepath.Join(b.archives(), image.Name+"-????????????????.tar"))
	if err != nil {
		return err
	}
	for _, a := range archives {
		if a == image.Archive {
			continue
		}
		if err := os.Remove(a); err != nil {
			return err
		}
	}
	return nil
}
