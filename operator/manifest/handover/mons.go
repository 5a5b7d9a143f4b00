package handover

// MonState says how a mon that has no store yet gets one.
type MonState string

// States of a mon.
const (
	// MonSeed is a mon of the first monmap. Its store is made from that, until the first quorum was recorded.
	MonSeed MonState = "Seed"
	// MonJoining joins a living quorum: its store begins empty and is filled by the others.
	MonJoining MonState = "Joining"
	// MonMember was seen in the quorum. It is never given an empty store again.
	MonMember MonState = "Member"
)

// Mon is a mon as it is recorded.
type Mon struct {
	// Name in Ceph, such as a.
	Name string `json:"name"`
	// Node that it runs on.
	Node string `json:"node"`
	// Address of the mon: the ClusterIP of its Service, or the address of its node. It is the mon's identity.
	Address string `json:"address"`
	// State says how a store may be made.
	State MonState `json:"state"`
}

// Mons are all mons of a cluster, as they are recorded.
type Mons struct {
	// Mons in the order of their names.
	Mons []Mon
	// QuorumRecorded says that there was a quorum. From then on no store is made from the first monmap.
	QuorumRecorded bool
}

// Data returns the content of the ConfigMap: one key for each mon, and one for the quorum.
func (m Mons) Data() map[string]string { return nil }

// DecodeMons reads the content of the ConfigMap.
func DecodeMons(data map[string]string) (Mons, error) { return Mons{}, nil }
