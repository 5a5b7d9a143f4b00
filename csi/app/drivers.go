package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/calls"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/endpoint"
	"github.com/seamount-dev/seamount/csi/identity"
	"github.com/seamount-dev/seamount/csi/linked"
	"github.com/seamount-dev/seamount/csi/session"
)

// driver is a driver's gRPC server, which the controllers reach without leaving the process.
type driver struct {
	name     string
	server   *grpc.Server
	listener *bufconn.Listener
	conn     *grpc.ClientConn
	socket   *endpoint.Endpoint
	end      context.CancelFunc
}

// pipe is how many bytes are under way within the process.
const pipe = 1 << 20

func newDriver(name string, options Options, sessions *session.Pool, ready func() bool) (*driver, error) {
	observer, err := calls.New(options.Log.WithName("csi"), metrics.Registry)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	service := controller.New(life, controller.Options{Driver: name, Sessions: sessions, Log: options.Log.WithName("csi")})
	register := func(to grpc.ServiceRegistrar) {
		csi.RegisterIdentityServer(to, &identity.Server{
			Name: name, Version: options.Version, Everywhere: name == v1alpha1.ProvisionerCephFS, Ready: ready,
		})
		csi.RegisterControllerServer(to, service)
	}
	observe := grpc.UnaryInterceptor(observer.Intercept(name))
	d := &driver{name: name, server: grpc.NewServer(observe), listener: bufconn.Listen(pipe), end: end}
	register(d.server)
	if path := options.Sockets[name]; path != "" {
		d.socket = &endpoint.Endpoint{Path: path, Register: register, Options: []grpc.ServerOption{observe}}
	}
	d.conn, err = grpc.NewClient("passthrough:///"+name, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return d.listener.DialContext(ctx) }))
	if err != nil {
		end()
		return nil, fmt.Errorf("connect to driver %s: %w", name, err)
	}
	return d, nil
}

// run serves until ctx ends and the calls under way have ended.
func (d *driver) run(ctx context.Context) error {
	defer d.end()
	served := make(chan error, 2)
	go func() { served <- d.server.Serve(d.listener) }()
	if d.socket != nil {
		go func() { served <- d.socket.Run(ctx) }()
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	d.server.GracefulStop()
	return nil
}

// servers are all drivers, which share the sessions.
type servers struct {
	all      []*driver
	sessions *session.Pool
}

func newDrivers(options Options, sessions *session.Pool, ready func() bool) (servers, error) {
	s := servers{sessions: sessions}
	for _, name := range drivers {
		d, err := newDriver(name, options, sessions, ready)
		if err != nil {
			return servers{}, err
		}
		s.all = append(s.all, d)
	}
	return s, nil
}

// linked are the drivers as the community's controllers know them.
func (s servers) linked() []linked.Driver {
	var all []linked.Driver
	for _, d := range s.all {
		all = append(all, linked.Driver{Name: d.name, Conn: d.conn})
	}
	return all
}

// run serves all until ctx ends, or one fails, and ends the sessions when the last call has ended.
func (s servers) run(ctx context.Context) error {
	defer s.sessions.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(s.all))
	var running sync.WaitGroup
	for i, d := range s.all {
		running.Go(func() {
			defer stop()
			errs[i] = d.run(ctx)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
