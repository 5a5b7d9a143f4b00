package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/ceph/rados"
)

// version is set at build time: -ldflags "-X main.version=v0.1.0".
var version string

// buildInfo is what "seamount version" prints.
type buildInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Librados string `json:"librados"`
}

func newVersion() *cobra.Command {
	var format output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print what this program is, and which librados it has",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printVersion(cmd.OutOrStdout(), format, readBuildInfo())
		},
	}
	format.addTo(cmd)
	return cmd
}

func readBuildInfo() buildInfo {
	b := buildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Librados: rados.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		}
	}
	return b
}

func printVersion(w io.Writer, format output, b buildInfo) error {
	if format == outputJSON {
		return printJSON(w, b)
	}
	_, err := fmt.Fprintf(w, "seamount %s\n", b.Version)
	for _, line := range [][2]string{{"commit", b.Commit}, {"date", b.Date}, {"go", b.Go}, {"platform", b.Platform}, {"librados", b.Librados}} {
		if line[1] != "" && err == nil {
			_, err = fmt.Fprintf(w, "%-9s %s\n", line[0], line[1])
		}
	}
	return err
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
