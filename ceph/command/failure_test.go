package command

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// TestRefusals gives a kind to everything that real daemons refused while a
// release was recorded. Admin refines some of these, see TestBehaviour.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			var list []refusal
			if err := json.Unmarshal(fixture(t, release, refusalsFile), &list); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range list {
				e := Failure(Request{Op: r.Op}, r.Errno, r.Status)
				if e.Errno != r.Errno || !errors.Is(e, e.Kind) || strings.Contains(e.Text, "\n") {
					t.Errorf("got %#v for %+v", e, r)
				}
				got = append(got, e.Error())
			}
			golden(t, release+"/refusals", got)
		})
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	r := Request{Op: "osd purge-actual", Target: Mon(), Subject: "osd.3"}
	for _, tc := range []struct {
		errno  int
		status string
		kind   error
		want   string
	}{
		{-ceph.EBUSY, "osd.3 is not `down`.\n", ceph.ErrBusy, "osd purge-actual osd.3: osd.3 is not `down`. (busy)"},
		{ceph.EINVAL, "command not known", ceph.ErrUnsupported, "osd purge-actual osd.3: command not known (not supported)"},
		{ceph.EINVAL, staleWarning + "\nNo handler found for 'x'", ceph.ErrUnsupported, "osd purge-actual osd.3: No handler found for 'x' (not supported)"},
		{ceph.EINVAL, "unknown type x", ceph.ErrInvalid, "osd purge-actual osd.3: unknown type x (invalid argument)"},
		{ceph.EPERM, "Are you SURE?", ceph.ErrRefused, "osd purge-actual osd.3: Are you SURE? (refused)"},
		{ceph.EPERM, "", ceph.ErrPermission, "osd purge-actual osd.3: permission denied"},
		{ceph.EACCES, "access denied", ceph.ErrPermission, "osd purge-actual osd.3: access denied (permission denied)"},
		{ceph.EINVAL, "Traceback (most recent call last):\n  File \"x.py\"\nKeyError: 'x'", ceph.ErrRefused, "osd purge-actual osd.3: KeyError: 'x' (refused)"},
		{71, "protocol", ceph.ErrRefused, "osd purge-actual osd.3: protocol (refused)"},
	} {
		got := Failure(r, tc.errno, tc.status)
		if got.Kind != tc.kind || got.Error() != tc.want || got.Errno < 0 {
			t.Errorf("%d %q: got %v, want %s", tc.errno, tc.status, got, tc.want)
		}
	}
}

// TestRekindLeavesTheRest alone: another errno, other words, or no error.
func TestRekindLeavesTheRest(t *testing.T) {
	t.Parallel()
	e := Failure(Request{Op: "x"}, ceph.EINVAL, "already in use by nobody")
	if got := rekind(e, ceph.ErrExists, "already in use", ceph.EINVAL); !errors.Is(got, ceph.ErrExists) || !errors.Is(e, ceph.ErrInvalid) {
		t.Errorf("got %v from %v, want another kind and the first error as it was", got, e)
	}
	for _, got := range []error{
		rekind(e, ceph.ErrExists, "already in use", ceph.EPERM),
		rekind(e, ceph.ErrExists, "in vain", ceph.EINVAL),
	} {
		if !errors.Is(got, ceph.ErrInvalid) {
			t.Errorf("got %v, want it unchanged", got)
		}
	}
	if got := rekind(nil, ceph.ErrExists, "", ceph.EINVAL); got != nil {
		t.Errorf("got %v from no error", got)
	}
}
