package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Mon starts a mon.
type Mon struct {
	Machine Machine
	Name    string
	FSID    string
	// Address that the mon is known by, and BindAddresses of the pod, of which it listens on the one of the same family;
	// empty: it listens on Address.
	Address       string
	BindAddresses []string
	// Args of ceph-mon.
	Args []string
	// RecordDir holds the recorded mons, SecretDir the seed keyring, and Dir the store.
	RecordDir, SecretDir, Dir string
}

// Start brings the store into place and becomes ceph-mon. It returns only when it fails.
func (m Mon) Start(ctx context.Context) error {
	listen, err := m.listen()
	if err != nil {
		return err
	}
	if err := lockStore(ctx, filepath.Join(m.Dir, "lock"), busyLimit); err != nil {
		return err
	}
	if err := m.ensureStore(ctx); err != nil {
		return err
	}
	argv := append([]string{"ceph-mon", "-f", "-i", m.Name, "--mon-data", m.store()}, listen...)
	return m.Machine.Become(append(argv, m.Args...)...)
}

// listen are the arguments that say where the mon listens: behind a Service it is known by another address.
func (m Mon) listen() ([]string, error) {
	args := []string{"--public-addr", m.Address}
	if len(m.BindAddresses) == 0 {
		return args, nil
	}
	address, err := sameFamily(m.Address, m.BindAddresses)
	if err != nil {
		return nil, err
	}
	return append(args, "--public-bind-addr", address), nil
}

// sameFamily finds among addresses the first of the family of address.
func sameFamily(address string, addresses []string) (string, error) {
	want, err := netip.ParseAddr(address)
	if err != nil {
		return "", fmt.Errorf("address of the mon: %w", err)
	}
	for _, candidate := range addresses {
		if got, err := netip.ParseAddr(candidate); err == nil && got.Is4() == want.Is4() {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("the pod has the addresses %s, and none of the family of %s", strings.Join(addresses, ", "), address)
}

func (m Mon) store() string { return filepath.Join(m.Dir, "ceph-"+m.Name) }

// unfinished is where a store is made. It gets its name when it is complete.
func (m Mon) unfinished() string { return m.store() + ".new" }

func (m Mon) ensureStore(ctx context.Context) error {
	// Read under the lock: what was recorded while an older pod had the store counts.
	mons, err := m.recorded()
	if err != nil {
		return err
	}
	state, err := inspectStore(m.store())
	if err != nil {
		return err
	}
	founders, err := m.founders(mons, state)
	if err != nil || founders == nil {
		return err
	}
	return m.makeStore(ctx, founders)
}

func (m Mon) recorded() (handover.Mons, error) {
	keys, err := readKeys(m.RecordDir)
	if err != nil {
		return handover.Mons{}, err
	}
	data := make(map[string]string, len(keys))
	for key, content := range keys {
		data[key] = string(content)
	}
	return handover.DecodeMons(data)
}

// storeState is what there is of a store.
type storeState string

const (
	storeAbsent   storeState = "absent"
	storeComplete storeState = "complete"
	storeDamaged  storeState = "damaged"
)

// inspectStore tells whether there is a store. One that was made whole has a database and the key of the mons.
func inspectStore(dir string) (storeState, error) {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return storeAbsent, nil
	} else if err != nil {
		return "", fmt.Errorf("inspect the store: %w", err)
	}
	for _, file := range []string{"store.db/CURRENT", "keyring"} {
		if _, err := os.Lstat(filepath.Join(dir, file)); errors.Is(err, os.ErrNotExist) {
			return storeDamaged, nil
		} else if err != nil {
			return "", fmt.Errorf("inspect the store: %w", err)
		}
	}
	return storeComplete, nil
}

// founders are the mons of the monmap that a store is to be made from; nil when there is a store.
func (m Mon) founders(mons handover.Mons, state storeState) ([]handover.Mon, error) {
	self, known := mons.Get(m.Name)
	where := fmt.Sprintf("%s on node %s", handover.MonHostDir(m.FSID, m.Name), self.Node)
	switch {
	case state == storeComplete:
		return nil, nil
	case !known:
		return nil, refuse(handover.ReasonNotRecorded, "wait for the operator, which records every mon that it wants",
			"mon.%s is not among the recorded mons", m.Name)
	case state == storeDamaged:
		return nil, refuse(handover.ReasonStoreDamaged, "bring back what is missing in "+where+", or move the directory away",
			"the store of mon.%s lacks its database or its key", m.Name)
	case self.State == handover.MonJoining:
		return m.hosts(mons)
	case self.State == handover.MonSeed && !mons.QuorumRecorded:
		return selectMons(mons, func(mon handover.Mon) bool { return mon.State == handover.MonSeed }), nil
	}
	return nil, refuse(handover.ReasonStoreMissing,
		"bring back "+where+"; while the other mons have quorum, this one can also be replaced",
		"the store of mon.%s is gone, and a new one is not made: the cluster had a quorum before, and mons with new stores "+
			"would found another cluster beside its data", m.Name)
}

// hosts are the mons whose quorum the mon joins.
func (m Mon) hosts(mons handover.Mons) ([]handover.Mon, error) {
	hosts := selectMons(mons, func(mon handover.Mon) bool { return mon.State != handover.MonJoining })
	if len(hosts) == 0 {
		return nil, refuse(handover.ReasonNotRecorded, "wait for the operator, which records the mons of the quorum",
			"mon.%s is to join a quorum, and no mon of one is recorded", m.Name)
	}
	return hosts, nil
}

func selectMons(mons handover.Mons, wanted func(handover.Mon) bool) []handover.Mon {
	found := []handover.Mon{}
	for _, mon := range mons.Mons {
		if wanted(mon) {
			found = append(found, mon)
		}
	}
	return found
}

// makeStore makes a store beside its place and gives it its name last, so that there is a whole one or none.
func (m Mon) makeStore(ctx context.Context, founders []handover.Mon) error {
	monmap, err := m.makeMonmap(ctx, founders)
	if err != nil {
		return err
	}
	defer os.Remove(monmap) //nolint:errcheck // it is made anew when it is needed again
	if err := os.RemoveAll(m.unfinished()); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	argv := []string{"ceph-mon", "--mkfs", "-i", m.Name, "--monmap", monmap,
		"--keyring", filepath.Join(m.SecretDir, handover.KeyringKey), "--mon-data", m.unfinished()}
	if err := m.Machine.Run(ctx, nil, append(argv, m.Args...)...); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	state, err := inspectStore(m.unfinished())
	if err == nil && state != storeComplete {
		err = fmt.Errorf("ceph-mon --mkfs left one that is %s", state)
	}
	if err == nil {
		err = syncFilesystem(m.unfinished())
	}
	if err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	if err := os.Rename(m.unfinished(), m.store()); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	return syncDirectory(m.Dir)
}

// makeMonmap writes the map of the founders, by the image's own program, which knows what its release wants in it.
func (m Mon) makeMonmap(ctx context.Context, founders []handover.Mon) (string, error) {
	monmap := filepath.Join(m.Dir, "monmap")
	argv := []string{"monmaptool", "--create", "--clobber", "--fsid", m.FSID}
	for _, mon := range founders {
		argv = append(argv, "--addv", mon.Name, mon.AddressVector())
	}
	if err := m.Machine.Run(ctx, nil, append(argv, monmap)...); err != nil {
		return "", fmt.Errorf("make the monmap: %w", err)
	}
	return monmap, nil
}
