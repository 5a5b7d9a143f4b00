package controller

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// parameters of a StorageClass or VolumeSnapshotClass, with what the provisioner and the snapshotter add.
type parameters struct {
	cluster        types.NamespacedName
	pool, dataPool string
	mapper         v1alpha1.Mapper
	// claim is whom the request is for, for eyes.
	claim string
}

// sidecarPrefix is before the parameters that are for the provisioner and the snapshotter, or from them.
const sidecarPrefix = "csi.storage.k8s.io/"

var knownParameters = []string{
	v1alpha1.ParameterClusterNamespace, v1alpha1.ParameterCluster, v1alpha1.ParameterPool, v1alpha1.ParameterDataPool, v1alpha1.ParameterMapper,
}

// volumeParameters reads the parameters of a StorageClass.
func volumeParameters(raw map[string]string) (parameters, error) {
	p, err := commonParameters(raw)
	if err != nil {
		return p, err
	}
	for _, key := range []string{v1alpha1.ParameterClusterNamespace, v1alpha1.ParameterCluster, v1alpha1.ParameterPool} {
		if raw[key] == "" {
			return p, refuse(codes.InvalidArgument, "the StorageClass has no parameter %s: use one that a StoragePool made (spec.storageClasses), or copy its parameters", key)
		}
	}
	return p, nil
}

// commonParameters reads parameters of which any may be absent.
func commonParameters(raw map[string]string) (parameters, error) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(knownParameters, key) && !strings.HasPrefix(key, sidecarPrefix) {
			return parameters{}, refuse(codes.InvalidArgument, "the parameter %s is not known: there are %s", key, strings.Join(knownParameters, ", "))
		}
	}
	p := parameters{
		cluster: types.NamespacedName{Namespace: raw[v1alpha1.ParameterClusterNamespace], Name: raw[v1alpha1.ParameterCluster]},
		pool:    raw[v1alpha1.ParameterPool], dataPool: raw[v1alpha1.ParameterDataPool],
		mapper: v1alpha1.Mapper(raw[v1alpha1.ParameterMapper]), claim: claimOf(raw),
	}
	if p.mapper == "" {
		p.mapper = v1alpha1.MapperAuto
	}
	if !slices.Contains(mappers, p.mapper) {
		return parameters{}, refuse(codes.InvalidArgument, "the parameter %s is %q: want Auto, KRBD, NBD or Seamount", v1alpha1.ParameterMapper, p.mapper)
	}
	return p, nil
}

var mappers = []v1alpha1.Mapper{v1alpha1.MapperAuto, v1alpha1.MapperKRBD, v1alpha1.MapperNBD, v1alpha1.MapperSeamount}

func claimOf(raw map[string]string) string {
	for _, kind := range []string{"pvc", "volumesnapshot"} {
		namespace, name := raw[sidecarPrefix+kind+"/namespace"], raw[sidecarPrefix+kind+"/name"]
		if name != "" {
			return namespace + "/" + name
		}
	}
	return ""
}
