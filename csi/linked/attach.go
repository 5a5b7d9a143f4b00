package linked

import (
	"context"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/external-attacher/v4/pkg/attacher"
	"github.com/kubernetes-csi/external-attacher/v4/pkg/controller"
	csitranslation "k8s.io/csi-translation-lib"
	"k8s.io/klog/v2"
)

// reconcileEvery is how often attachments are compared with what the driver lists, if it lists them.
const reconcileEvery = time.Minute

// attach attaches volumes to nodes and detaches them, as VolumeAttachments say.
func (c *Controllers) attach(ctx context.Context, d driver) error {
	volumes, attachments := c.informers.Core().V1().PersistentVolumes(), c.informers.Storage().V1().VolumeAttachments()
	timeout := callTimeout
	handler := controller.NewCSIHandler(c.core, d.Name, attacher.NewAttacher(d.Conn), attacher.NewVolumeLister(d.Conn, 0),
		volumes.Lister(), c.informers.Storage().V1().CSINodes().Lister(), attachments.Lister(), &timeout,
		d.can(csi.ControllerServiceCapability_RPC_PUBLISH_READONLY), d.can(csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER),
		csitranslation.New(), "")
	main := controller.NewCSIAttachController(klog.LoggerWithValues(klog.Background(), "driver", d.Name), c.core, d.Name, handler,
		attachments, volumes, retries(), retries(), d.can(csi.ControllerServiceCapability_RPC_LIST_VOLUMES_PUBLISHED_NODES), reconcileEvery)
	c.running.Go(func() { main.Run(ctx, c.options.Workers, &c.running) })
	return nil
}
