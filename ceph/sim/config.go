package sim

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

type configKey struct{ who, option string }

// ConfigDump implements ceph.Config.
func (k *Client) ConfigDump(ctx context.Context) ([]ceph.ConfigOption, error) {
	return ask(ctx, k, monRead("ConfigDump", "config dump"), "", func(c *Cluster) ([]ceph.ConfigOption, error) {
		return c.configDump(), nil
	})
}

func (c *Cluster) configDump() []ceph.ConfigOption {
	all := make([]ceph.ConfigOption, 0, len(c.config))
	for key, value := range c.config {
		all = append(all, ceph.ConfigOption{Who: key.who, Option: key.option, Value: value})
	}
	slices.SortFunc(all, func(a, b ceph.ConfigOption) int {
		return cmp.Or(cmp.Compare(a.Who, b.Who), cmp.Compare(a.Option, b.Option))
	})
	return all
}

// SetConfig implements ceph.Config.
func (k *Client) SetConfig(ctx context.Context, who, option, value string) error {
	return k.do(ctx, monWrite("SetConfig", "config set"), who+" "+option, func(c *Cluster) error {
		if err := checkConfig(who, option, value); err != nil {
			return err
		}
		c.config[configKey{section(who), option}] = value
		return nil
	})
}

// RemoveConfig implements ceph.Config.
func (k *Client) RemoveConfig(ctx context.Context, who, option string) error {
	return k.do(ctx, monWrite("RemoveConfig", "config rm"), who+" "+option, func(c *Cluster) error {
		if err := checkSection(who); err != nil {
			return err
		}
		delete(c.config, configKey{section(who), option})
		return nil
	})
}

func checkConfig(who, option, value string) error {
	if err := checkSection(who); err != nil {
		return err
	}
	if !knownOption(option) {
		return refusal.New(ceph.EINVAL, "unrecognized config option '%s'", option)
	}
	if valid, ok := typedOptions[option]; ok && !valid(value) {
		return refusal.New(ceph.EINVAL, "error parsing value: '%s' for option '%s'", value, option)
	}
	return nil
}

var sections = []string{"global", "mon", "mgr", "osd", "mds", "client"}

// checkSection reads "osd", "osd.3", "osd/class:hdd", "osd/host:n1" or "client.rgw.a".
func checkSection(who string) error {
	section, masks, _ := strings.Cut(who, "/")
	kind, _ := cutEntity(section)
	if !slices.Contains(sections, kind) {
		return refusal.New(ceph.EINVAL, "unrecognized config target '%s'", who)
	}
	for _, mask := range strings.FieldsFunc(masks, func(r rune) bool { return r == '/' }) {
		key, value, ok := strings.Cut(mask, ":")
		if !ok || value == "" || key == "" {
			return refusal.New(ceph.EINVAL, "unrecognized config target '%s'", who)
		}
	}
	return nil
}

// section writes masks as Ceph lists them: the location before the class.
func section(who string) string {
	parts := strings.Split(who, "/")
	slices.SortStableFunc(parts[1:], func(a, b string) int {
		return cmp.Compare(classMask(a), classMask(b))
	})
	return strings.Join(parts, "/")
}

func classMask(mask string) int {
	if strings.HasPrefix(mask, "class:") {
		return 1
	}
	return 0
}

// optionFamilies are the words that Ceph's option names begin with. The
// simulator does not carry the two thousand names.
var optionFamilies = []string{
	"auth", "bdev", "bluefs", "bluestore", "client", "cluster", "container", "crash", "crush", "debug", "device", "err", "fuse", "heartbeat",
	"host", "journaler", "keyring", "leveldb", "librados", "log", "max", "mds", "mgr", "mon", "ms", "objecter", "objectstore",
	"osd", "paxos", "perf", "plugin", "public", "rados", "rbd", "rgw", "rocksdb", "target", "threadpool", "throttler",
}

func knownOption(option string) bool {
	if strings.HasPrefix(option, "mgr/") {
		return strings.Count(option, "/") >= 2
	}
	family, _, _ := strings.Cut(option, "_")
	return slices.Contains(optionFamilies, family)
}

func isInt(v string) bool {
	_, err := strconv.ParseInt(v, 10, 64)
	return err == nil
}

func isFloat(v string) bool {
	_, err := strconv.ParseFloat(v, 64)
	return err == nil
}

func isBool(v string) bool {
	return slices.Contains([]string{"true", "false", "yes", "no", "0", "1"}, v)
}

// typedOptions are those whose value the simulator reads.
var typedOptions = map[string]func(string) bool{
	"mon_osd_down_out_interval":      isInt,
	"mon_osd_min_in_ratio":           isFloat,
	"mon_max_pg_per_osd":             isInt,
	"mon_allow_pool_delete":          isBool,
	"mon_allow_pool_size_one":        isBool,
	"mon_target_pg_per_osd":          isInt,
	"osd_max_backfills":              isInt,
	"osd_pool_default_size":          isInt,
	"osd_pool_default_min_size":      isInt,
	"osd_pool_default_pg_num":        isInt,
	"osd_heartbeat_grace":            isInt,
	"mds_beacon_grace":               isInt,
	"mon_osd_min_down_reporters":     isInt,
	"mon_warn_on_pool_no_redundancy": isBool,
}

// option reads a setting as a daemon of the section sees it.
func (c *Cluster) option(section, name, fallback string) string {
	for _, who := range []string{section, "global"} {
		if v, ok := c.config[configKey{who, name}]; ok {
			return v
		}
	}
	return fallback
}

func (c *Cluster) intOption(section, name string, fallback int) int {
	n, err := strconv.Atoi(c.option(section, name, ""))
	if err != nil {
		return fallback
	}
	return n
}

func (c *Cluster) floatOption(section, name string, fallback float64) float64 {
	f, err := strconv.ParseFloat(c.option(section, name, ""), 64)
	if err != nil {
		return fallback
	}
	return f
}

func (c *Cluster) boolOption(section, name string, fallback bool) bool {
	v := c.option(section, name, strconv.FormatBool(fallback))
	return v == "true" || v == "yes" || v == "1"
}

func (c *Cluster) secondsOption(section, name string, fallback int) time.Duration {
	return time.Duration(c.intOption(section, name, fallback)) * time.Second
}
