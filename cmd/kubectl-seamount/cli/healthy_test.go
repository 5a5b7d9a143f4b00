package cli

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

const fsid = "8b1c6d2e-9a1f-4a4e-8a51-3b0e5d0f1c77"

// adminKeyText is the key of client.admin in every world.
const adminKeyText = "AQBvZWRp0qkBBRAAmDP7d8wQSXQzSzJmdUzr9g=="

// fixture are the objects of a world, to be changed before they are stored.
type fixture struct {
	cluster    *v1alpha1.StorageCluster
	fast, bulk *v1alpha1.StoragePool
	home       *v1alpha1.StorageFilesystem
	disks      map[string]*v1alpha1.StorageDisk
	operations []*v1alpha1.StorageOperation
	nodes      map[string]*corev1.Node
	daemons    map[string]*corev1.Pod
	others     []client.Object
}

// healthy is a cluster of three nodes with two OSDs each, two pools, a pod with a volume, and two that share one.
func healthy() *fixture {
	f := &fixture{
		cluster: cluster(), disks: map[string]*v1alpha1.StorageDisk{}, nodes: map[string]*corev1.Node{}, daemons: map[string]*corev1.Pod{},
		fast: pool("fast", "3 copies", "3 copies over Host on class nvme has a place for each", "fast,fast-keep"),
		bulk: pool("bulk", "EC 2+1", "EC 2+1 over Host on class hdd has a place for each", "bulk"),
		home: filesystem(),
	}
	f.daemons["mds.home-a"], f.daemons["mds.home-b"] = daemonPod("mds", "mds.home-a", "n2", true), daemonPod("mds", "mds.home-b", "n3", true)
	for i := range int32(3) {
		n := fmt.Sprintf("n%d", i+1)
		f.nodes[n] = readyNode(n)
		f.add(osdDisk(fmt.Sprintf("wwn-5000c5009328%04d", i), n, "sdb", i, false))
		f.add(osdDisk(fmt.Sprintf("eui-0025385b71b0a1c%d", i), n, "nvme0n1", 3+i, true))
		f.add(bootDisk("sn-samsung-ssd-860-s3z"+n, n))
		mon := string('a' + i)
		f.daemons["mon."+mon] = daemonPod("mon", "mon."+mon, n, true)
		for _, id := range []int32{i, 3 + i} {
			f.daemons[manifest.OSDDaemon(id)] = daemonPod("osd", manifest.OSDDaemon(id), n, true)
		}
		for _, component := range []string{"agent", "csi-node", "discover"} {
			f.others = append(f.others, ownPod(component, n))
		}
	}
	f.add(stick())
	f.others = append(f.others, ownPod("operator", "n1"), ownPod("csi-controller", "n2"), operatorDeployment(), identity())
	f.others = append(f.others, web()...)
	f.others = append(f.others, media()...)
	return f
}

func (f *fixture) add(d *v1alpha1.StorageDisk) { f.disks[d.Name] = d }

func (f *fixture) objects() []client.Object {
	all := append([]client.Object{f.cluster, f.fast, f.bulk, f.home}, f.others...)
	for _, o := range f.operations {
		all = append(all, o)
	}
	for _, d := range f.disks {
		all = append(all, d)
	}
	for _, n := range f.nodes {
		all = append(all, n)
	}
	for _, p := range f.daemons {
		all = append(all, p)
	}
	return all
}

