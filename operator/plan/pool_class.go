package plan

import (
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// wantedClasses returns the classes that are asked for, of the kinds that there are, in the order of the spec.
func (c *poolComputation) wantedClasses() []VolumeClass {
	var wanted []VolumeClass
	for _, class := range c.in.Spec.StorageClasses {
		wanted = append(wanted, c.storageClass(class))
		if c.in.Snapshots {
			wanted = append(wanted, c.snapshotClass(class))
		}
	}
	return wanted
}

func (c *poolComputation) storageClass(class PoolStorageClass) VolumeClass {
	parameters := c.clusterParameters()
	parameters[v1alpha1.ParameterPool] = c.in.Key.Name
	parameters[v1alpha1.ParameterMapper] = string(class.Mapper)
	parameters[v1alpha1.ParameterFSType] = string(class.FSType)
	if c.in.Spec.ImageMetadata != nil {
		parameters[v1alpha1.ParameterDataPool] = c.in.Key.Name + dataPoolSuffix
	}
	return VolumeClass{
		Kind: StorageClassKind, Name: class.Name, Owner: c.in.Key.String(), Driver: v1alpha1.ProvisionerRBD,
		Parameters: parameters, Reclaim: class.ReclaimPolicy, MountOptions: class.MountOptions,
		Default: class.ClusterDefault == v1alpha1.ClusterDefaultEnabled, Expandable: true, Immediate: true,
	}
}

func (c *poolComputation) snapshotClass(class PoolStorageClass) VolumeClass {
	return VolumeClass{
		Kind: VolumeSnapshotClassKind, Name: class.Name, Owner: c.in.Key.String(), Driver: v1alpha1.ProvisionerRBD,
		Parameters: c.clusterParameters(), Reclaim: class.ReclaimPolicy,
		Default: class.ClusterDefault == v1alpha1.ClusterDefaultEnabled,
	}
}

func (c *poolComputation) clusterParameters() map[string]string {
	return map[string]string{
		v1alpha1.ParameterClusterNamespace: c.in.Key.Namespace, v1alpha1.ParameterCluster: c.in.Spec.Cluster,
	}
}

// same says that two classes are alike in all that is declared.
func (v VolumeClass) same(other VolumeClass) bool {
	return v.Driver == other.Driver && maps.Equal(v.Parameters, other.Parameters) && v.Reclaim == other.Reclaim &&
		slices.Equal(v.MountOptions, other.MountOptions) && v.Default == other.Default && v.Expandable == other.Expandable &&
		v.Immediate == other.Immediate && v.Owner == other.Owner
}

func (c *poolComputation) class(kind ClassKind, name string) *VolumeClass {
	at := slices.IndexFunc(c.in.Classes, func(v VolumeClass) bool { return v.Kind == kind && v.Name == name })
	if at < 0 {
		return nil
	}
	return &c.in.Classes[at]
}

// classes makes the classes that are asked for, and takes away those that are not any more. Those of others stay as they
// are.
func (c *poolComputation) classes() {
	wanted := c.wantedClasses()
	for _, class := range wanted {
		switch is := c.class(class.Kind, class.Name); {
		case is == nil:
			c.out.Missing++
			c.add(MakeClass{Class: class}, "spec.storageClasses asks for it")
		case is.Owner != class.Owner:
			c.out.Taken = append(c.out.Taken, *is)
		case !is.same(class):
			c.out.Missing++
			c.add(MakeClass{Class: class, Replaces: true}, "it is not as spec.storageClasses says, and cannot be changed")
		}
	}
	for _, is := range c.in.Classes {
		asked := slices.ContainsFunc(wanted, func(w VolumeClass) bool { return w.Kind == is.Kind && w.Name == is.Name })
		if is.Owner == c.in.Key.String() && !asked {
			c.add(RemoveClass{is.Kind, is.Name}, "spec.storageClasses does not ask for it any more")
		}
	}
}

func (c *poolComputation) removeClasses(reason string) {
	for _, is := range c.in.Classes {
		if is.Owner == c.in.Key.String() {
			c.add(RemoveClass{is.Kind, is.Name}, reason)
		}
	}
}
