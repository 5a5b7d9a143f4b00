package linked

import (
	"context"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/external-resizer/v2/pkg/controller"
	resizecsi "github.com/kubernetes-csi/external-resizer/v2/pkg/csi"
	"github.com/kubernetes-csi/external-resizer/v2/pkg/resizer"
)

// resize makes volumes larger, as claims say.
func (c *Controllers) resize(ctx context.Context, d driver) error {
	expander, err := resizer.NewResizerFromClient(resizeClient{driver: d}, callTimeout, c.core, d.Name)
	if err != nil {
		return fmt.Errorf("set up the resizer: %w", err)
	}
	// Volumes in use are made larger too, so nothing has to know of pods.
	const waitForPods = false
	main := controller.NewResizeController(d.Name, expander, c.core, resync, c.informers, retries(), waitForPods, retryMost)
	c.running.Go(func() { main.Run(c.options.Workers, ctx, &c.running) })
	return nil
}

// resizeClient is the resizer's view of a driver. The resizer's own client ends the process when its connection is lost.
type resizeClient struct {
	resizecsi.Client // what is not asked of a driver that expands in its controller

	driver driver
}

// SupportsPluginControllerService says whether there is a controller.
func (r resizeClient) SupportsPluginControllerService(context.Context) (bool, error) {
	return r.driver.plugin[csi.PluginCapability_Service_CONTROLLER_SERVICE], nil
}

// SupportsControllerResize says whether the controller expands volumes.
func (r resizeClient) SupportsControllerResize(context.Context) (bool, error) {
	return r.driver.can(csi.ControllerServiceCapability_RPC_EXPAND_VOLUME), nil
}

// SupportsNodeResize is asked of a driver whose controller does not expand volumes.
func (r resizeClient) SupportsNodeResize(context.Context) (bool, error) { return false, nil }

// SupportsControllerSingleNodeMultiWriter says which access modes the driver is told.
func (r resizeClient) SupportsControllerSingleNodeMultiWriter(context.Context) (bool, error) {
	return r.driver.can(csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER), nil
}

// Expand makes a volume larger.
func (r resizeClient) Expand(ctx context.Context, id string, bytes int64, secrets map[string]string, how *csi.VolumeCapability) (int64, bool, error) {
	response, err := csi.NewControllerClient(r.driver.Conn).ControllerExpandVolume(ctx, &csi.ControllerExpandVolumeRequest{
		VolumeId: id, CapacityRange: &csi.CapacityRange{RequiredBytes: bytes}, Secrets: secrets, VolumeCapability: how,
	})
	return response.GetCapacityBytes(), response.GetNodeExpansionRequired(), err
}
