package handover

// Where a Ceph container finds what it is handed.
const (
	// ProgramDir holds seamount-node, copied there by an init container.
	ProgramDir = "/seamount"
	// Program is seamount-node.
	Program = ProgramDir + "/seamount-node"
	// ConfDir holds ceph.conf, where Ceph looks for it.
	ConfDir = "/etc/ceph"
	// MonsDir holds the recorded mons: the ConfigMap that Mons.Data is.
	MonsDir = "/etc/seamount/mons"
	// SecretDir holds the daemon's Secret: a keyring, or the reservation of an OSD.
	SecretDir = "/etc/seamount/secret" //nolint:gosec // the name of a directory
	// RunDir holds the daemon's socket.
	RunDir = "/run/ceph"
	// TerminationFile takes the termination message. It does not lie in /dev, which is the host's in an OSD's pod.
	TerminationFile = RunDir + "/termination-log"
	// DataDir holds what daemons keep; what must last is mounted below it.
	DataDir = "/var/lib/ceph"
	// MonDir holds the store of a mon and what belongs to it. It is a directory of the host.
	MonDir = DataDir + "/mon"
	// OSDDir holds the directory of an OSD. It is in memory: the OSD's key lies in it.
	OSDDir = DataDir + "/osd"
	// MgrDir holds the directory of a mgr.
	MgrDir = DataDir + "/mgr"
)

// Keys of Secrets and ConfigMaps, and so names of files.
const (
	KeyringKey = "keyring"
	ConfKey    = "ceph.conf"
)

// Environment of a Ceph container.
const (
	// EnvNode is the name of the node.
	EnvNode = "NODE_NAME"
	// EnvPodIPs lists the addresses of the pod, with commas.
	EnvPodIPs = "POD_IPS"
)
