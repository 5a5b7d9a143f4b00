package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/addons"
	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/pki"
	"github.com/seamount-dev/seamount/deploy/local/internal/preflight"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
	"github.com/seamount-dev/seamount/deploy/local/internal/store"
)

// upOptions are the flags of `up`.
type upOptions struct {
	asked     state.Config
	machine   string
	pods      string
	services  string
	disks     int
	diskSize  string
	load      []string
	noInstall bool
	keep      bool
}

func newUp() *cobra.Command {
	o := upOptions{asked: state.DefaultConfig()}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or complete, grow and repair the one that is there",
		Long: `up compiles what is missing, starts the control plane and the nodes, waits until
all are Ready and cluster DNS answers. It can be repeated at any time: what runs is
left alone, what does not is started. A first up that fails removes what it made.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.flags(cmd)
	return cmd
}

func (o *upOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.asked.Nodes, "nodes", o.asked.Nodes, "how many nodes, 1 to 5; more can be added later")
	f.IntVar(&o.asked.KubeAPIQPS, "kube-api-qps", 0, "request rate of kube-controller-manager (default Kubernetes' own, 20)")
	f.IntVar(&o.disks, "disks", o.disks, "disks that every node has at least")
	f.StringVar(&o.diskSize, "disk-size", "10G", "size of disks added by --disks")
	f.StringArrayVar(&o.load, "load", nil, "image archive that all nodes hold; can be repeated")
	f.BoolVar(&o.noInstall, "no-install", false, "do not install missing packages, but say which")
	f.BoolVar(&o.keep, "keep-failed", false, "leave what a failed first up made, to look at it")
	f.StringVar(&o.machine, "network", o.asked.Network.Machine.String(), "this machine's address on the cluster's network, with the length of the network")
	f.StringVar(&o.pods, "pod-network", o.asked.Network.Pods.String(), "range of the pods")
	f.StringVar(&o.services, "service-network", o.asked.Network.Services.String(), "range of the Services")
	f.StringVar(&o.asked.Network.Bridge, "bridge", o.asked.Network.Bridge, "name of the network link on this machine")
	f.Uint16Var(&o.asked.Network.APIPort, "api-port", o.asked.Network.APIPort, "port of kube-apiserver")
}

// parse completes asked from the flags that are not of its types.
func (o *upOptions) parse() error {
	for _, p := range []struct {
		flag, text string
		into       *netip.Prefix
	}{
		{"--network", o.machine, &o.asked.Network.Machine},
		{"--pod-network", o.pods, &o.asked.Network.Pods},
		{"--service-network", o.services, &o.asked.Network.Services},
	} {
		prefix, err := netip.ParsePrefix(p.text)
		if err != nil {
			return fmt.Errorf("%s %s is not an address with a length, such as 10.250.0.1/24", p.flag, p.text)
		}
		*p.into = prefix
	}
	if o.disks < 0 {
		return fmt.Errorf("--disks %d is negative: choose 0 or more", o.disks)
	}
	if _, err := disk.ParseSize(o.diskSize); err != nil {
		return fmt.Errorf("--disk-size: %w", err)
	}
	var err error
	if o.load, err = archives(o.load); err != nil {
		return fmt.Errorf("--load: %w", err)
	}
	return o.asked.Validate()
}

func (o *upOptions) run(cmd *cobra.Command) error {
	began := time.Now()
	s, err := o.begin(cmd.Context(), "up")
	if err != nil {
		return err
	}
	err = o.locked(cmd.Context(), s, changed(cmd))
	if err == nil {
		s.report.Note("%d nodes are Ready after %.1f s. Use them with:\n  export KUBECONFIG=%s PATH=%s:$PATH",
			s.config.Nodes, time.Since(began).Seconds(), s.dir.Kubeconfig(), s.programs.BinDir)
	}
	return errors.Join(err, s.close())
}

// begin is a session with the lock, on a cluster that there may not be yet.
func (o *upOptions) begin(ctx context.Context, command string) (*session, error) {
	if err := o.parse(); err != nil {
		return nil, err
	}
	if err := requireRoot(); err != nil {
		return nil, err
	}
	s, err := newSession()
	if err != nil {
		return nil, err
	}
	if empty, err := s.dir.IsEmpty(); err != nil {
		return nil, err
	} else if !empty && !s.dir.IsOurs() {
		return nil, fmt.Errorf("%s is not empty and holds no local cluster: set %s to another directory", s.dir, state.DirEnv)
	}
	if err := s.acquire(ctx, command); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// changed tells which flags the user gave.
func changed(cmd *cobra.Command) func(string) bool { return cmd.Flags().Changed }

// locked runs with the lock. If there was no complete cluster before and this
// one does not come up, it leaves nothing behind.
func (o *upOptions) locked(ctx context.Context, s *session, given func(string) bool) error {
	first, err := o.configure(s, given)
	if err != nil {
		return err
	}
	err = o.bringUp(ctx, s)
	if err == nil || !first || o.keep {
		return err
	}
	return rollBack(ctx, s, err)
}

// configure chooses the configuration, and says whether there was no complete cluster before.
func (o *upOptions) configure(s *session, given func(string) bool) (first bool, err error) {
	s.config = o.asked
	had, err := state.LoadConfig(s.dir)
	if errors.Is(err, state.ErrNoCluster) {
		return true, nil
	}
	if err == nil {
		s.config, err = merge(had, o.asked, given)
	}
	return false, err
}

// merge is the configuration of a cluster that is there and is asked to be
// different: only what does not move anything that runs.
func merge(had, asked state.Config, given func(string) bool) (state.Config, error) {
	if given("nodes") {
		if asked.Nodes < had.Nodes {
			return had, fmt.Errorf("the cluster has %d nodes and cannot shrink to %d: stop a node with `node stop`, or start over with `down`", had.Nodes, asked.Nodes)
		}
		had.Nodes = asked.Nodes
	}
	if given("kube-api-qps") {
		had.KubeAPIQPS = asked.KubeAPIQPS
	}
	for flag, same := range map[string]bool{
		"network":         had.Network.Machine == asked.Network.Machine,
		"pod-network":     had.Network.Pods == asked.Network.Pods,
		"service-network": had.Network.Services == asked.Network.Services,
		"bridge":          had.Network.Bridge == asked.Network.Bridge,
		"api-port":        had.Network.APIPort == asked.Network.APIPort,
	} {
		if given(flag) && !same {
			return had, fmt.Errorf("--%s of a cluster cannot change: run `seamount-local down` first", flag)
		}
	}
	return had, nil
}

func (o *upOptions) bringUp(ctx context.Context, s *session) error {
	builder, err := newBuilder(s)
	if err != nil {
		return err
	}
	if err := o.preflight(ctx, s, builder); err != nil {
		return err
	}
	if s.programs, err = builder.Build(ctx); err != nil {
		return err
	}
	if err := s.record(); err != nil {
		return err
	}
	if err := s.network().Up(ctx); err != nil {
		return err
	}
	if err := s.startNodes(ctx, o.load); err != nil {
		return err
	}
	if err := s.loadMissing(ctx, o.load); err != nil {
		return err
	}
	api, err := s.plane().API()
	if err != nil {
		return err
	}
	dns := addons.Addons{Dir: s.dir, Config: s.config, Programs: s.programs, API: api, Report: s.report}
	if err := dns.Apply(ctx); err != nil {
		return err
	}
	return o.addDisks(ctx, s)
}

// preflight refuses a machine that is not ready, after installing packages.
func (o *upOptions) preflight(ctx context.Context, s *session, b build.Builder) error {
	findings, err := examine(ctx, s, b)
	if err != nil {
		return err
	}
	refuse := []preflight.Level{preflight.Problem}
	if o.noInstall {
		refuse = append(refuse, preflight.Installable)
	}
	if err := preflight.Error(findings, refuse...); err != nil {
		return err
	}
	return installPackages(ctx, s, b, findings)
}

// record writes what later commands need to know about the cluster.
func (s *session) record() error {
	if err := s.dir.Make(); err != nil {
		return err
	}
	if err := pki.Ensure(s.dir, s.config, time.Now()); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	if err := state.WriteJSON(s.dir.ProgramsFile(), s.programs); err != nil {
		return err
	}
	return state.SaveConfig(s.dir, s.config)
}

// startNodes starts the control plane beside the preparation of the image store,
// then all nodes at once. Images to load are unpacked once, for nodes that are
// made of the store: those that are there have to be given them one by one.
func (s *session) startNodes(ctx context.Context, load []string) error {
	archives, err := filepath.Glob(filepath.Join(s.programs.ImageDir, "*.tar"))
	if err != nil {
		return err
	}
	nodes := s.nodes()
	if !nodes.Made() {
		archives = append(archives, load...)
	}
	images := store.New(s.dir, s.programs, s.journal, s.report)
	err = together(ctx,
		s.plane().Start,
		func(ctx context.Context) error { return images.Ensure(ctx, archives) },
	)
	if err != nil {
		return err
	}
	if err := nodes.Prepare(ctx); err != nil {
		return err
	}
	return together(ctx, s.plane().Settle, func(ctx context.Context) error {
		if err := s.eachNode(ctx, s.reviver(nodes)); err != nil {
			return err
		}
		return s.awaitNodes(ctx)
	})
}

// loadMissing loads what nodes do not hold that were there before.
func (s *session) loadMissing(ctx context.Context, archives []string) error {
	if len(archives) == 0 {
		return nil
	}
	return s.report.Do(ctx, "load the images into the nodes", func(ctx context.Context, _ *progress.Step) error {
		return s.load(ctx, "", archives)
	})
}

func (o *upOptions) addDisks(ctx context.Context, s *session) error {
	if o.disks == 0 {
		return nil
	}
	size, err := disk.ParseSize(o.diskSize)
	if err != nil {
		return fmt.Errorf("--disk-size: %w", err)
	}
	disks := s.disks()
	have, err := disks.List()
	if err != nil {
		return err
	}
	for _, n := range s.config.NodeNumbers() {
		for count := countDisks(have, n); count < o.disks; count++ {
			if _, err := disks.Add(ctx, n, size); err != nil {
				return err
			}
		}
	}
	return nil
}

func countDisks(disks []disk.Disk, n int) int {
	count := 0
	for _, d := range disks {
		if d.Node == n {
			count++
		}
	}
	return count
}

// rollBack removes what a failed first up made and keeps its logs.
func rollBack(ctx context.Context, s *session, cause error) error {
	ctx = context.WithoutCancel(ctx)
	if len(s.journal.Entries()) == 0 {
		s.report = progress.Discard() // there is nothing to tell of
		return errors.Join(cause, s.tearDown(ctx))
	}
	s.report.Note("failed: removing what was made; --keep-failed would have left it")
	moved, err := s.keepLogs()
	if err != nil {
		return errors.Join(cause, err, s.tearDown(ctx))
	}
	return errors.Join(movedLogs(cause, moved), s.tearDown(ctx))
}

func newBuilder(s *session) (build.Builder, error) {
	dir, err := build.LocateComponents()
	if err != nil {
		return build.Builder{}, err
	}
	cache, err := build.CacheDir()
	if err != nil {
		return build.Builder{}, err
	}
	if err := os.MkdirAll(filepath.Join(cache, "logs"), 0o755); err != nil {
		return build.Builder{}, fmt.Errorf("create the cache: %w", err)
	}
	return build.Builder{Components: dir, Cache: cache, Report: s.report}, nil
}