func cluster() *v1alpha1.StorageCluster {
	c := &v1alpha1.StorageCluster{ObjectMeta: named("seamount", "main")}
	c.Spec.Ceph.Image = "quay.io/ceph/ceph:v20.2.4"
	c.Status = v1alpha1.StorageClusterStatus{
		ObservedGeneration: 1, FSID: fsid,
		Summary:  &v1alpha1.ClusterSummary{Health: "OK", Version: "20.2.4", Mons: "3/3", OSDs: "6/6", Used: "41%"},
		Capacity: &v1alpha1.ClusterCapacity{Raw: quantity("53800G"), Used: quantity("22100G"), UsedPercent: new(int32(41)), DaysToFull: new(int32(140))},
		Classes: []v1alpha1.DeviceClassStatus{
			{DeviceClass: "hdd", OSDs: 3, Up: 3, Raw: quantity("48T"), Used: quantity("20T"), UsedPercent: new(int32(42)), FullestPercent: new(int32(44))},
			{DeviceClass: "nvme", OSDs: 3, Up: 3, Raw: quantity("5760G"), Used: quantity("2100G"), UsedPercent: new(int32(36)), FullestPercent: new(int32(37))},
		},
		Plan: &v1alpha1.DiskPlanSummary{ID: "7f3a9c01d2e4", Keep: 6, Skip: 4, Message: "nothing to do"},
		Conditions: []metav1.Condition{
			yes("Ready", "Serving", "6 OSDs up, 3 mons in quorum, HEALTH_OK"), yes("Reachable", "Answering", "Ceph answers"),
			yes("MonQuorum", "AllInQuorum", "3 of 3 mons are in quorum"), yes("DataHealthy", "Clean", "97 PGs, all active and clean"),
			yes("CapacityOK", "Room", "no OSD is near full, and the data would fit without n1, the largest part that can fail at once"),
			yes("DisksSettled", "NothingToDo", "6 disks in service"), yes("UpToDate", "Current", "11 daemons as spec says"),
			no("ApprovalRequired", "NoneWaiting", "nothing waits for a person"), no("Paused", "NotPaused", "spec.pause is None"),
			no("Deleting", "NotDeleting", "the StorageCluster stays"),
		},
	}
	for i, name := range []string{"a", "b", "c"} {
		c.Status.Mons = append(c.Status.Mons, v1alpha1.MonStatus{
			Name: name, Node: fmt.Sprintf("n%d", i+1), Address: fmt.Sprintf("10.96.3.%d", 7+i), State: v1alpha1.MonInQuorum,
		})
	}
	return c
}

func filesystem() *v1alpha1.StorageFilesystem {
	f := &v1alpha1.StorageFilesystem{ObjectMeta: named("seamount", "home")}
	f.Spec.ClusterRef.Name = "main"
	f.Status = v1alpha1.StorageFilesystemStatus{
		ObservedGeneration: 1, Ranks: []v1alpha1.MDSRank{{Rank: 0, Daemon: "home-a", Node: "n2", State: "active"}},
		Summary:    &v1alpha1.FilesystemSummary{MDS: "1/1 +1", Used: "14%", StorageClasses: "home", DataPools: "default"},
		Capacity:   &v1alpha1.PoolCapacity{Used: quantity("300G"), Available: quantity("1840G"), UsedPercent: new(int32(14))},
		Dependents: &v1alpha1.FilesystemDependents{Subvolumes: new(int32(31))},
		Conditions: []metav1.Condition{
			yes("Ready", "Available", "the filesystem can be used"), yes("Placeable", "Placeable", "3 copies over Host has a place for each"),
			yes("CapacityOK", "Room", "no OSD of the filesystem is near full"), yes("StorageClassesReady", "Made", "home"),
			yes("UpToDate", "Current", "Ceph has all settings as declared"), no("Deleting", "NotDeleting", "the StorageFilesystem stays"),
			yes("MDSHealthy", "AllRanksActive", "rank 0 is active on home-a"),
		},
	}
	return f
}

