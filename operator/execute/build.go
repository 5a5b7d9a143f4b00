package execute

import (
	"cmp"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Builder returns what builds the objects of a cluster. image is Ceph's; empty: the one of the spec.
func Builder(object *v1alpha1.StorageCluster, spec plan.Cluster, fsid, nodeImage, image string) manifest.Cluster {
	secrets := make([]string, 0, len(spec.ImagePullSecrets))
	for _, secret := range spec.ImagePullSecrets {
		secrets = append(secrets, secret.Name)
	}
	return manifest.Cluster{
		Namespace: object.Namespace, Name: object.Name, UID: object.UID, FSID: fsid,
		Image: cmp.Or(image, spec.Image), ImagePullSecrets: secrets, NodeImage: nodeImage,
		Profile: spec.ResourceProfile, FailureDomain: spec.FailureDomain, MgrModules: spec.Mgr.Modules,
		Network: manifest.Network{
			Host: spec.Network.Mode == v1alpha1.NetworkHost, IPFamily: spec.Network.IPFamily,
			Public: spec.Network.Public.CIDRs, Cluster: spec.Network.Cluster.CIDRs,
		},
	}
}

// Deployment builds the Deployment of a daemon. It is pure.
func Deployment(c manifest.Cluster, d plan.Daemon) *appsv1.Deployment {
	deployment := build(c, d)
	if deployment.Annotations == nil {
		deployment.Annotations = map[string]string{}
	}
	deployment.Annotations[manifest.AnnotationNode] = d.Node
	deployment.Annotations[plan.AnnotationTemplate] = plan.TemplateOf(&deployment.Spec.Template).Encode()
	return deployment
}

// Template builds what the restart of a daemon is decided by. It is pure.
func Template(c manifest.Cluster, d plan.Daemon) plan.Template {
	return plan.TemplateOf(&build(c, d).Spec.Template)
}

func build(c manifest.Cluster, d plan.Daemon) *appsv1.Deployment {
	c.Image, c.Profile, c.MgrModules = cmp.Or(d.Image, c.Image), d.Profile, d.Modules
	var deployment *appsv1.Deployment
	switch d.ID.Kind {
	case plan.DaemonMon:
		deployment = c.MonDeployment(manifest.MonPod{
			Mon:      handover.Mon{Name: d.ID.Name, Node: d.Node, Address: d.Address},
			Hostname: d.Hostname, Tolerations: d.Tolerations, Resources: d.Resources,
		})
	case plan.DaemonMgr:
		deployment = c.MgrDeployment(manifest.MgrPod{
			Name: d.ID.Name, Hostname: d.Hostname, Tolerations: d.Tolerations, Resources: d.Resources,
		})
	case plan.DaemonMDS:
		deployment = c.MDSDeployment(manifest.MDSPod{
			Name: d.ID.Name, Filesystem: d.Filesystem, Hostname: d.Hostname, Tolerations: d.Tolerations, Resources: d.Resources,
		})
	case plan.DaemonOSD:
		deployment = c.OSDDeployment(manifest.OSDPod{
			ID: d.OSD.ID, Hostname: d.Hostname, Location: observe.FormatLocation(d.OSD.Location), DeviceClass: d.OSD.DeviceClass,
			NodeMemory: d.NodeMemory, NodeOSDs: d.NodeOSDs, Tolerations: d.Tolerations, Resources: d.Resources,
		})
	}
	return deployment
}
