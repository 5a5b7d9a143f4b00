package handover

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

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
	// Retired are the names of mons that were taken away, sorted. They are never used again: the store of a former mon
	// may still lie on its node, and a mon that finds it ends, because the others have dismissed it.
	Retired []string
}

// The keys of the ConfigMap that are no mon, longer than any name of one, and the value of the first.
const (
	quorumKey      = "quorum"
	quorumRecorded = "recorded"
	retiredKey     = "retired"
)

// Ports of a mon for Ceph's two protocols.
const (
	MonPortV2 = 3300
	MonPortV1 = 6789
)

// MonName is what a mon may be called.
var MonName = regexp.MustCompile(`^[a-z]{1,3}$`)

// Data returns the content of the ConfigMap: one key for each mon, one for the quorum and one for names of the past.
func (m Mons) Data() map[string]string {
	data := make(map[string]string, len(m.Mons)+2)
	for _, mon := range m.Mons {
		text, _ := json.Marshal(mon) // strings only: it cannot fail
		data[mon.Name] = string(text)
	}
	if m.QuorumRecorded {
		data[quorumKey] = quorumRecorded
	}
	if len(m.Retired) > 0 {
		data[retiredKey] = strings.Join(m.Retired, " ")
	}
	return data
}

// DecodeMons reads the content of the ConfigMap. What it does not understand is an error: a record that was read in
// part could cost a quorum.
func DecodeMons(data map[string]string) (Mons, error) {
	var mons Mons
	for key, text := range data {
		if key == quorumKey {
			if text != quorumRecorded {
				return Mons{}, fmt.Errorf("decode mons: %s is %q, want %q", quorumKey, text, quorumRecorded)
			}
			mons.QuorumRecorded = true
			continue
		}
		if key == retiredKey {
			mons.Retired = strings.Fields(text)
			continue
		}
		mon, err := decodeMon(key, text)
		if err != nil {
			return Mons{}, fmt.Errorf("decode mons: mon %q: %w", key, err)
		}
		mons.Mons = append(mons.Mons, mon)
	}
	slices.SortFunc(mons.Mons, compareMons)
	return mons, nil
}

func decodeMon(name, text string) (Mon, error) {
	var mon Mon
	if err := decodeStrictly([]byte(text), &mon); err != nil {
		return Mon{}, err
	}
	_, err := netip.ParseAddr(mon.Address)
	switch {
	case mon.Name != name || !MonName.MatchString(name):
		return Mon{}, fmt.Errorf("name is %q", mon.Name)
	case mon.Node == "":
		return Mon{}, fmt.Errorf("no node")
	case err != nil:
		return Mon{}, fmt.Errorf("address: %w", err)
	case !slices.Contains([]MonState{MonSeed, MonJoining, MonMember}, mon.State):
		return Mon{}, fmt.Errorf("state is %q", mon.State)
	}
	return mon, nil
}

// compareMons orders a before b before z before aa.
func compareMons(a, b Mon) int {
	return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
}

// Get returns the mon of a name.
func (m Mons) Get(name string) (Mon, bool) {
	i := slices.IndexFunc(m.Mons, func(mon Mon) bool { return mon.Name == name })
	if i < 0 {
		return Mon{}, false
	}
	return m.Mons[i], true
}

// AddressVector is the mon's addresses for both protocols, as Ceph writes them.
func (m Mon) AddressVector() string {
	host := m.Address
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("[v2:%s:%d,v1:%s:%d]", host, MonPortV2, host, MonPortV1)
}
