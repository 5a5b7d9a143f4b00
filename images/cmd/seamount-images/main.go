// Command seamount-images builds Seamount's container images from Debian
// packages, without a registry and without privileges.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/images"
	"github.com/seamount-dev/seamount/images/builder"
	"github.com/seamount-dev/seamount/images/definition"
)

// version is set when the program is linked. Images of our own programs get it
// as their tag.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "seamount-images:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o builder.Options
	root := &cobra.Command{
		Use:           "seamount-images",
		Short:         "Build Seamount's container images from Debian packages, without a registry",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.Cache, "cache", filepath.Join(cacheDir(), "images"), "directory of archives, packages and package indexes")
	flags.StringVar(&o.BinDir, "bin-dir", "bin", "directory of our own programs")
	flags.StringVar(&o.Version, "image-version", version, "tag of images of our own programs; \""+builder.OfContent+"\": one that follows from what is in the image")
	flags.StringVar(&o.Mirror, "mirror", "", "Debian mirror to use instead of the machine's own")
	flags.StringVar(&o.Keyring, "keyring", "/usr/share/keyrings/debian-archive-keyring.gpg", "keys that the mirror named by --mirror is signed with")
	flags.DurationVar(&o.MaxAge, "max-age", 24*time.Hour, "fetch package indexes that are older; 0 fetches them always")
	o.Definitions, o.Builder = images.Definitions, images.Builder
	root.AddCommand(newBuildCommand(&o), newListCommand(&o), newInspectCommand(&o), newLockCommand(&o))
	return root
}

// cacheDir is shared by all of Seamount's development tools.
func cacheDir() string {
	if dir := os.Getenv("SEAMOUNT_CACHE"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "seamount-cache")
	}
	return filepath.Join(home, ".cache", "seamount")
}

// selected are the images named as arguments, or all.
func selected(o *builder.Options, args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	return definition.List(o.Definitions)
}
