package plan

import (
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// wantedClasses returns the classes that are asked for, of the kinds that there are, in the order of the spec.
func (c *poolComputation) wantedClasses() []VolumeClass {
	var wanted []VolumeClass
	for _, class := range c.owner.classes {
		wanted = append(wanted, class)
		if c.in.Snapshots {
			wanted = append(wanted, c.owner.snapshotClass(class))
		}
	}
	return wanted
}

// imageClass returns a StorageClass of a StoragePool.
func (o poolOwner) imageClass(class PoolStorageClass, dataPool bool) VolumeClass {
	wanted := o.storageClass(class.Name, class.ReclaimPolicy, class.ClusterDefault, class.MountOptions)
	wanted.Parameters[v1alpha1.ParameterPool] = o.key.Name
	wanted.Parameters[v1alpha1.ParameterMapper] = string(class.Mapper)
	wanted.Parameters[v1alpha1.ParameterFSType] = string(class.FSType)
	if dataPool {
		wanted.Parameters[v1alpha1.ParameterDataPool] = o.key.Name + dataPoolSuffix
	}
	return wanted
}

// storageClass returns what the StorageClasses of all kinds have in common.
func (o poolOwner) storageClass(
	name string, reclaim v1alpha1.ReclaimPolicy, isDefault v1alpha1.ClusterDefault, mountOptions []string,
) VolumeClass {
	return VolumeClass{
		Kind: StorageClassKind, Name: name, Owner: o.key.String(), Driver: o.Driver, Parameters: o.clusterParameters(),
		Reclaim: reclaim, MountOptions: mountOptions, Default: isDefault == v1alpha1.ClusterDefaultEnabled,
		Expandable: true, Immediate: true,
	}
}

// snapshotClass returns the VolumeSnapshotClass that goes with a StorageClass.
func (o poolOwner) snapshotClass(class VolumeClass) VolumeClass {
	return VolumeClass{
		Kind: VolumeSnapshotClassKind, Name: class.Name, Owner: class.Owner, Driver: class.Driver,
		Parameters: o.clusterParameters(), Reclaim: class.Reclaim, Default: class.Default,
	}
}

func (o poolOwner) clusterParameters() map[string]string {
	return map[string]string{
		v1alpha1.ParameterClusterNamespace: o.key.Namespace, v1alpha1.ParameterCluster: o.cluster,
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

// classBase is what a class rests on: the steps that come before its own, and whether these can be taken yet.
type classBase func(VolumeClass) (before []Action, ready bool)

// restsOnPools is the base of a class that needs nothing but the pools.
func restsOnPools(VolumeClass) ([]Action, bool) { return nil, true }

// classes makes the classes that are asked for, and takes away those that are not any more. Those of others stay as they
// are.
func (c *poolComputation) classes(toMake, toRemove classBase) {
	wanted := c.wantedClasses()
	for _, class := range wanted {
		switch is := c.class(class.Kind, class.Name); {
		case is == nil:
			c.makeClass(MakeClass{Class: class}, "spec.storageClasses asks for it", toMake)
		case is.Owner != class.Owner:
			c.out.Taken = append(c.out.Taken, *is)
		case !is.same(class):
			c.makeClass(MakeClass{Class: class, Replaces: true}, "it is not as spec.storageClasses says, and cannot be changed", toMake)
		}
	}
	for _, is := range c.in.Classes {
		asked := slices.ContainsFunc(wanted, func(w VolumeClass) bool { return w.Kind == is.Kind && w.Name == is.Name })
		if is.Owner != c.in.Key.String() || asked {
			continue
		}
		if before, ready := toRemove(is); ready {
			c.add(RemoveClass{is.Kind, is.Name}, "spec.storageClasses does not ask for it any more", before...)
		}
	}
}

func (c *poolComputation) makeClass(do MakeClass, reason string, base classBase) {
	c.out.Missing++
	if before, ready := base(do.Class); ready {
		c.add(do, reason, before...)
	}
}

func (c *poolComputation) removeClasses(reason string) {
	for _, is := range c.in.Classes {
		if is.Owner == c.in.Key.String() {
			c.add(RemoveClass{is.Kind, is.Name}, reason)
		}
	}
}
