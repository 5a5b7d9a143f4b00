package node

import (
	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Topology keys: a node has the label of a mapper that it offers. A volume that needs a certain mapper goes to these nodes.
const (
	TopologyKRBD     = v1alpha1.ProvisionerRBD + "/krbd"
	TopologyNBD      = v1alpha1.ProvisionerRBD + "/nbd"
	TopologySeamount = v1alpha1.ProvisionerRBD + "/seamount"
)

// offered is the only value of these labels. Kubelet refuses to register a driver that reports another value than the
// node's label has, and never takes a label away: what is not offered has none, instead of one that says no.
const offered = "true"

// Topology keys of file volumes: a node has the label of a mounter that it offers.
const (
	TopologyKernel = v1alpha1.ProvisionerCephFS + "/kernel"
	TopologyFUSE   = v1alpha1.ProvisionerCephFS + "/fuse"
)

var mounterKeys = map[agentv1.Mounter]string{agentv1.Mounter_MOUNTER_KERNEL: TopologyKernel, agentv1.Mounter_MOUNTER_FUSE: TopologyFUSE}

// FileSegments says which mounters a node offers.
func FileSegments(mounters []*agentv1.MounterSupport) map[string]string {
	segments := map[string]string{}
	for _, support := range mounters {
		if key, known := mounterKeys[support.GetMounter()]; known && support.GetOffered() {
			segments[key] = offered
		}
	}
	return segments
}

var topologyKeys = map[agentv1.Mapper]string{
	agentv1.Mapper_MAPPER_KRBD: TopologyKRBD, agentv1.Mapper_MAPPER_NBD: TopologyNBD, agentv1.Mapper_MAPPER_SEAMOUNT: TopologySeamount,
}

// Segments says which mappers a node offers.
func Segments(mappers []*agentv1.MapperSupport) map[string]string {
	segments := map[string]string{}
	for _, support := range mappers {
		if key, known := topologyKeys[support.GetMapper()]; known && support.GetOffered() {
			segments[key] = offered
		}
	}
	return segments
}
