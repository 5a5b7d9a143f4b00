package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// CSISecretName is the Secret in which the operator hands the CSI controller what it needs of the clusters of a
// namespace: one key a StorageCluster, which has the cluster's name, with a CSICluster as its value.
const CSISecretName = "seamount-csi" //nolint:gosec // the name of a Secret

// CSICluster is what the CSI controller needs of one cluster.
type CSICluster struct {
	// FSID of the cluster.
	FSID string
	// Mons are addresses as mon_host takes them.
	Mons []string
	// User that the CSI controller acts as.
	User CSIUser
	// Nodes are the users of the nodes, by the node's name in Kubernetes.
	Nodes map[string]CSIUser
}

// CSIUser is a user of Ceph. However it is printed, it does not show its key.
type CSIUser struct {
	// Entity has "client." before its name.
	Entity string
	Key    ceph.Secret
}

// csiCluster and csiUser are the form that is stored.
type csiCluster struct {
	FSID  string             `json:"fsid"`
	Mons  []string           `json:"mons"`
	User  csiUser            `json:"user"`
	Nodes map[string]csiUser `json:"nodes,omitempty"`
}

type csiUser struct {
	Entity string `json:"entity"`
	Key    string `json:"key"`
}

// Encode returns the value in the Secret. The same cluster gives the same bytes.
func (c CSICluster) Encode() ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("encode what the CSI controller needs: %w", err)
	}
	stored := csiCluster{FSID: c.FSID, Mons: c.Mons, User: c.User.stored(), Nodes: map[string]csiUser{}}
	for node, user := range c.Nodes {
		stored.Nodes[node] = user.stored()
	}
	return json.Marshal(stored)
}

func (u CSIUser) stored() csiUser { return csiUser{u.Entity, u.Key.Reveal()} }

func (u csiUser) user() CSIUser { return CSIUser{u.Entity, ceph.NewSecret(u.Key)} }

// errCSIForm stands for what a decoder would say, which may hold a piece of a key.
var errCSIForm = errors.New("it does not have the form that this release writes")

// DecodeCSICluster reads a value of the Secret. Its errors do not show what it holds.
func DecodeCSICluster(value []byte) (CSICluster, error) {
	var stored csiCluster
	if decodeStrictly(value, &stored) != nil {
		return CSICluster{}, fmt.Errorf("decode what the CSI controller needs: %w", errCSIForm)
	}
	c := CSICluster{FSID: stored.FSID, Mons: stored.Mons, User: stored.User.user(), Nodes: map[string]CSIUser{}}
	for node, user := range stored.Nodes {
		c.Nodes[node] = user.user()
	}
	if err := c.validate(); err != nil {
		return CSICluster{}, fmt.Errorf("decode what the CSI controller needs: %w", err)
	}
	return c, nil
}

func (c CSICluster) validate() error {
	if !uuidForm.MatchString(c.FSID) {
		return errors.New("the fsid is none")
	}
	if len(c.Mons) == 0 || slices.Contains(c.Mons, "") {
		return errors.New("a mon has no address, or there is no mon")
	}
	if err := c.User.validate(); err != nil {
		return fmt.Errorf("the controller's user: %w", err)
	}
	for _, node := range slices.Sorted(maps.Keys(c.Nodes)) {
		if node == "" {
			return errors.New("a node has no name")
		}
		if err := c.Nodes[node].validate(); err != nil {
			return fmt.Errorf("the user of a node: %w", err)
		}
	}
	return nil
}

func (u CSIUser) validate() error {
	name, is := strings.CutPrefix(u.Entity, "client.")
	switch {
	case !is || name == "":
		return errors.New("its name is not of the form client.name")
	case u.Key.IsZero():
		return errNoKey
	}
	return nil
}
