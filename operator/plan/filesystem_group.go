package plan

import (
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// groups makes a group of subvolumes for each class. That needs the first rank: until it answers, classes wait.
func (c *filesystemComputation) groups() {
	content := c.in.Content
	if !content.Known {
		if len(c.spec.StorageClasses) > 0 {
			c.out.ClassesWait = "the group of subvolumes of each class needs the first rank: " + orDefault(content.Trouble, "it was not asked yet")
		}
		return
	}
	for _, class := range c.spec.StorageClasses {
		if c.group(class.Name) != nil {
			continue
		}
		do := EnsureGroup{Group: c.groupOf(class.Name)}
		if class.DataPool != c.spec.DataPools[0].Name {
			do.DataPool = dataPoolName(c.in.Key.Name, class.DataPool)
		}
		c.add(do, "the volumes of a class have a group of their own")
	}
	for _, group := range content.Groups {
		if group.Subvolumes > 0 && !c.asked(group.Name) {
			c.left = append(c.left, group)
		}
	}
}

func (c *filesystemComputation) groupOf(class string) ceph.GroupRef {
	return ceph.GroupRef{Filesystem: c.in.Key.Name, Group: class}
}

// group returns a group that there is; nil: there is none of the name.
func (c *filesystemComputation) group(name string) *SubvolumeGroup {
	at := slices.IndexFunc(c.in.Content.Groups, func(g SubvolumeGroup) bool { return g.Name == name })
	if at < 0 {
		return nil
	}
	return &c.in.Content.Groups[at]
}

// asked says that a class of the spec has the group.
func (c *filesystemComputation) asked(group string) bool {
	return slices.ContainsFunc(c.spec.StorageClasses, func(s FilesystemStorageClass) bool { return s.Name == group })
}

// groupIsThere is the base of a class that is made.
func (c *filesystemComputation) groupIsThere(class VolumeClass) ([]Action, bool) {
	ensure := EnsureGroup{Group: c.groupOf(class.Name)}
	return []Action{ensure}, c.planned[stepID(ensure)] || c.group(class.Name) != nil
}

// groupGoes is the base of a class that is taken away: its group goes first, if it is empty, because nobody else knows that
// this program made it. One that is not empty stays for its volumes.
func (c *filesystemComputation) groupGoes(class VolumeClass) ([]Action, bool) {
	name := class.Parameters[v1alpha1.ParameterSubvolumeGroup]
	switch group := c.group(name); {
	case class.Kind != StorageClassKind || name == "" || c.asked(name):
		return nil, true
	case !c.in.Content.Known:
		c.out.ClassesWait = "the class " + class.Name + " is taken away once it is known what its group holds"
		return nil, false
	case group == nil || group.Subvolumes > 0:
		return nil, true
	}
	remove := RemoveGroup{c.groupOf(name)}
	c.add(remove, "spec.storageClasses does not ask for its class any more, and nothing is in it")
	return []Action{remove}, true
}
