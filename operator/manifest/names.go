package manifest

import "strconv"

// Labels and annotations of the objects.
const (
	// LabelDaemon names the daemon that an object belongs to, as Ceph does: mon.a, mgr.a, osd.0.
	LabelDaemon = "seamount.dev/daemon"
	// LabelComponent says what an object is for: one of the Component constants.
	LabelComponent = "app.kubernetes.io/component"
	// AnnotationTemplateHash of a Deployment is the hash of its pod template: the pod restarts when it changes.
	AnnotationTemplateHash = "seamount.dev/template-hash"
	// FinalizerIdentity keeps the keys of a cluster, and what is reserved for its OSDs.
	FinalizerIdentity = "seamount.dev/identity"
)

// Values of LabelComponent.
const (
	ComponentMon         = "mon"
	ComponentMgr         = "mgr"
	ComponentOSD         = "osd"
	ComponentIdentity    = "identity"
	ComponentSeed        = "seed"
	ComponentReservation = "reservation"
	ComponentConfig      = "config"
)

// Prefix of the names of all objects of a StorageCluster.
func Prefix(cluster string) string { return "ceph-" + cluster }

// Names of the objects of a StorageCluster.
func IdentityName(cluster string) string   { return Prefix(cluster) + "-identity" }
func SeedName(cluster string) string       { return Prefix(cluster) + "-seed" }
func MonsName(cluster string) string       { return Prefix(cluster) + "-mons" }
func ConfigName(cluster string) string     { return Prefix(cluster) + "-config" }
func MonName(cluster, mon string) string   { return Prefix(cluster) + "-mon-" + mon }
func MgrName(cluster, mgr string) string   { return Prefix(cluster) + "-mgr-" + mgr }
func MgrServiceName(cluster string) string { return Prefix(cluster) + "-mgr" }
func OSDName(cluster string, id int32) string {
	return Prefix(cluster) + "-osd-" + strconv.Itoa(int(id))
}
