package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/keeper"
	"github.com/seamount-dev/seamount/agent/block/wire"
	"github.com/seamount-dev/seamount/agent/block/worker"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/blockdevice"
)

func newWorker() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "worker --dir DIR",
		Short:  "Serve images; a keeper starts it",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)).With("worker", os.Getpid())
			return runWorker(cmd.Context(), dir, log)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the keeper")
	must(cmd.MarkFlagRequired("dir"))
	return cmd
}

// runWorker serves until its keeper lets it end. A node that shuts down asks every process to end before it unmounts:
// whoever serves the devices of what is mounted has to stay.
func runWorker(ctx context.Context, dir string, log *slog.Logger) error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	connection, err := keeper.LoadConnection(dir)
	if err != nil {
		return err
	}
	l, err := keeper.Inherit()
	if err != nil {
		return err
	}
	w := worker.New(worker.Options{
		Connect: func(ctx context.Context) (worker.Cluster, error) { return connect(ctx, connection) },
		Version: version, Log: log,
		Lost: func(err error) {
			log.Error("this client may not serve any more, and ends", "error", err.Error())
			if errors.Is(err, ceph.ErrBlocklisted) {
				err = keeper.NoteFenced(dir)
			}
			if err != nil {
				log.Error("the keeper has to find out why", "error", err.Error())
			}
			os.Exit(exitLost) //nolint:revive // at once: no request may be answered any more
		},
		Quit: func() { _ = l.Close() }, // fails only when it was called before
	})
	go func() { _ = w.Run(ctx) }() // ends with the context alone, and so with this process
	return wire.Serve(l, w.Handle)
}

// cluster gives librbd's types the shape that a worker knows.
type cluster struct{ *blockdevice.Cluster }

func connect(ctx context.Context, c block.Connection) (worker.Cluster, error) {
	connected, err := blockdevice.Connect(ctx, blockdevice.Config{
		FSID: c.FSID, MonHosts: c.Mons, Entity: c.Entity, Key: ceph.NewSecret(c.Key),
	})
	if err != nil {
		return nil, err
	}
	return cluster{connected}, nil
}

// Open opens an image.
func (c cluster) Open(ref ceph.ImageRef, writable bool) (worker.Image, error) {
	image, err := c.Cluster.Open(ref, writable)
	if err != nil {
		return nil, err
	}
	return image, nil
}
