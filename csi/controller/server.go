package controller

import (
	"context"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/session"
)

// Sessions are the sessions with Ceph clusters.
type Sessions interface {
	// Session returns the session with a cluster. It waits for one to be made as long as ctx allows.
	Session(ctx context.Context, cluster types.NamespacedName) (session.Session, error)
	// Clusters lists the clusters that there are, sorted.
	Clusters() []types.NamespacedName
}

// Options of a Server.
type Options struct {
	// Driver is the name of the CSI driver that is served. Empty: v1alpha1.ProvisionerRBD.
	Driver   string
	Sessions Sessions
	// Now is the time. Nil: time.Now.
	Now func() time.Time
	// Timeout bounds each call. Zero: DefaultTimeout.
	Timeout time.Duration
	Log     logr.Logger
}

// DefaultTimeout bounds a call whose caller is more patient: a person waits for the message.
const DefaultTimeout = 30 * time.Second

// Server implements the controller service of CSI.
type Server struct {
	csi.UnimplementedControllerServer

	sessions Sessions
	timeout  time.Duration
	pools    *poolSizes
	backend  backend
}

// New makes a Server. Flattenings that it has begun end with ctx.
func New(ctx context.Context, options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Timeout == 0 {
		options.Timeout = DefaultTimeout
	}
	var made backend = &files{patience: copyPatience}
	if options.Driver != v1alpha1.ProvisionerCephFS {
		made = &images{flattener: newFlattener(ctx, options.Log), headless: newSightings(options.Now)}
	}
	return &Server{sessions: options.Sessions, timeout: options.Timeout, pools: newPoolSizes(options.Now, made.stock), backend: made}
}

// bound gives a call no more time than it may take.
func (s *Server) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// capabilities are what the controller can.
var capabilities = []csi.ControllerServiceCapability_RPC_Type{
	csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
	csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
	csi.ControllerServiceCapability_RPC_LIST_VOLUMES,
	csi.ControllerServiceCapability_RPC_GET_CAPACITY,
	csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
	csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
	csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
	csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
	csi.ControllerServiceCapability_RPC_GET_VOLUME,
	csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	csi.ControllerServiceCapability_RPC_GET_SNAPSHOT,
	csi.ControllerServiceCapability_RPC_GET_VOLUME_HEALTH,
}

// ControllerGetCapabilities says what the controller can.
func (s *Server) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, capability := range capabilities {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: capability}},
		})
	}
	return response, nil
}
