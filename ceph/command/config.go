package command

import (
	"cmp"
	"context"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Config = (*Admin)(nil)

// configDump is marked as holding keys because options may be passwords.
func configDump() Request { return Request{Op: "config dump", Target: Mon(), Keyed: true} }

func setConfig(who, option, value string) Request {
	return Request{
		Op: "config set", Target: Mon(), Subject: who + " " + option,
		Args: Args{"who": who, "name": option, "value": value},
	}
}

func removeConfig(who, option string) Request {
	return Request{
		Op: "config rm", Target: Mon(), Subject: who + " " + option,
		Args: Args{"who": who, "name": option},
	}
}

type configAnswer []struct {
	Section *string `json:"section"`
	Name    *string `json:"name"`
	Value   *string `json:"value"`
	Mask    *string `json:"mask"` // such as host:n1/class:hdd
}

func (c configAnswer) options() []ceph.ConfigOption {
	var out []ceph.ConfigOption
	for _, o := range c {
		who := *o.Section
		if *o.Mask != "" {
			who += "/" + *o.Mask
		}
		out = append(out, ceph.ConfigOption{Who: who, Option: *o.Name, Value: *o.Value})
	}
	slices.SortFunc(out, func(a, b ceph.ConfigOption) int {
		return cmp.Or(cmp.Compare(a.Who, b.Who), cmp.Compare(a.Option, b.Option))
	})
	return out
}

// ConfigDump lists what is set, sorted by who and option. Ceph writes values its
// own way (4G as 4294967296, 0.1 as 0.100000) and a mask of two parts with the
// location first (osd/host:n1/class:hdd), however they were set.
func (a *Admin) ConfigDump(ctx context.Context) ([]ceph.ConfigOption, error) {
	answer, err := ask[configAnswer](ctx, a, configDump())
	if err != nil {
		return nil, err
	}
	return answer.options(), nil
}

// SetConfig sets one option for a section: global, a daemon type or a daemon,
// with an optional mask (osd/class:hdd). An option, a section or a value that
// Ceph does not understand is ErrInvalid.
func (a *Admin) SetConfig(ctx context.Context, who, option, value string) error {
	return a.act(ctx, setConfig(who, option, value))
}

// RemoveConfig takes an option back. One that is not set is no error.
func (a *Admin) RemoveConfig(ctx context.Context, who, option string) error {
	return a.act(ctx, removeConfig(who, option))
}
