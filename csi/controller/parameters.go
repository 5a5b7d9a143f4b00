package controller

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/handle"
)

// parameters of a StorageClass or VolumeSnapshotClass, with what the provisioner and the snapshotter add.
type parameters struct {
	cluster types.NamespacedName
	// place is where the volumes go, as a handle without a name.
	place    handle.Handle
	dataPool string
	// mapper of images, mounter of subvolumes.
	mapper  v1alpha1.Mapper
	mounter v1alpha1.Mounter
	// claim is whom the request is for, for eyes.
	claim string
}

// placed says whether they name a place.
func (p parameters) placed() bool { return p.place.Pool != "" || p.place.File() }

// sidecarPrefix is before the parameters that are for the provisioner and the snapshotter, or from them.
const sidecarPrefix = "csi.storage.k8s.io/"

// volumeParameters reads the parameters of a StorageClass.
func (s *Server) volumeParameters(raw map[string]string) (parameters, error) {
	p, err := s.commonParameters(raw)
	if err != nil {
		return p, err
	}
	_, needed, kind := s.backend.parameters()
	for _, key := range needed {
		if raw[key] == "" {
			return p, refuse(codes.InvalidArgument, "the StorageClass has no parameter %s: use one that a %s made (spec.storageClasses), or copy its parameters", key, kind)
		}
	}
	return p, nil
}

// commonParameters reads parameters of which any may be absent.
func (s *Server) commonParameters(raw map[string]string) (parameters, error) {
	known, _, _ := s.backend.parameters()
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(known, key) && !strings.HasPrefix(key, sidecarPrefix) {
			return parameters{}, refuse(codes.InvalidArgument, "the parameter %s is not known: there are %s", key, strings.Join(known, ", "))
		}
	}
	p := parameters{
		cluster:  types.NamespacedName{Namespace: raw[v1alpha1.ParameterClusterNamespace], Name: raw[v1alpha1.ParameterCluster]},
		dataPool: raw[v1alpha1.ParameterDataPool], claim: claimOf(raw),
	}
	p.place.Namespace, p.place.Cluster = p.cluster.Namespace, p.cluster.Name
	return p, s.backend.read(raw, &p)
}

func claimOf(raw map[string]string) string {
	for _, kind := range []string{"pvc", "volumesnapshot"} {
		namespace, name := raw[sidecarPrefix+kind+"/namespace"], raw[sidecarPrefix+kind+"/name"]
		if name != "" {
			return namespace + "/" + name
		}
	}
	return ""
}
