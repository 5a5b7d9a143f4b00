package keys

import (
	"strconv"

	"github.com/seamount-dev/seamount/ceph"
)

// Names of the users that every cluster has.
const (
	NameMon   = "mon."
	NameAdmin = "client.admin"
)

// all is the capability to do everything to a service.
const all = "allow *"

// Mon is the user that all mons share.
func Mon(key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: NameMon, Key: key, Caps: ceph.Caps{"mon": all}}
}

// Admin is the user that may do everything. Only the operator has its key.
func Admin(key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: NameAdmin, Key: key, Caps: ceph.Caps{"mon": all, "mgr": all, "osd": all, "mds": all}}
}

// Mgr is the user of a mgr.
func Mgr(name string, key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: "mgr." + name, Key: key, Caps: ceph.Caps{"mon": "allow profile mgr", "osd": all, "mds": all}}
}

// OSD is the user of an OSD.
func OSD(id int32, key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: "osd." + strconv.Itoa(int(id)), Key: key,
		Caps: ceph.Caps{"mon": "allow profile osd", "mgr": "allow profile osd", "osd": all}}
}
