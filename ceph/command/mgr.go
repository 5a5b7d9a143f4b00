package command

import (
	"context"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Mgrs = (*Admin)(nil)

func mgrDump() Request { return Request{Op: "mgr dump", Target: Mon()} }

func enableMgrModule(module string) Request {
	return Request{Op: "mgr module enable", Target: Mon(), Subject: module, Args: Args{"module": module}}
}

func disableMgrModule(module string) Request {
	return Request{Op: "mgr module disable", Target: Mon(), Subject: module, Args: Args{"module": module}}
}

func failMgr(name string) Request {
	return Request{Op: "mgr fail", Target: Mon(), Subject: "mgr." + name, Args: Args{"who": name}}
}

type mgrAnswer struct {
	Epoch     *int64  `json:"epoch"`
	Available *bool   `json:"available"`
	Active    *string `json:"active_name"`
	Standbys  *[]struct {
		Name *string `json:"name"`
	} `json:"standbys"`
	Modules  *[]string            `json:"modules"`
	AlwaysOn *map[string][]string `json:"always_on_modules"`
}

// mgrMap leaves out what is always on in any release: a cluster that is older
// than such a rule still lists the module as enabled.
func (m mgrAnswer) mgrMap() ceph.MgrMap {
	out := ceph.MgrMap{Epoch: *m.Epoch, Available: *m.Available, Active: *m.Active}
	for _, s := range *m.Standbys {
		out.Standbys = append(out.Standbys, *s.Name)
	}
	for _, module := range *m.Modules {
		if !m.alwaysOn(module) {
			out.Modules = append(out.Modules, module)
		}
	}
	for _, modules := range *m.AlwaysOn {
		out.AlwaysOn = append(out.AlwaysOn, modules...)
	}
	slices.Sort(out.AlwaysOn)
	out.AlwaysOn = slices.Compact(out.AlwaysOn)
	slices.Sort(out.Standbys)
	slices.Sort(out.Modules)
	return out
}

func (m mgrAnswer) alwaysOn(module string) bool {
	for _, modules := range *m.AlwaysOn {
		if slices.Contains(modules, module) {
			return true
		}
	}
	return false
}

// EnableMgrModule turns a module on. One that is on, or always on, is no error;
// one that the mgr does not have, or cannot run, is ErrNotFound.
func (a *Admin) EnableMgrModule(ctx context.Context, module string) error {
	return a.act(ctx, enableMgrModule(module))
}

// DisableMgrModule turns a module off. One that is off or unknown is no error,
// one that is always on is ErrInvalid.
func (a *Admin) DisableMgrModule(ctx context.Context, module string) error {
	err := a.act(ctx, disableMgrModule(module))
	return rekind(err, ceph.ErrInvalid, "always-on", ceph.EINVAL, ceph.EPERM)
}

// FailMgr makes a standby take over from the named mgr. Naming one that is not
// active, or unknown, is no error. Ceph puts the addresses of the one that was
// active on the blocklist for a day.
func (a *Admin) FailMgr(ctx context.Context, name string) error {
	r := failMgr(name)
	if name == "" {
		return r.invalid("no mgr is named: Ceph would fail whichever is active")
	}
	return a.act(ctx, r)
}