func pool(name, layout, placeable, classes string) *v1alpha1.StoragePool {
	p := &v1alpha1.StoragePool{ObjectMeta: named("seamount", name)}
	p.Spec.ClusterRef.Name = "main"
	p.Status = v1alpha1.StoragePoolStatus{
		ObservedGeneration: 1, Summary: &v1alpha1.PoolSummary{Layout: layout, Used: "27%", StorageClasses: classes},
		Capacity:   &v1alpha1.PoolCapacity{Used: quantity("600G"), Available: quantity("1620G"), UsedPercent: new(int32(27))},
		Dependents: &v1alpha1.PoolDependents{Volumes: new(int32(14)), Snapshots: new(int32(2))},
		Conditions: []metav1.Condition{
			yes("Ready", "Available", layout+" over Host"), yes("Placeable", "Placeable", placeable),
			yes("CapacityOK", "Room", "no OSD of the pool is near full"), yes("StorageClassesReady", "Made", classes),
			yes("UpToDate", "Current", "Ceph has all settings as declared"), no("Deleting", "NotDeleting", "the StoragePool stays"),
		},
	}
	return p
}

// disk that is reported, and says nothing bad of itself.
func disk(name, node, device string, hardware v1alpha1.DiskHardware) *v1alpha1.StorageDisk {
	d := &v1alpha1.StorageDisk{ObjectMeta: named("", name)}
	d.Labels = map[string]string{v1alpha1.LabelNode: node, v1alpha1.LabelMedia: string(hardware.Media)}
	d.Status = v1alpha1.StorageDiskStatus{
		Node: node, Presence: v1alpha1.PresencePresent, Device: &v1alpha1.DiskDevice{Name: device, Path: "pci-0000:3b:00.0-" + device}, Hardware: &hardware,
		Conditions: []metav1.Condition{
			yes("Healthy", "NoErrors", "it reports no errors"), yes("Fresh", "NodeReporting", "discover on node "+node+" reports"),
			no("InService", "Available", "no StorageCluster asks for this disk"),
		},
	}
	return d
}

func osdDisk(name, node, device string, id int32, flash bool) *v1alpha1.StorageDisk {
	hardware := v1alpha1.DiskHardware{Media: "HDD", Transport: "SAS", Model: "ST16000NM002G", Serial: "ZL2ABCD" + node, Size: quantity("16000900661248")}
	class := "hdd"
	if flash {
		hardware = v1alpha1.DiskHardware{Media: "NVMe", Transport: "NVMe", Model: "SAMSUNG MZQL21T9", Serial: "S64GNE0" + node, Size: quantity("1920383410176")}
		class = "nvme"
	}
	d := disk(name, node, device, hardware)
	text := fmt.Sprintf("osd.%d, class %s", id, class)
	d.Labels[v1alpha1.OSDLabel(id)] = v1alpha1.OSDLabelData
	d.Status.State = v1alpha1.DiskInService
	d.Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: "main", FSID: fsid, Rule: class}
	d.Status.OSDs = []v1alpha1.DiskOSD{{ID: id, Role: v1alpha1.OSDRoleData, DeviceClass: class}}
	d.Status.Plan = &v1alpha1.DiskPlan{Action: v1alpha1.PlanKeep, Reason: "InService", Rule: class, Message: text}
	d.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Reasons: []v1alpha1.Refusal{
		{Reason: "InUse", Message: fmt.Sprintf("holds osd.%d of cluster seamount/main", id), Remedy: "to free it, create a StorageOperation of type Remove"},
	}}
	set(d.Status.Conditions, yes("InService", "OSDUp", text))
	return d
}

func bootDisk(name, node string) *v1alpha1.StorageDisk {
	d := disk(name, node, "sda", v1alpha1.DiskHardware{Media: "SSD", Transport: "SATA", Model: "Samsung SSD 860", Serial: "S3Z" + node, Size: quantity("500107862016")})
	d.Status.State = v1alpha1.DiskRejected
	d.Status.Plan = &v1alpha1.DiskPlan{Action: v1alpha1.PlanSkip, Reason: "Mounted", Message: "sda2 is mounted at /"}
	d.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictRejected, Reasons: []v1alpha1.Refusal{
		{Reason: "Mounted", Message: "sda2 is mounted at /", Remedy: "to free it, unmount it on node " + node + " with `umount /` and take it out of /etc/fstab"},
		{Reason: "PartitionTable", Message: "sda has a GPT with 2 partitions", Remedy: "free it first: see what holds it"},
	}}
	set(d.Status.Conditions, no("InService", "Excluded", "sda2 is mounted at /"))
	return d
}

