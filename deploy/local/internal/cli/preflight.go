package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
	"github.com/seamount-dev/seamount/deploy/local/internal/controlplane"
	"github.com/seamount-dev/seamount/deploy/local/internal/preflight"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func newPreflight() *cobra.Command {
	o := upOptions{asked: state.DefaultConfig()}
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Say what this machine lacks for a local cluster, and what to do about it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.parse(); err != nil {
				return err
			}
			return o.preflightOnly(cmd)
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *upOptions) preflightOnly(cmd *cobra.Command) error {
	s, err := newSession()
	if err != nil {
		return err
	}
	s.config = o.asked
	if c, err := state.LoadConfig(s.dir); err == nil {
		if s.config, err = merge(c, o.asked, changed(cmd)); err != nil {
			return err
		}
	}
	if err := s.readJournal(); err != nil {
		return err
	}
	b, err := newBuilder(s)
	if err != nil {
		return err
	}
	findings, err := examine(cmd.Context(), s, b)
	if err != nil {
		return err
	}
	if err := preflight.Print(cmd.OutOrStdout(), findings); err != nil {
		return err
	}
	return preflight.Error(findings, preflight.Problem, preflight.Installable)
}

// examine looks at the machine with the cluster of s in mind.
func examine(ctx context.Context, s *session, b build.Builder) ([]preflight.Finding, error) {
	toolchain := b.CheckToolchain(ctx)
	var compile []string
	if toolchain == nil {
		var err error
		if compile, err = b.Missing(ctx); err != nil {
			return nil, err
		}
	} else {
		compile = build.ComponentNames()
	}
	facts, err := preflight.Gather(ctx, preflight.Request{
		StateDir:    s.dir.Path(),
		CacheDir:    b.Cache,
		Cgroups:     checkCgroups,
		Network:     s.network().Check,
		Go:          func(context.Context) error { return toolchain },
		Interrupted: s.interrupted(),
		Running:     s.plane().AnyRunning(),
	})
	if err != nil {
		return nil, err
	}
	return preflight.Evaluate(facts, preflight.Need{
		Nodes: s.config.Nodes, Listen: controlplane.Listeners(s.config), Compile: compile,
	}), nil
}

func checkCgroups() error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = cgroup.Hierarchies(f)
	return err
}

// interrupted says in words what an earlier `up` or `down` that did not end left.
func (s *session) interrupted() string {
	if _, err := state.LoadConfig(s.dir); err == nil {
		return ""
	}
	var left []string
	for _, e := range s.journal.Entries() {
		left = append(left, fmt.Sprintf("%s %s", e.Kind, e.Name))
	}
	if len(left) == 0 {
		return ""
	}
	return "an earlier run was interrupted and left " + strings.Join(left, ", ")
}

func newBuild() *cobra.Command {
	noInstall := false
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Compile what a cluster needs into the cache, and print the directory of programs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := newSession()
			if err != nil {
				return err
			}
			b, err := newBuilder(s)
			if err != nil {
				return err
			}
			if err := prepareToCompile(cmd.Context(), s, b, noInstall); err != nil {
				return err
			}
			programs, err := b.Build(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), programs.BinDir)
			return err
		},
	}
	cmd.Flags().BoolVar(&noInstall, "no-install", false, "do not install missing packages, but say which")
	return cmd
}

// prepareToCompile installs the packages that are missing if anything is to be compiled. What else the machine lacks is the
// business of up.
func prepareToCompile(ctx context.Context, s *session, b build.Builder, noInstall bool) error {
	if missing, err := b.Missing(ctx); err != nil || len(missing) == 0 {
		return err
	}
	s.config = state.DefaultConfig()
	if err := s.readJournal(); err != nil {
		return err
	}
	findings, err := examine(ctx, s, b)
	if err != nil {
		return err
	}
	if noInstall {
		return preflight.Error(findings, preflight.Installable)
	}
	return installPackages(ctx, s, b, findings)
}

func installPackages(ctx context.Context, s *session, b build.Builder, findings []preflight.Finding) error {
	return preflight.Install(ctx, s.report, preflight.Packages(findings), filepath.Join(b.Cache, "logs", "apt-get.log"))
}
