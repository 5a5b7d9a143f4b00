package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Recover finds the key of the mons in the store of one, for a cluster whose Secrets are lost.
//
// It takes no lock and opens no database, so that the mon may run meanwhile: the keyring lies beside the database, is
// written when the store is made, and the store has its name only once it is whole.
type Recover struct {
	// Mon whose store lies in Dir, and FSID of the cluster.
	Mon, FSID, Dir string
	// Node is named in what is refused.
	Node string
	// Hand takes the key to where it was asked for.
	Hand func(context.Context, ceph.Secret) error
}

// Run hands over the key of the mons. It refuses when the store is missing or has none.
func (r Recover) Run(ctx context.Context) error {
	m := Mon{Name: r.Mon, FSID: r.FSID, Dir: r.Dir}
	where := fmt.Sprintf("%s on node %s", handover.MonHostDir(r.FSID, r.Mon), r.Node)
	state, err := inspectStore(m.store())
	switch {
	case err != nil:
		return err
	case state == storeAbsent:
		return refuse(handover.ReasonStoreMissing, "bring back "+where, "the store of mon.%s is gone", r.Mon)
	case state == storeDamaged:
		return refuse(handover.ReasonStoreDamaged, "bring back what is missing in "+where,
			"the store of mon.%s lacks its database or its key", r.Mon)
	}
	keyring, err := os.ReadFile(filepath.Join(m.store(), handover.KeyringKey))
	if err != nil {
		return fmt.Errorf("read the keyring of mon.%s: %w", r.Mon, err)
	}
	key, err := handover.MonKeyOf(keyring)
	if err != nil {
		return refuse(handover.ReasonStoreDamaged, "bring back the file keyring in "+where, "the store of mon.%s: %v", r.Mon, err)
	}
	return r.Hand(ctx, key)
}