// stick is a disk that nobody would miss in a list.
func stick() *v1alpha1.StorageDisk {
	d := disk("sn-cruzer-4c53", "n1", "sdx", v1alpha1.DiskHardware{Media: "SSD", Transport: v1alpha1.TransportUSB, Model: "Cruzer", Serial: "4C53", Size: quantity("16G")})
	d.Status.State = v1alpha1.DiskUsable
	d.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable}
	d.Status.Plan = &v1alpha1.DiskPlan{Action: v1alpha1.PlanSkip, Reason: "NoRuleMatches", Message: "rule hdd: transports, this disk has USB"}
	return d
}

func operatorDeployment() *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: named("seamount", "seamount-operator")}
	d.Labels = map[string]string{"app.kubernetes.io/name": "seamount", "app.kubernetes.io/component": "operator"}
	d.Spec.Replicas = new(int32(2))
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "operator", Image: "registry.example.com:5000/seamount:v0.1.0"}}
	d.Status.ReadyReplicas = 2
	return d
}

func identity() *corev1.Secret {
	return manifest.Cluster{Namespace: "seamount", Name: "main"}.IdentitySecret(manifest.Identity{
		FSID: fsid, Admin: ceph.NewSecret(adminKeyText), Mon: ceph.NewSecret("AQBvZWRpAAAAABAAmDP7d8wQSXQzSzJmdUzr9g=="),
	})
}

// web is a pod with a volume in pool fast, its class, and a volume whose claim is gone.
func web() []client.Object {
	class := &storagev1.StorageClass{ObjectMeta: named("", "fast"), Provisioner: v1alpha1.ProvisionerRBD}
	class.Annotations = map[string]string{v1alpha1.AnnotationPool: "seamount/fast"}
	other := &storagev1.StorageClass{ObjectMeta: named("", "nfs"), Provisioner: "nfs.example.com"}
	orphan := volume("pvc-9f0e1d2c-0000-4000-8000-000000000009", "fast", "20Gi", nil)
	orphan.Status.Phase = corev1.VolumeReleased
	return []client.Object{
		class, other, orphan,
		volume("pvc-0a1b2c3d-0000-4000-8000-000000000001", "fast", "10Gi", &corev1.ObjectReference{Namespace: "shop", Name: "data-web-0"}),
		claim("shop", "data-web-0", "fast", "10Gi", "pvc-0a1b2c3d-0000-4000-8000-000000000001"),
		claim("shop", "photos", "nfs", "1Ti", ""),
		attached("pvc-0a1b2c3d-0000-4000-8000-000000000001", "n1", true),
		workload("shop", "web-0", "n1", true, "data-web-0"),
	}
}

func volume(name, pool, size string, claim *corev1.ObjectReference) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{ObjectMeta: named("", name)}
	v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: v1alpha1.ProvisionerRBD, VolumeHandle: "seamount/main/" + pool + "/" + name}
	v.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	v.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	v.Spec.StorageClassName, v.Spec.ClaimRef, v.Status.Phase = pool, claim, corev1.VolumeBound
	return v
}

func claim(namespace, name, class, size, volume string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: named(namespace, name)}
	c.Spec.StorageClassName, c.Spec.VolumeName = new(class), volume
	c.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	c.Status.Phase = corev1.ClaimPending
	if volume != "" {
		c.Status.Phase, c.Status.Capacity = corev1.ClaimBound, c.Spec.Resources.Requests
	}
	return c
}

func attached(volume, node string, done bool) *storagev1.VolumeAttachment {
	a := &storagev1.VolumeAttachment{ObjectMeta: named("", "csi-"+volume[4:12])}
	a.Spec.Attacher, a.Spec.NodeName = v1alpha1.ProvisionerRBD, node
	a.Spec.Source.PersistentVolumeName, a.Status.Attached = new(volume), done
	return a
}
