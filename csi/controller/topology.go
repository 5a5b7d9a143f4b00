package controller

import (
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// offered is the value of a topology key of a node that offers the mapper.
const offered = "true"

// topologyKey is the label of nodes that offer a mapper.
func topologyKey(mapper v1alpha1.Mapper) string {
	return v1alpha1.ProvisionerRBD + "/" + strings.ToLower(string(mapper))
}

// accessible is where a volume can be used: everywhere, or where its mapper is offered when it is bound to one.
func accessible(mapper v1alpha1.Mapper) []*csi.Topology {
	if mapper == v1alpha1.MapperAuto || mapper == "" {
		return nil
	}
	return []*csi.Topology{{Segments: map[string]string{topologyKey(mapper): offered}}}
}

// checkTopology refuses a volume that could not be used where it is needed.
func checkTopology(mapper v1alpha1.Mapper, wanted *csi.TopologyRequirement) error {
	places := wanted.GetRequisite()
	if len(places) == 0 {
		places = wanted.GetPreferred()
	}
	if mapper == v1alpha1.MapperAuto || mapper == "" || len(places) == 0 {
		return nil
	}
	for _, place := range places {
		if place.GetSegments()[topologyKey(mapper)] == offered {
			return nil
		}
	}
	return refuse(codes.ResourceExhausted, "the StorageClass forces the mapper %s, and no node that may run the pod offers it: "+
		"use mapper Auto, or nodes with the label %s", mapper, topologyKey(mapper))
}
