package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/images/builder"
)

func newBuildCommand(o *builder.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "build [NAME...]",
		Short: "Build the named images, or all, as far as the cache does not have them",
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := selected(o, args)
			if err != nil {
				return err
			}
			clock := stopwatch{time.Now()}
			o.Progress = func(image, message string) { clock.print(cmd.ErrOrStderr(), image, message) }
			b, err := builder.New(*o)
			if err != nil {
				return err
			}
			for _, name := range names {
				image, err := b.Build(cmd.Context(), name)
				if err != nil {
					return err
				}
				clock.report(cmd.ErrOrStderr(), image)
			}
			return nil
		},
	}
}

// stopwatch prints lines with the time since the command started.
type stopwatch struct{ start time.Time }

func (s stopwatch) print(w io.Writer, image, message string) {
	fmt.Fprintf(w, "[%6.1fs] %-13s %s\n", time.Since(s.start).Seconds(), image, message)
}

func (s stopwatch) report(w io.Writer, i builder.Image) {
	verb := "built"
	if i.Cached {
		verb = "is up to date:"
	}
	s.print(w, i.Name, fmt.Sprintf("%s %s, %s, %s", verb, i.Names[0], megabytes(i.Size), i.Digest))
	const shown = 5
	for n, d := range i.Differences {
		if n == shown {
			s.print(w, i.Name, fmt.Sprintf("and %d more", len(i.Differences)-shown))
			break
		}
		s.print(w, i.Name, "differs from packages.lock: "+d)
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func newLockCommand(o *builder.Options) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "lock [NAME...]",
		Short: "Record the packages of the named images, or all, in their packages.lock",
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := selected(o, args)
			if err != nil {
				return err
			}
			b, err := builder.New(*o)
			if err != nil {
				return err
			}
			for _, name := range names {
				packages, err := b.Packages(cmd.Context(), name)
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, name, builder.LockFile), []byte(builder.Lock(packages)), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "definitions", "images", "directory of the definitions in the source tree")
	return cmd
}
