// Package registration makes a CSI driver known to kubelet, through the directory in which kubelet looks for plugins. It
// does what the sidecar container node-driver-registrar does elsewhere. What the driver does is not its business.
package registration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/seamount-dev/seamount/csi/endpoint"
)

// version of the plugin API of kubelet, which is not that of CSI.
const version = "1.0.0"

// Plugin is a driver to register.
type Plugin struct {
	registerapi.UnimplementedRegistrationServer
	// Name of the driver, and Endpoint where kubelet finds it: a path of the node.
	Name, Endpoint string
	// Dir is kubelet's plugins_registry.
	Dir string
	// Identity is what kubelet asks of the driver when it registers it, and never again. As long as it fails nothing is
	// registered; when it becomes another, the driver is registered again.
	Identity func(context.Context) (string, error)
	// Interval between two looks at the identity. Zero: ten seconds; while it fails, one.
	Interval time.Duration
	Log      logr.Logger

	mu     sync.Mutex
	status error
}

const (
	defaultInterval = 10 * time.Second
	retryInterval   = time.Second
)

// errUnasked is the status before kubelet has come by.
var errUnasked = errors.New("kubelet has not registered the driver yet")

// Socket is where kubelet finds out about the driver.
func (p *Plugin) Socket() string { return filepath.Join(p.Dir, p.Name+"-reg.sock") }

// Run registers the driver until the context ends. A kubelet that starts anew finds the socket by itself.
func (p *Plugin) Run(ctx context.Context) error {
	for {
		identity, err := p.await(ctx, func(identity string, err error) bool { return err == nil })
		if err != nil {
			return nil //nolint:nilerr // the context ended, which is no failure
		}
		if err := p.serve(ctx, identity); err != nil {
			return err
		}
	}
}

// serve is registered with kubelet until the context ends or the identity is another.
func (p *Plugin) serve(ctx context.Context, identity string) error {
	p.note(errUnasked)
	serving, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- endpoint.Endpoint{Path: p.Socket(), Register: func(r grpc.ServiceRegistrar) { registerapi.RegisterRegistrationServer(r, p) }}.Run(serving)
	}()
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		_, _ = p.await(serving, func(now string, err error) bool { return err == nil && now != identity })
	}()
	select {
	case err := <-done:
		return err
	case <-changed:
	}
	stop()
	err := <-done
	if ctx.Err() == nil && err == nil {
		p.Log.Info("the node is known by another identifier now: the driver is registered again")
		err = p.withdraw()
	}
	return err
}

// withdraw takes the socket away, so that kubelet forgets the driver as it was.
func (p *Plugin) withdraw() error {
	if err := os.Remove(p.Socket()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take the registration back: %w", err)
	}
	return nil
}

// await looks at the identity until it is as wanted, and fails when the context ends.
func (p *Plugin) await(ctx context.Context, wanted func(string, error) bool) (string, error) {
	interval := p.Interval
	if interval == 0 {
		interval = defaultInterval
	}
	for told := false; ; {
		identity, err := p.Identity(ctx)
		if wanted(identity, err) {
			return identity, nil
		}
		pause := interval
		if err != nil {
			pause = min(interval, retryInterval)
			if !told {
				p.Log.Info("the driver is not ready", "error", err.Error())
			}
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
	}
}

// GetInfo implements registerapi.RegistrationServer.
func (p *Plugin) GetInfo(context.Context, *registerapi.InfoRequest) (*registerapi.PluginInfo, error) {
	return &registerapi.PluginInfo{
		Type: registerapi.CSIPlugin, Name: p.Name, Endpoint: p.Endpoint, SupportedVersions: []string{version},
	}, nil
}

// NotifyRegistrationStatus implements registerapi.RegistrationServer. Kubelet itself tries again what failed.
func (p *Plugin) NotifyRegistrationStatus(_ context.Context, in *registerapi.RegistrationStatus) (*registerapi.RegistrationStatusResponse, error) {
	if in.GetPluginRegistered() {
		p.note(nil)
		p.Log.Info("kubelet has registered the driver", "driver", p.Name)
	} else {
		p.note(fmt.Errorf("kubelet could not register the driver: %s", in.GetError()))
		p.Log.Info("kubelet could not register the driver and tries again", "driver", p.Name, "error", in.GetError())
	}
	return &registerapi.RegistrationStatusResponse{}, nil
}

func (p *Plugin) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = err
}

// Registered returns why the driver is not registered; nil: it is.
func (p *Plugin) Registered() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}
