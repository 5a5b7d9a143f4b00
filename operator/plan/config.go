package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// ConfigChange is what is to be done with Ceph's central configuration: SetConfig, RemoveConfig and RecordConfig, in the
// order of who and option.
type ConfigChange struct {
	Actions []Action
	Drift   []v1alpha1.DriftEntry
}

// configKey is what an option is known by.
type configKey struct{ who, option string }

// keyOf writes masks as Ceph lists them, whatever the order in which they were declared: a location before a class, as in
// osd/host:n1/class:hdd.
func keyOf(who, option string) configKey {
	parts := strings.Split(who, "/")
	slices.SortStableFunc(parts[1:], func(a, b string) int {
		return boolRank(strings.HasPrefix(a, "class:")) - boolRank(strings.HasPrefix(b, "class:"))
	})
	return configKey{strings.Join(parts, "/"), option}
}

// ConfigDiff compares what is declared, what was applied before and what Ceph has. What is declared anew or otherwise
// than before is set, and what was applied and is not declared any more is taken out. Whatever else differs was
// changed by hand: it is drift, and left as it is.
func ConfigDiff(declared, applied []v1alpha1.ConfigOption, live []ceph.ConfigOption) ConfigChange {
	wants, had, has := map[configKey]string{}, map[configKey]string{}, map[configKey]string{}
	keys := map[configKey]bool{}
	for _, o := range declared {
		wants[keyOf(o.Who, o.Option)], keys[keyOf(o.Who, o.Option)] = o.Value, true
	}
	for _, o := range applied {
		had[keyOf(o.Who, o.Option)], keys[keyOf(o.Who, o.Option)] = o.Value, true
	}
	for _, o := range live {
		has[keyOf(o.Who, o.Option)], keys[keyOf(o.Who, o.Option)] = o.Value, true
	}
	var result ConfigChange
	for _, key := range sortedKeys(keys) {
		option := optionState{key: key, want: find(wants, key), had: find(had, key), has: find(has, key)}
		do, drift := option.compare()
		if do != nil {
			result.Actions = append(result.Actions, do)
		}
		if drift {
			result.Drift = append(result.Drift, v1alpha1.DriftEntry{Path: "config " + key.who + "/" + key.option, Declared: option.want, Live: option.has})
		}
	}
	return result
}

func sortedKeys(keys map[configKey]bool) []configKey {
	sorted := make([]configKey, 0, len(keys))
	for key := range keys {
		sorted = append(sorted, key)
	}
	slices.SortFunc(sorted, func(a, b configKey) int {
		return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.option, b.option))
	})
	return sorted
}

func find(values map[configKey]string, key configKey) *string {
	if value, found := values[key]; found {
		return &value
	}
	return nil
}

// optionState is one option: as it is declared, as it was applied before and as Ceph has it; nil: not at all.
type optionState struct {
	key            configKey
	want, had, has *string
}

// compare returns what to do about the option, if anything, and whether somebody changed it by hand.
func (o optionState) compare() (do Action, drift bool) {
	who, option := o.key.who, o.key.option
	switch {
	case o.want == nil && o.had == nil:
		return nil, !setByCeph(o.key)
	case o.want == nil && o.has == nil:
		return RecordConfig{Who: who, Option: option, Forget: true}, false
	case o.want == nil:
		return RemoveConfig{who, option}, false
	case o.has != nil && sameValue(*o.want, *o.has):
		if o.had == nil || *o.had != *o.want {
			return RecordConfig{Who: who, Option: option, Value: *o.want}, false
		}
		return nil, false
	case o.had == nil || *o.had != *o.want:
		return SetConfig{who, option, *o.want}, false
	}
	return nil, true
}

// setByCeph says that daemons set an option by themselves: nobody changed it by hand.
func setByCeph(key configKey) bool {
	for _, prefix := range []string{
		"mgr/",            // modules keep their state there
		"container_image", // an orchestrator's note
	} {
		if strings.HasPrefix(key.option, prefix) {
			return true
		}
	}
	// Each OSD measures its disk at its first start, and whenever it starts on another one. It speaks for itself only.
	return strings.HasPrefix(key.option, "osd_mclock_max_capacity_iops_") && strings.HasPrefix(key.who, "osd.")
}

// sameValue says that two texts are the same to Ceph, which rewrites what it is given: "4G" comes back as 4294967296,
// "yes" as true, "0.5" as 0.500000 and "1m" as 60.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	if boolA, ok := boolValue(a); ok {
		boolB, ok := boolValue(b)
		return ok && boolA == boolB
	}
	for _, x := range numberValues(a) {
		if slices.Contains(numberValues(b), x) {
			return true
		}
	}
	return false
}

// boolValue reads what Ceph takes for a boolean and writes as a word.
func boolValue(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// numberValues lists what a text may mean as a number: a suffix stands for powers of 1000 or of 1024, depending on the
// option, or for a time.
func numberValues(text string) []float64 {
	text = strings.TrimSpace(text)
	if value, err := strconv.ParseFloat(text, 64); err == nil {
		return []float64{value}
	}
	if d, err := time.ParseDuration(text); err == nil {
		return []float64{d.Seconds()}
	}
	unit := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' })
	if unit <= 0 {
		return nil
	}
	value, err := strconv.ParseFloat(text[:unit], 64)
	power := strings.Index("KMGTPE", strings.ToUpper(text[unit:unit+1])) + 1
	if err != nil || power == 0 || !slices.Contains([]string{"", "B", "I", "IB"}, strings.ToUpper(text[unit+1:])) {
		return nil
	}
	decimal, binary := value, value
	for range power {
		decimal, binary = decimal*1000, binary*1024
	}
	return []float64{decimal, binary}
}
