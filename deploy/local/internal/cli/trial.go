package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
	"github.com/seamount-dev/seamount/deploy/local/internal/trial"
)

const (
	// trialNodes is how many nodes a trial has at least: its pool keeps three copies, each on a node of its own.
	trialNodes = 3
	// trialDisks is how many disks each of them has.
	trialDisks = 2
)

func newTrial() *cobra.Command {
	return group("trial", "Run Seamount in the cluster, with a database on it; or remove both",
		`trial up makes everything that it takes to try Seamount, from a fresh machine on; trial
down removes it. They are what make up and make down run.`,
		newTrialUp(), newTrialDown())
}

func newTrialUp() *cobra.Command {
	o := upOptions{asked: state.DefaultConfig(), disks: trialDisks}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster and Seamount in it, with a PostgreSQL on a volume and pods that share another",
		Long: `up installs packages, compiles Kubernetes and Seamount, builds the images, starts the
nodes with their disks, installs Seamount, makes a StorageCluster, a StoragePool and a
StorageFilesystem, and starts a PostgreSQL on a block volume and pods on three nodes that
share a file volume. What is there already it leaves alone: it can be repeated at any
time, and goes on where it was interrupted. It needs a checkout.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.trial(cmd) },
	}
	o.flags(cmd)
	return cmd
}

func newTrialDown() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Unmount the volumes, and remove the cluster with all that is in it",
		Long: `down ends the pods that use volumes of Seamount, waits until the nodes have unmounted
them, and then does what the command down does: nothing is left but the cache.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return downAfter(cmd.Context(), "trial down", unmount)
		},
	}
}

// unmount has the volumes unmounted, if there is a cluster that can do it.
func unmount(ctx context.Context, s *session) error {
	if err := s.loadPrograms(); err != nil || s.programs.BinDir == "" {
		return nil //nolint:nilerr // a cluster without programs cannot unmount: down removes what it can
	}
	return trial.Unmount(ctx, s.report, s.kubectl())
}

func (s *session) kubectl() trial.Kubectl {
	return trial.Kubectl{Program: filepath.Join(s.programs.BinDir, "kubectl"), Kubeconfig: s.dir.Kubeconfig()}
}

func (o *upOptions) trial(cmd *cobra.Command) error {
	began := time.Now()
	if o.asked.Nodes < trialNodes {
		return fmt.Errorf("--nodes %d is too few for three copies: choose %d to %d", o.asked.Nodes, trialNodes, state.MaxNodes)
	}
	s, err := o.begin(cmd.Context(), "trial up")
	if err != nil {
		return err
	}
	s.report.Assume(trial.FirstTime())
	facts, err := o.tryOut(cmd.Context(), s, enoughNodes(s.dir, changed(cmd)))
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	facts.Took = time.Since(began).Round(time.Second).String()
	return facts.Print(cmd.OutOrStdout())
}

// enoughNodes lets a cluster that is too small grow, as if the user had asked for it.
func enoughNodes(dir state.Dir, given func(string) bool) func(string) bool {
	had, err := state.LoadConfig(dir)
	grow := err == nil && had.Nodes < trialNodes
	return func(flag string) bool { return given(flag) || grow && flag == "nodes" }
}

// tryOut does everything, and tells of it.
func (o *upOptions) tryOut(ctx context.Context, s *session, given func(string) bool) (trial.Facts, error) {
	checkout, err := s.checkout()
	if err != nil {
		return trial.Facts{}, err
	}
	s.report.Note("1 of 4: packages, Kubernetes and images: half an hour the first time, seconds later")
	if err := o.prepare(ctx, s, checkout, given); err != nil {
		return trial.Facts{}, err
	}
	s.report.Note("2 of 4: nodes")
	images, err := o.start(ctx, s, checkout, given)
	if err != nil {
		return trial.Facts{}, err
	}
	return s.seamount(ctx, trial.Trial{Checkout: checkout, Kubectl: s.kubectl(), Images: images})
}

// checkout is the repository that the parts of the local Kubernetes lie in.
func (s *session) checkout() (trial.Checkout, error) {
	components, err := build.LocateComponents()
	if err != nil {
		return trial.Checkout{}, err
	}
	cache, err := build.CacheDir()
	if err != nil {
		return trial.Checkout{}, err
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(components)))
	if _, err := os.Stat(filepath.Join(root, "Makefile")); err != nil {
		return trial.Checkout{}, fmt.Errorf("a trial builds Seamount from a whole checkout: %w", err)
	}
	return trial.Checkout{Root: root, Cache: filepath.Dir(cache), Logs: filepath.Join(cache, "logs"), Report: s.report}, nil
}

// prepare installs packages, and compiles Kubernetes beside the building of images, which mostly waits for the network. Seamount is
// compiled after it, from the same libraries.
func (o *upOptions) prepare(ctx context.Context, s *session, checkout trial.Checkout, given func(string) bool) error {
	builder, err := newBuilder(s)
	if err != nil {
		return err
	}
	if _, err := o.configure(s, given); err != nil {
		return err
	}
	if err := o.preflight(ctx, s, builder); err != nil {
		return err
	}
	if !o.noInstall {
		if err := checkout.Packages(ctx); err != nil {
			return err
		}
	}
	err = together(ctx, checkout.BuildUpstream, func(ctx context.Context) error {
		_, err := builder.Build(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return checkout.BuildOwn(ctx)
}

// start starts nodes that have the images.
func (o *upOptions) start(ctx context.Context, s *session, checkout trial.Checkout, given func(string) bool) (trial.Images, error) {
	images, archives, err := checkout.Built()
	if err != nil {
		return nil, err
	}
	o.load = archives
	return images, o.locked(ctx, s, given)
}

// seamount makes the trial itself.
func (s *session) seamount(ctx context.Context, t trial.Trial) (trial.Facts, error) {
	s.report.Note("3 of 4: Seamount and its storage")
	for _, step := range []func(context.Context) error{t.Install, t.Cluster, t.Pool, t.Filesystem} {
		if err := step(ctx); err != nil {
			return trial.Facts{}, err
		}
	}
	s.report.Note("4 of 4: a database, and files that nodes share")
	rows, err := t.Demo(ctx)
	if err != nil {
		return trial.Facts{}, err
	}
	if err := t.Writers(ctx); err != nil {
		return trial.Facts{}, err
	}
	disks, err := s.disks().List()
	if err != nil {
		return trial.Facts{}, err
	}
	facts := trial.Facts{Nodes: s.config.Nodes, Rows: rows, Programs: s.programs.BinDir, Checkout: t.Root}
	facts.Disks, facts.DiskSize = inNodes(disks)
	return t.Look(ctx, facts)
}

// inNodes counts the disks in nodes, and tells their size if it is one.
func inNodes(disks []disk.Disk) (count int, size string) {
	sizes := map[string]bool{}
	for _, d := range disks {
		if d.Node > 0 {
			count++
			size = disk.FormatSize(d.Bytes)
			sizes[size] = true
		}
	}
	if len(sizes) != 1 {
		size = ""
	}
	return count, size
}
