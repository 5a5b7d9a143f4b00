package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/controlplane"
	"github.com/seamount-dev/seamount/deploy/local/internal/node"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func newKubeconfig() *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openCluster()
			if err != nil {
				return err
			}
			data, err := os.ReadFile(s.dir.Kubeconfig())
			if err != nil {
				return fmt.Errorf("read the kubeconfig: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(data)
			return err
		},
	}
}

func newLogs() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print the log of a daemon: etcd, kube-apiserver, ..., node2, node2/kubelet",
		Long: `logs prints the log of one daemon. Of the control plane: etcd, kube-apiserver,
kube-controller-manager, kube-scheduler. Of a node: node2 for its start, and
node2/kubelet, node2/containerd, node2/kube-proxy. Without a name it lists them.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openCluster()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return s.listLogs(cmd.OutOrStdout())
			}
			path, err := s.logPath(args[0])
			if err != nil {
				return err
			}
			return printLog(cmd.Context(), cmd.OutOrStdout(), path, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing what is added")
	return cmd
}

func (s *session) listLogs(w io.Writer) error {
	for _, pattern := range []string{s.dir.Log("*"), filepath.Join(s.dir.Nodes(), "*", "logs", "*.log")} {
		logs, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, log := range logs {
			if _, err := fmt.Fprintln(w, s.logName(log)); err != nil {
				return err
			}
		}
	}
	return nil
}

// logName is what `logs` calls the file.
func (s *session) logName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".log")
	if filepath.Dir(path) == s.dir.Logs() {
		return name
	}
	return filepath.Base(filepath.Dir(filepath.Dir(path))) + "/" + name
}

func (s *session) logPath(name string) (string, error) {
	if controlplane.IsDaemon(name) {
		return s.dir.Log(name), nil
	}
	of, daemon, ok := strings.Cut(name, "/")
	if !ok {
		daemon = "init"
	}
	n, err := s.config.ParseNode(of)
	if err != nil {
		return "", fmt.Errorf("no log %q: `seamount-local logs` lists them", name)
	}
	if daemon != filepath.Base(daemon) {
		return "", fmt.Errorf("no log %q: `seamount-local logs` lists them", name)
	}
	return s.dir.NodeLog(n, daemon), nil
}

// printLog leaves the following to tail, which knows files that are replaced.
func printLog(ctx context.Context, w io.Writer, path string, follow bool) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no such log yet: %w", err)
	}
	args := []string{"-n", "+1"}
	if follow {
		args = append(args, "-F")
	}
	cmd := exec.CommandContext(ctx, "tail", append(args, path)...)
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("tail: %w", err)
	}
	return nil
}

func newExec() *cobra.Command {
	return &cobra.Command{
		Use:                   "exec NODE -- COMMAND [ARGUMENTS]",
		Short:                 "Run a command in a node, in all its namespaces",
		Args:                  cobra.MinimumNArgs(2),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := requireRoot(); err != nil {
				return err
			}
			s, n, err := openNode(args[0])
			if err != nil {
				return err
			}
			code, err := s.nodes().Exec(cmd.Context(), n, args[1:], node.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
			if err != nil {
				return err
			}
			if code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
}

func openNode(name string) (*session, int, error) {
	s, err := openCluster()
	if err != nil {
		return nil, 0, err
	}
	n, err := s.config.ParseNode(name)
	return s, n, err
}

func newLoad() *cobra.Command {
	var only string
	cmd := &cobra.Command{
		Use:   "load ARCHIVE...",
		Short: "Load image archives (docker save, OCI) into every node",
		Long: `load puts the images of tar archives into every node that runs. They stay there
when the node is stopped and started; a node that is added later needs them loaded
again. Give images a tag other than latest, or pods will try to pull them.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := archives(args)
			if err != nil {
				return err
			}
			s, err := changeCluster(cmd.Context(), "load")
			if err != nil {
				return err
			}
			return errors.Join(s.load(cmd.Context(), only, paths), s.close())
		},
	}
	cmd.Flags().StringVar(&only, "node", "", "load into this node only")
	return cmd
}

func archives(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		path, err := filepath.Abs(arg)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("no image archive: %w", err)
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a file: `load` takes tar archives", path)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (s *session) load(ctx context.Context, only string, paths []string) error {
	nodes := s.nodes()
	if only != "" {
		n, err := s.config.ParseNode(only)
		if err != nil {
			return err
		}
		return nodes.LoadImages(ctx, n, paths...)
	}
	return s.everyNode(ctx, func(ctx context.Context, n int) error {
		if nodes.Status(ctx, n).State == node.Stopped {
			return fmt.Errorf("%s does not run and has not got the images: start it and load again", state.NodeName(n))
		}
		return nodes.LoadImages(ctx, n, paths...)
	})
}
