package cli

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// part is a kind that a command reads into its snapshot.
type part struct {
	// resource as people and RBAC call it.
	resource string
	list     func() client.ObjectList
	options  []client.ListOption
	// optional is for a part without which the answer is still right, only poorer: the name by which the snapshot knows
	// that it was not read.
	optional string
	store    func(*answer.Snapshot, client.ObjectList)
}

func seamount(resource string) string { return resource + "." + v1alpha1.Group }

func clusters(namespace string) part {
	return part{
		resource: seamount("storageclusters"), options: []client.ListOption{client.InNamespace(namespace)},
		list: func() client.ObjectList { return &v1alpha1.StorageClusterList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) {
			s.Clusters = l.(*v1alpha1.StorageClusterList).Items
		},
	}
}

func disks(options ...client.ListOption) part {
	return part{
		resource: seamount("storagedisks"), options: options,
		list:  func() client.ObjectList { return &v1alpha1.StorageDiskList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) { s.Disks = l.(*v1alpha1.StorageDiskList).Items },
	}
}

func pools(namespace string) part {
	return part{
		resource: seamount("storagepools"), options: []client.ListOption{client.InNamespace(namespace)},
		list:  func() client.ObjectList { return &v1alpha1.StoragePoolList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) { s.Pools = l.(*v1alpha1.StoragePoolList).Items },
	}
}

func filesystems(namespace string) part {
	return part{
		resource: seamount("storagefilesystems"), options: []client.ListOption{client.InNamespace(namespace)},
		list: func() client.ObjectList { return &v1alpha1.StorageFilesystemList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) {
			s.Filesystems = l.(*v1alpha1.StorageFilesystemList).Items
		},
	}
}

func operations(namespace string) part {
	return part{
		resource: seamount("storageoperations"), options: []client.ListOption{client.InNamespace(namespace)},
		list: func() client.ObjectList { return &v1alpha1.StorageOperationList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) {
			s.Operations = l.(*v1alpha1.StorageOperationList).Items
		},
	}
}

func nodes() part {
	return part{
		resource: "nodes", optional: answer.ResourceNodes,
		list:  func() client.ObjectList { return &corev1.NodeList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) { s.Nodes = l.(*corev1.NodeList).Items },
	}
}

// daemons are the pods of Ceph and of Seamount itself.
func daemons() part {
	return part{
		resource: "pods", optional: answer.ResourceDaemons, options: []client.ListOption{daemonSelector()},
		list:  func() client.ObjectList { return &corev1.PodList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) { s.Daemons = l.(*corev1.PodList).Items },
	}
}

// daemonSelector tells the pods of Ceph and of Seamount from those of others.
func daemonSelector() client.ListOption {
	ours, err := labels.NewRequirement("app.kubernetes.io/name", selection.In, []string{"ceph", "seamount"})
	if err != nil {
		panic(err) // constants: cannot fail
	}
	return client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*ours)}
}

func pods(namespace string) part {
	return part{
		resource: "pods", options: []client.ListOption{client.InNamespace(namespace)},
		list:  func() client.ObjectList { return &corev1.PodList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) { s.Pods = l.(*corev1.PodList).Items },
	}
}

func claims(namespace string) part {
	return part{
		resource: "persistentvolumeclaims", options: []client.ListOption{client.InNamespace(namespace)},
		list: func() client.ObjectList { return &corev1.PersistentVolumeClaimList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) {
			s.Claims = l.(*corev1.PersistentVolumeClaimList).Items
		},
	}
}

func volumes() part {
	return part{
		resource: "persistentvolumes",
		list:     func() client.ObjectList { return &corev1.PersistentVolumeList{} },
		store:    func(s *answer.Snapshot, l client.ObjectList) { s.Volumes = l.(*corev1.PersistentVolumeList).Items },
	}
}

func classes() part {
	return part{
		resource: "storageclasses.storage.k8s.io",
		list:     func() client.ObjectList { return &storagev1.StorageClassList{} },
		store:    func(s *answer.Snapshot, l client.ObjectList) { s.Classes = l.(*storagev1.StorageClassList).Items },
	}
}

func attachments() part {
	return part{
		resource: "volumeattachments.storage.k8s.io", optional: answer.ResourceAttachments,
		list: func() client.ObjectList { return &storagev1.VolumeAttachmentList{} },
		store: func(s *answer.Snapshot, l client.ObjectList) {
			s.Attachments = l.(*storagev1.VolumeAttachmentList).Items
		},
	}
}

// warnings are the events of a namespace that warn.
func warnings(namespace string) part {
	return part{
		resource: "events", optional: answer.ResourceEvents,
		options: []client.ListOption{client.InNamespace(namespace), client.MatchingFields{"type": corev1.EventTypeWarning}},
		list:    func() client.ObjectList { return &corev1.EventList{} },
		store:   func(s *answer.Snapshot, l client.ObjectList) { s.Events = l.(*corev1.EventList).Items },
	}
}

// gather reads the parts of a snapshot. What may not be read and is not needed is said on stderr.
func (a *App) gather(ctx context.Context, k *Kubernetes, parts []part) (*answer.Snapshot, error) {
	s := &answer.Snapshot{Now: a.Now()}
	for _, p := range parts {
		list := p.list()
		switch err := k.List(ctx, list, p.options...); {
		case err == nil:
			p.store(s, list)
		case p.optional != "" && apierrors.IsForbidden(err):
			s.Unread = append(s.Unread, p.optional)
			fmt.Fprintf(a.Err, "note: the answer lacks %s, which you may not list: %v\n", p.optional, err)
		default:
			return nil, explain(err, p.resource)
		}
	}
	return s, nil
}
