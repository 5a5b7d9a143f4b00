package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/endpoint"
	"github.com/seamount-dev/seamount/csi/identity"
	"github.com/seamount-dev/seamount/csi/registration"
)

// Options of the plugin. Directories are given as this process and kubelet both see them.
type Options struct {
	// Node is the name of this node in Kubernetes.
	Node string
	// AgentSocket is where the agent listens.
	AgentSocket string
	// Drivers are the names of those that are served: all of Drivers, or some.
	Drivers []string
	// PluginsDir has a directory for each driver, with the socket on which kubelet calls. RegistrationDir is where it looks
	// for plugins.
	PluginsDir, RegistrationDir string
	// HealthAddress serves /healthz and /readyz over HTTP; empty: nowhere.
	HealthAddress string
	Version       string
}

// probeTimeout bounds the question whether the agent answers.
const probeTimeout = 3 * time.Second

// Drivers are all that there are.
var Drivers = []string{v1alpha1.ProvisionerRBD, v1alpha1.ProvisionerCephFS}

// Plugin is the node service of one or several drivers with all that they need around them.
type Plugin struct {
	Options
	agent   agentv1.VolumesClient
	drivers []*driver
	log     logr.Logger
}

// driver is one that kubelet knows by its name.
type driver struct {
	name         string
	server       *Server
	endpoint     string
	registration *registration.Plugin
}

// Run serves kubelet until the context ends. kubernetes is for events.
func Run(ctx context.Context, kubernetes *rest.Config, options Options, log logr.Logger) error {
	if err := checkDrivers(options.Drivers); err != nil {
		return err
	}
	writer, err := eventWriter(kubernetes)
	if err != nil {
		return err
	}
	agent, conn, err := Dial(options.AgentSocket)
	if err != nil {
		return err
	}
	defer conn.Close()
	plugin := New(agent, options, log)
	events := NewEvents(writer, options.Node, time.Now, log)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { events.Run(ctx); return nil })
	group.Go(func() error { Watch(ctx, agent, events, log); return nil })
	group.Go(func() error { return plugin.Serve(ctx) })
	return group.Wait()
}

// New puts a plugin together.
func New(agent agentv1.VolumesClient, options Options, log logr.Logger) *Plugin {
	p := &Plugin{Options: options, agent: agent, log: log}
	for _, name := range options.Drivers {
		d := &driver{
			name: name, endpoint: path.Join(options.PluginsDir, name, "csi.sock"),
			server: &Server{Agent: agent, Socket: options.AgentSocket, File: name == v1alpha1.ProvisionerCephFS},
		}
		d.registration = &registration.Plugin{
			Name: name, Endpoint: d.endpoint, Dir: options.RegistrationDir, Identity: d.identity, Log: log.WithValues("driver", name),
		}
		p.drivers = append(p.drivers, d)
	}
	return p
}

// checkDrivers refuses names of drivers that there are not, and none at all.
func checkDrivers(names []string) error {
	for i, name := range names {
		if !slices.Contains(Drivers, name) || slices.Contains(names[:i], name) {
			return fmt.Errorf("%q is no driver, or named twice: there are %s", name, strings.Join(Drivers, " and "))
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("no driver is named: there are %s", strings.Join(Drivers, " and "))
	}
	return nil
}

// Serve answers kubelet, registers with it and says how this process is, until the context ends.
func (p *Plugin) Serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, d := range p.drivers {
		group.Go(func() error {
			return endpoint.Endpoint{
				Path: d.endpoint, Register: func(to grpc.ServiceRegistrar) { d.register(to, p.Version) },
				Options: []grpc.ServerOption{grpc.UnaryInterceptor(p.logged)},
			}.Run(ctx)
		})
		group.Go(func() error { return d.registration.Run(ctx) })
	}
	if p.HealthAddress != "" {
		group.Go(func() error { return p.serveHealth(ctx) })
	}
	return group.Wait()
}

func (d *driver) register(to grpc.ServiceRegistrar, version string) {
	csi.RegisterIdentityServer(to, &identity.Server{Name: d.name, Version: version, Ready: d.answers})
	csi.RegisterNodeServer(to, d.server)
	healthv1.RegisterHealthServer(to, health.NewServer())
}

// answers says whether the agent does: without it nothing can be done.
func (d *driver) answers() bool {
	_, err := d.identity(context.Background())
	return err == nil
}

// identity is all that kubelet asks for only once.
func (d *driver) identity(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	info, err := d.server.NodeGetInfo(ctx, &csi.NodeGetInfoRequest{})
	if err != nil {
		return "", err
	}
	offered := slices.Sorted(maps.Keys(info.GetAccessibleTopology().GetSegments()))
	return fmt.Sprintf("%s %d %s", info.GetNodeId(), info.GetMaxVolumesPerNode(), strings.Join(offered, ",")), nil
}

// logged logs calls that failed. What was asked stays out of the log: it may hold what is sealed to this node.
func (p *Plugin) logged(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	began := time.Now()
	answer, err := handler(ctx, in)
	if err != nil {
		var volume string
		if named, ok := in.(interface{ GetVolumeId() string }); ok {
			volume = named.GetVolumeId()
		}
		p.log.Info("a call failed", "method", info.FullMethod, "volume", volume, "code", status.Code(err).String(),
			"error", status.Convert(err).Message(), "took", time.Since(began).String())
	}
	return answer, err
}

// serveHealth answers probes: /healthz of this process alone, /readyz with the agent and kubelet.
func (p *Plugin) serveHealth(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := p.ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: probeTimeout}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.HealthAddress)
	if err != nil {
		return fmt.Errorf("serve probes: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // a probe that is cut off is asked again
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes: %w", err)
	}
	return nil
}

func (p *Plugin) ready(ctx context.Context) error {
	for _, d := range p.drivers {
		if _, err := d.identity(ctx); err != nil {
			return errors.New(status.Convert(err).Message())
		}
		if err := d.registration.Registered(); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

// eventWriter creates events and nothing else, so that it asks the API for no list of its kinds.
func eventWriter(kubernetes *rest.Config) (client.Writer, error) {
	scheme := runtime.NewScheme()
	if err := eventsv1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("prepare for events: %w", err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(eventsv1.SchemeGroupVersion.WithKind("Event"), meta.RESTScopeNamespace)
	writer, err := client.New(kubernetes, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("prepare for events: %w", err)
	}
	return writer, nil
}
