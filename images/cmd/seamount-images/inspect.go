package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/images/builder"
	"github.com/seamount-dev/seamount/images/definition"
)

func newListCommand(o *builder.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the images, and what of them the cache has",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := definition.List(o.Definitions)
			if err != nil {
				return err
			}
			b, err := builder.New(*o)
			if err != nil {
				return err
			}
			built, err := b.Index()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(w, "NAME\tREFERENCES\tSIZE\tDIGEST")
			for _, name := range names {
				fmt.Fprintln(w, line(name, built))
			}
			return w.Flush()
		},
	}
}

func line(name string, built []builder.Image) string {
	for _, i := range built {
		if i.Name == name {
			return strings.Join([]string{name, strings.Join(i.Names, ","), megabytes(i.Size), i.Digest}, "\t")
		}
	}
	return name + "\tnot built\t\t"
}

func newInspectCommand(o *builder.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect NAME",
		Short: "Print what an image of the cache is: names, digest, archive, configuration",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := builder.New(*o)
			if err != nil {
				return err
			}
			built, err := b.Index()
			if err != nil {
				return err
			}
			n := slices.IndexFunc(built, func(i builder.Image) bool { return i.Name == args[0] })
			if n < 0 {
				return fmt.Errorf("the cache has no image %q: seamount-images build %s makes it", args[0], args[0])
			}
			archive, err := tarball.ImageFromPath(built[n].Archive, nil)
			if err != nil {
				return err
			}
			config, err := archive.ConfigFile()
			if err != nil {
				return err
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(map[string]any{"image": built[n], "config": config})
		},
	}
}
