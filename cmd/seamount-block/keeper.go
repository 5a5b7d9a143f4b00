package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/block/keeper"
)

func newKeeper() *cobra.Command {
	o := keeper.Options{Version: version}
	cmd := &cobra.Command{
		Use:   "keeper --dir DIR --node NAME",
		Short: "Hold the mapped images of one Ceph cluster, and restart the worker that serves them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)).With("keeper", os.Getpid())
			return runKeeper(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "directory of the mapped files, such as /run/seamount/block/FSID")
	cmd.Flags().StringVar(&o.Node, "node", "", "name of this node")
	cmd.Flags().DurationVar(&o.Wait, "wait", 0, "how long another keeper may still hold the directory")
	must(cmd.MarkFlagRequired("dir"), cmd.MarkFlagRequired("node"))
	return cmd
}

// must is for flags that are defined a line above.
func must(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}

func runKeeper(ctx context.Context, o keeper.Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	self, err := self()
	if err != nil {
		return err
	}
	o.Command = append(self, "worker", "--dir", o.Dir)
	k, err := keeper.New(ctx, o)
	if err != nil {
		return err
	}
	return k.Run(ctx)
}

// self returns the command line of this program, also where it was started by a bundle's dynamic linker: then the
// process's program is the linker, and this one is its last argument before our own.
func self() ([]string, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(filepath.Base(exe), "ld-") {
		return []string{"/proc/self/exe"}, nil
	}
	line, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		return nil, err
	}
	return linked(exe, strings.Split(string(bytes.TrimSuffix(line, []byte{0})), "\x00"), len(os.Args)-1)
}

// linked keeps of a linker's command line what comes before this program's own arguments.
func linked(linker string, line []string, arguments int) ([]string, error) {
	if len(line) <= arguments+1 {
		return nil, errors.New("the dynamic linker's command line does not name this program")
	}
	return append([]string{linker}, line[1:len(line)-arguments]...), nil
}

// statusLimit is how long a keeper may take to answer.
const statusLimit = 5 * time.Second

func newStatus() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Print what a keeper has mapped, and how it is, as JSON",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), statusLimit)
			defer cancel()
			s, err := client.New(dir).Status(ctx)
			if err != nil {
				return err
			}
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(s)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the keeper")
	must(cmd.MarkFlagRequired("dir"))
	return cmd
}
