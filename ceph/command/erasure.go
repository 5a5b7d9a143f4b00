package command

import (
	"cmp"
	"context"
	"strconv"

	"github.com/seamount-dev/seamount/ceph"
)

func setErasureProfile(p ceph.ErasureProfile) Request {
	fields := []string{"k=" + strconv.Itoa(p.DataChunks), "m=" + strconv.Itoa(p.CodingChunks)}
	for _, f := range []struct{ key, value string }{
		{"plugin", p.Plugin},
		{"crush-failure-domain", p.FailureDomain},
		{"crush-device-class", p.DeviceClass},
		{"crush-root", cmp.Or(p.Root, defaultRoot)},
	} {
		if f.value != "" {
			fields = append(fields, f.key+"="+f.value)
		}
	}
	return Request{
		Op: "osd erasure-code-profile set", Target: Mon(), Subject: p.Name,
		Args: Args{"name": p.Name, "profile": fields},
	}
}

func getErasureProfile(name string) Request {
	return Request{Op: "osd erasure-code-profile get", Target: Mon(), Subject: name, Args: Args{"name": name}}
}

func removeErasureProfile(name string) Request {
	return Request{Op: "osd erasure-code-profile rm", Target: Mon(), Subject: name, Args: Args{"name": name}}
}

// profileAnswer has numbers as text. The profile that a cluster is born with
// lacks what says where to place.
type profileAnswer struct {
	K             *int    `json:"k,string"`
	M             *int    `json:"m,string"`
	Plugin        *string `json:"plugin"`
	FailureDomain string  `json:"crush-failure-domain"`
	DeviceClass   string  `json:"crush-device-class"`
	Root          string  `json:"crush-root"`
}

func (p profileAnswer) profile(name string) ceph.ErasureProfile {
	return ceph.ErasureProfile{
		Name: name, DataChunks: *p.K, CodingChunks: *p.M, Plugin: *p.Plugin,
		FailureDomain: cmp.Or(p.FailureDomain, defaultFailureDomain),
		DeviceClass:   p.DeviceClass, Root: cmp.Or(p.Root, defaultRoot),
	}
}

// defaultFailureDomain is what a profile that names none places over.
const defaultFailureDomain = "host"

// SetErasureProfile makes a profile. One of that name that differs in what the
// caller asks for is ErrExists. A plugin that is not named is left to Ceph: up
// to 19 that is jerasure, from 20 on isa, and either is accepted later.
func (a *Admin) SetErasureProfile(ctx context.Context, p ceph.ErasureProfile) error {
	err := a.act(ctx, setErasureProfile(p))
	const differs = "will not override"
	if !refused(err, differs, ceph.EPERM) {
		return err
	}
	there, readErr := a.ErasureProfile(ctx, p.Name)
	if readErr != nil {
		return readErr
	}
	if alike(there, p) {
		return nil
	}
	return rekind(err, ceph.ErrExists, differs, ceph.EPERM)
}

func alike(there, want ceph.ErasureProfile) bool {
	want.Plugin = cmp.Or(want.Plugin, there.Plugin)
	want.FailureDomain = cmp.Or(want.FailureDomain, defaultFailureDomain)
	want.Root = cmp.Or(want.Root, defaultRoot)
	return there == want
}

// ErasureProfile reads a profile. One that does not exist is ErrNotFound.
func (a *Admin) ErasureProfile(ctx context.Context, name string) (ceph.ErasureProfile, error) {
	answer, err := ask[profileAnswer](ctx, a, getErasureProfile(name))
	if err != nil {
		return ceph.ErasureProfile{}, err
	}
	return answer.profile(name), nil
}

// RemoveErasureProfile removes a profile. One that a pool uses is ErrBusy; one
// that does not exist is no error.
func (a *Admin) RemoveErasureProfile(ctx context.Context, name string) error {
	return a.act(ctx, removeErasureProfile(name))
}
