package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Lay copies the bundle in from to the directory DIGEST below to, unless it is
// there and whole, and returns that directory. The directory appears complete
// or not at all; a copy that was interrupted is taken up again. A bundle that
// is there but damaged is replaced in one step, while programs that run from
// the damaged one keep what they have mapped.
func Lay(ctx context.Context, from, to string) (string, error) {
	source, err := Open(from)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(to)
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(to, source.Digest)
	if laid, err := Open(dir); err == nil && laid.Digest == source.Digest && laid.Verify(ctx) == nil {
		return dir, nil
	}
	if err := lay(ctx, source, dir, partialOf(to, source.Digest)); err != nil {
		return "", fmt.Errorf("lay bundle %s: %w", source.Digest, err)
	}
	return dir, nil
}

// partialOf is where a bundle is copied to before it is complete.
func partialOf(to, digest string) string { return filepath.Join(to, partialPrefix+digest) }

const partialPrefix = ".partial-"

// lock makes this process the only one that changes bundles in a directory.
// The lock ends with the process.
func lock(to string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(to, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", to, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing unlocks
}

func lay(ctx context.Context, source *Bundle, dir, partial string) error {
	for _, f := range source.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := layFile(source.Dir, partial, f); err != nil {
			return err
		}
	}
	if err := writeSynced(filepath.Join(partial, ManifestName), source.manifest, 0o644); err != nil {
		return err
	}
	if err := syncDirectories(partial); err != nil {
		return err
	}
	return publish(partial, dir)
}

// layFile copies one file unless an earlier run has.
func layFile(from, partial string, f File) error {
	if verifyFile(partial, f) == nil {
		return nil
	}
	to := filepath.Join(partial, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := copySynced(filepath.Join(from, filepath.FromSlash(f.Path)), to, f); err != nil {
		return err
	}
	return verifyFile(partial, f)
}

func copySynced(from, to string, f File) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // read only: a failed close loses nothing
	mode, err := f.permissions()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(mode), out.Sync(), out.Close()) // Chmod: whatever the umask
}

func writeSynced(path string, content []byte, mode os.FileMode) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return errors.Join(err, out.Sync(), out.Close())
}

// syncDirectories makes the names of new files survive a power cut.
func syncDirectories(root string) error {
	return filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDirectory(p)
	})
}

func syncDirectory(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// publish moves the complete copy to its name. A damaged bundle under that
// name changes places with it and is removed by the next Prune that finds
// nothing running from it.
func publish(partial, dir string) error {
	err := unix.Renameat2(unix.AT_FDCWD, partial, unix.AT_FDCWD, dir, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EEXIST) {
		err = unix.Renameat2(unix.AT_FDCWD, partial, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: partial, New: dir, Err: err}
	}
	return syncDirectory(filepath.Dir(dir))
}
