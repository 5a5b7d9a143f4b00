// Package serve puts the agent's volume service together and serves it on the node's socket: it reads or makes the node's
// key, lays the bundle of programs on the host, and goes on with what a former agent left. It decides nothing itself.
package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/bundle"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/agent/libceph"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/mounter"
	"github.com/seamount-dev/seamount/agent/socket"
	"github.com/seamount-dev/seamount/agent/volume"
	"github.com/seamount-dev/seamount/agent/volume/record"
)

// Config of the service.
type Config struct {
	// Name of the node in Kubernetes.
	Name string
	Node host.Node
	// Run is the directory of what holds for one life of the node, Keep that of what lasts. The node sees both at the same
	// paths as this process.
	Run, Keep string
	// Bundle is the directory of the bundle in the agent's image.
	Bundle string
	// Programs to use in place of a bundle's, if set.
	Programs filesystem.Programs
	// Blkid is the path of util-linux' blkid as this process sees it.
	Blkid string
	// Become is the command line of this program that becomes a helper (package launch).
	Become []string
	// User of the CSI node, who may call beside root.
	User    uint32
	Version string
	Log     logr.Logger
	// Step is told of each step of a call before it is done, if it is set.
	Step func(volume, step string)
}

// SocketOf is the path of the socket below the directory Run.
func SocketOf(run string) string { return filepath.Join(run, "agent", "agent.sock") }

// stopLimit is how long calls that are under way may take when the agent ends. The next agent goes on with what is left.
const stopLimit = 20 * time.Second

// Run serves until ctx ends.
func Run(ctx context.Context, c Config) error {
	programs, err := c.programs(ctx)
	if err != nil {
		return fmt.Errorf("prepare the programs of volumes: %w", err)
	}
	seamount := c.seamount(programs)
	service, err := c.assemble(programs)
	if err != nil {
		return fmt.Errorf("prepare the volume service: %w", err)
	}
	service.Mappers = []mapper.Mapper{c.krbd(programs), seamount} // the better one first
	service.Mounters = c.mounters(programs)
	listener, err := socket.Listen(SocketOf(c.Run), int(c.User))
	if err != nil {
		return fmt.Errorf("listen for the CSI node: %w", err)
	}
	server := grpc.NewServer(socket.Options(c.User)...)
	agentv1.RegisterVolumesServer(server, service)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go service.Monitor(ctx)
	go c.upgrade(ctx, seamount)
	c.Log.Info("the agent serves volumes", "node", c.Name, "socket", SocketOf(c.Run))
	select {
	case err := <-failed:
		return fmt.Errorf("serve the CSI node: %w", err)
	case <-ctx.Done():
	}
	return stop(ctx, server, service)
}

// upgrade replaces helpers of former agents while calls are served. What cannot be replaced serves on, and the next agent
// tries again.
func (c Config) upgrade(ctx context.Context, seamount *mapper.Seamount) {
	if err := seamount.Upgrade(ctx); err != nil && ctx.Err() == nil {
		c.Log.Error(err, "helpers of a former agent stay: volumes are served by them until the agent is started again")
	}
}

// stop takes no new calls, and lets those end that are under way. Streams end at once: they never would by themselves.
func stop(ctx context.Context, server *grpc.Server, service *volume.Service) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	service.Close()
	stopped := make(chan struct{})
	go func() { server.GracefulStop(); close(stopped) }()
	select {
	case <-stopped:
	case <-limit.Done():
		server.Stop()
	}
	service.Wait(limit)
	return nil
}

// assemble makes the service, and cleans up what former ones left.
func (c Config) assemble(programs filesystem.Programs) (*volume.Service, error) {
	boot, err := c.Node.Boot()
	if err != nil {
		return nil, err
	}
	key, err := loadKey(filepath.Join(c.Keep, "key"))
	if err != nil {
		return nil, fmt.Errorf("the node's key: %w", err)
	}
	id, err := key.ID(c.Name)
	if err != nil {
		return nil, err
	}
	records := record.Store{Dir: filepath.Join(c.Run, "agent", "volumes"), Boot: boot}
	if err := os.MkdirAll(records.Dir, 0o700); err != nil {
		return nil, err
	}
	former, err := records.Clean()
	if err != nil {
		c.Log.Error(err, "records of a former life of the node stay")
	}
	for _, id := range former {
		c.Log.Info("the node was restarted since a volume was staged: its record goes", "volume", id)
	}
	return &volume.Service{
		ID: id, Key: key, Version: c.Version, Records: records, Log: c.Log, Pins: host.Pins, Copies: c.Node.Copies,
		Filesystems: c.tools(programs), Step: c.Step,
	}, nil
}

func (c Config) krbd(programs filesystem.Programs) *mapper.KRBD {
	return &mapper.KRBD{
		Do: c.Node.Do, NodeName: c.Name, Sys: "/sys", Dev: "/dev", Hold: libceph.HoldKey,
		Metadata: mapper.Command{Run: c.Node.Run, Programs: programs},
		Load:     c.module("rbd"),
	}
}

// module loads one of the kernel.
func (c Config) module(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.Node.Run(ctx, host.Program{Command: []string{"/sbin/modprobe", name}})
		return err
	}
}

func (c Config) tools(programs filesystem.Programs) filesystem.Tools {
	return filesystem.Tools{Node: c.Node, Programs: programs, Blkid: c.Blkid}
}

// mounters of file volumes, the better one first.
func (c Config) mounters(programs filesystem.Programs) []mounter.Mounter {
	return []mounter.Mounter{
		&mounter.Kernel{
			Do: c.Node.Do, Filesystems: c.tools(programs), Copies: c.Node.Copies, Known: "/proc/filesystems", Load: c.module("ceph"),
			Hold: libceph.HoldKey, System: unix.Mount,
		},
		&mounter.Fuse{
			Do: c.Node.Do, Dir: filepath.Join(c.Run, "file"), Logs: filepath.Join(c.Run, "log"), Device: "/dev/fuse", Programs: programs,
			Starter: launch.Launcher{Node: c.Node, Become: c.Become}, Processes: c.Node, Filesystems: c.tools(programs), Copies: c.Node.Copies,
			Log: c.Log, Limits: mounter.DefaultLimits,
		},
	}
}

func (c Config) seamount(programs filesystem.Programs) *mapper.Seamount {
	return &mapper.Seamount{
		Node: c.Node, NodeName: c.Name, Dir: filepath.Join(c.Run, "block"), Logs: filepath.Join(c.Run, "log"),
		Programs: programs, Starter: launch.Launcher{Node: c.Node, Become: c.Become},
	}
}

// programs lays the bundle of the agent's image on the host, and removes those of former agents that nothing runs from.
func (c Config) programs(ctx context.Context) (filesystem.Programs, error) {
	if c.Programs != nil {
		return c.Programs, nil
	}
	all := filepath.Join(c.Keep, "bundles")
	dir, err := bundle.Lay(ctx, c.Bundle, all)
	if err != nil {
		return nil, fmt.Errorf("lay the bundle of programs on the host: %w", err)
	}
	b, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	pruned, err := bundle.Prune(all, "/proc", []string{b.Digest})
	if err != nil && !errors.Is(err, context.Canceled) {
		c.Log.Error(err, "former bundles stay")
	}
	if len(pruned.Removed)+len(pruned.InUse) > 0 {
		c.Log.Info("former bundles", "removed", pruned.Removed, "inUse", pruned.InUse)
	}
	return bundle.Programs{Bundle: b, Dir: dir}, nil
}
