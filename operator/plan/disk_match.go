package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// matchRules returns the first rule that takes a disk. With none it returns nil and the nearest miss in words: the rule
// with the fewest keys that do not hold, the first of several.
func matchRules(rules []Rule, disk *v1alpha1.StorageDisk, node *Node) (*Rule, string) {
	nearest, fewest := "storage.rules is empty", 0
	for i := range rules {
		missed := misses(&rules[i], disk, node)
		if len(missed) == 0 {
			return &rules[i], ""
		}
		if fewest == 0 || len(missed) < fewest {
			nearest, fewest = fmt.Sprintf("rule %s: %s", rules[i].Name, strings.Join(missed, "; ")), len(missed)
		}
	}
	return nil, nearest
}

// misses lists the keys of a rule that do not hold for a disk, in words. A node that is not known misses nothing: it is
// not known what labels it had.
func misses(rule *Rule, disk *v1alpha1.StorageDisk, node *Node) []string {
	hardware := deref(disk.Status.Hardware)
	var missed []string
	miss := func(text string) {
		if text != "" {
			missed = append(missed, text)
		}
	}
	miss(missNode(rule.NodeSelector, node))
	miss(missIDs(rule.Match.IDs, disk))
	miss(missOne("media", rule.Match.Media, hardware.Media))
	miss(missTransport(rule.Match.Transports, hardware.Transport))
	miss(missMinSize(rule.Match.MinSize, hardware.Size))
	miss(missMaxSize(rule.Match.MaxSize, hardware.Size))
	miss(missGlob("models", rule.Match.Models, hardware.Model))
	miss(missGlob("paths", rule.Match.Paths, deref(disk.Status.Device).Path))
	return missed
}

func missNode(selector map[string]string, node *Node) string {
	if node == nil || selects(selector, node.Labels) {
		return ""
	}
	return fmt.Sprintf("nodeSelector %s does not select node %s", selectorText(selector), node.Name)
}

// missIDs compares with all that a disk is called by.
func missIDs(ids []string, disk *v1alpha1.StorageDisk) string {
	names := []string{disk.Name, deref(disk.Status.Identity).Value, deref(disk.Status.Hardware).Serial}
	if ids == nil || slices.ContainsFunc(names, func(name string) bool { return name != "" && slices.Contains(ids, name) }) {
		return ""
	}
	return "ids does not name this disk"
}

func missOne[T ~string](key string, wanted []T, actual T) string {
	if wanted == nil || actual != "" && slices.Contains(wanted, actual) {
		return ""
	}
	return fmt.Sprintf("%s %s, this disk has %s", key, join(wanted), orUnknown(string(actual)))
}

// missTransport leaves out what may be somebody's stick or a file unless a rule names it.
func missTransport(wanted []v1alpha1.Transport, actual v1alpha1.Transport) string {
	if wanted != nil {
		return missOne("transports", wanted, actual)
	}
	switch actual {
	case v1alpha1.TransportLoop, v1alpha1.TransportUSB, v1alpha1.TransportMMC:
		return fmt.Sprintf("a disk with transport %s matches only a rule with transports: [%s]", actual, actual)
	}
	return ""
}

func missMinSize(wanted, actual *resource.Quantity) string {
	if wanted == nil || actual != nil && actual.Cmp(*wanted) >= 0 {
		return ""
	}
	return "minSize " + sizeMiss(wanted, actual)
}

func missMaxSize(wanted, actual *resource.Quantity) string {
	if wanted == nil || actual != nil && actual.Cmp(*wanted) <= 0 {
		return ""
	}
	return "maxSize " + sizeMiss(wanted, actual)
}

// sizeMiss writes the sizes rounded, and exactly where that would read as if they were the same.
func sizeMiss(wanted, actual *resource.Quantity) string {
	if actual == nil {
		return fmt.Sprintf("%s, the size of this disk is not known", wanted)
	}
	text := binarySize(actual.Value())
	if text == wanted.String() || text == binarySize(wanted.Value()) {
		text = fmt.Sprintf("%d bytes", actual.Value())
	}
	return fmt.Sprintf("%s, this disk has %s", wanted, text)
}

func missGlob(key string, patterns []string, actual string) string {
	if patterns == nil || actual != "" && slices.ContainsFunc(patterns, func(p string) bool { return glob(p, actual) }) {
		return ""
	}
	return fmt.Sprintf("%s %s, this disk has %s", key, some(patterns), orUnknown(actual))
}

// glob matches a pattern in which an asterisk stands for any characters, and nothing else is special.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

func orUnknown(text string) string {
	if text == "" {
		return "none that is known"
	}
	return text
}

func join[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// selectorText writes a node selector as kubectl takes it.
func selectorText(selector map[string]string) string {
	pairs := make([]string, 0, len(selector))
	for key, value := range selector {
		pairs = append(pairs, key+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}
