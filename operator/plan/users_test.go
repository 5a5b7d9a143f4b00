package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// providing returns the step that provides users, and why; nil: there is none.
func providing(p Plan) (*ProvideUsers, string) {
	for _, step := range p.Steps {
		if do, is := step.Do.(ProvideUsers); is {
			return &do, step.Reason
		}
	}
	return nil, ""
}

// settled is a world with all its users.
func settledUsers(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3, 1)
	w.rest()
	if do, reason := providing(Compute(w.observe())); do != nil {
		t.Fatalf("users are provided at rest: %s", reason)
	}
	if got := w.users.Handed.Nodes; !slices.Equal(got, []string{"n1", "n2", "n3"}) {
		t.Fatalf("nodes with a user: %v", got)
	}
	return w
}

func TestUsersAreProvidedWhenSomethingChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Users)
		says   string
	}{
		"nothing was handed over": {func(u *Users) { u.Handed = nil }, "no users"},
		"another cluster's":       {func(u *Users) { u.Handed.FSID = "x" }, "another fsid"},
		"other mons":              {func(u *Users) { u.Handed.Mons = []string{"10.0.0.1"} }, "other addresses"},
		"a new node":              {func(u *Users) { u.Handed.Nodes = []string{"n1", "n3"} }, "no user yet: n2"},
		"not checked":             {func(u *Users) { u.Checked = false }, "while the operator was away"},
	} {
		w := settledUsers(t)
		c.change(&w.users)
		do, reason := providing(Compute(w.observe()))
		if do == nil || !strings.Contains(reason, c.says) {
			t.Errorf("%s: %v, %q", name, do, reason)
			continue
		}
		if diff := cmp.Diff([]string{"n1", "n2", "n3"}, do.Nodes); diff != "" || len(do.Retired) > 0 {
			t.Errorf("%s: retired %v, %s", name, do.Retired, diff)
		}
	}
}

// The user of a node that is gone stays for a while: its volumes may be in use, and the node come back.
func TestUserOfANodeThatIsGone(t *testing.T) {
	t.Parallel()
	w := settledUsers(t)
	w.users.Handed.Nodes = []string{"n1", "n2", "n3", "n9"}
	in := w.observe()
	in.Users.Gone = map[string]time.Time{"n9": in.Now}
	early := Compute(in)
	if do, reason := providing(early); do != nil || early.After == 0 || early.After > UserGrace {
		t.Errorf("at once: %v, %q, again after %s", do, reason, early.After)
	}
	in.Now = in.Now.Add(UserGrace)
	do, reason := providing(Compute(in))
	if do == nil || !slices.Equal(do.Retired, []string{"n9"}) || !slices.Equal(do.Nodes, []string{"n1", "n2", "n3"}) {
		t.Errorf("later: %+v, %q", do, reason)
	}
}
