package sim

import (
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// permission is a set of cephx's r, w and x.
type permission uint8

const (
	read permission = 1 << iota
	write
	execute
	everything = read | write | execute
)

// grant is one clause of a capability string.
type grant struct {
	may    permission
	pool   string // empty: any
	method string // empty: any; else the only call it is for
	prefix string // of the commands it is for, as Ceph names them; empty: any
}

// capabilities are a user's grants by service.
type capabilities map[string][]grant

// profiles are what Ceph's named profiles come down to for the calls of ceph.Client.
var profiles = map[string]map[string][]grant{
	"mon": {
		"rbd":                 {{may: read}, {may: everything, method: "AddBlocklist"}},
		"rbd-read-only":       {{may: read}},
		"fs-client":           {{may: read}},
		"simple-rados-client": {{may: read}, {may: everything, method: "AddBlocklist"}},
		"bootstrap-osd":       {{may: everything, method: "NewOSD"}},
		"osd":                 {{may: read}},
		"mds":                 {{may: read}},
		"crash":               {{may: read}},
		"mgr":                 {{may: everything}},
		"read-only":           {{may: read}},
		"read-write":          {{may: read | write}},
		"role-definer":        {{may: read | execute}},
	},
	"mgr": {
		"rbd":           {{may: read}},
		"rbd-read-only": {{may: read}},
		"crash":         {},
		"read-only":     {{may: read}},
		"read-write":    {{may: read | write}},
	},
	"osd": {
		"rbd":           {{may: everything}},
		"rbd-read-only": {{may: read | execute}},
		"osd":           {{may: everything}},
		"read-only":     {{may: read}},
		"read-write":    {{may: read | write}},
	},
}

func parseCaps(caps ceph.Caps) capabilities {
	parsed := capabilities{}
	for service, text := range caps {
		clauses := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' })
		for _, clause := range clauses {
			parsed[service] = append(parsed[service], parseClause(service, strings.Fields(clause))...)
		}
	}
	return parsed
}

// parseClause reads "allow rwx pool=a", "allow *", "allow profile rbd" or "profile rbd pool=a".
func parseClause(service string, words []string) []grant {
	if len(words) > 0 && words[0] == "allow" {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	switch {
	case words[0] == "service" && len(words) > 2:
		return []grant{{may: parsePermission(words[2])}}
	case words[0] == "module" && len(words) > 2:
		return []grant{{may: parsePermission(words[2]), prefix: modules[words[1]]}}
	case words[0] == "command":
		return commands[commandOf(words[1:])]
	}
	pool := poolOfClause(words)
	if words[0] != "profile" {
		return []grant{{may: parsePermission(words[0]), pool: pool}}
	}
	if len(words) < 2 {
		return nil
	}
	var grants []grant
	for _, g := range profiles[service][words[1]] {
		g.pool = pool
		grants = append(grants, g)
	}
	return grants
}

// commands are those that can be granted by their name, with the call of ceph.Client that sends them.
var commands = map[string][]grant{
	"osd blocklist": {{may: everything, method: "AddBlocklist"}},
}

// modules are those of the mgr that can be granted, with what the names of their commands begin with.
var modules = map[string]string{"volumes": "fs ", "rbd_support": "rbd "}

// commandOf reads the quoted name of a command.
func commandOf(words []string) string {
	_, name, _ := strings.Cut(strings.Join(words, " "), `"`)
	name, _, _ = strings.Cut(name, `"`)
	return name
}

func poolOfClause(words []string) string {
	for _, w := range words {
		if pool, ok := strings.CutPrefix(w, "pool="); ok {
			return pool
		}
	}
	return ""
}

func parsePermission(word string) permission {
	if word == "*" || word == "all" {
		return everything
	}
	var may permission
	for _, r := range word {
		switch r {
		case 'r':
			may |= read
		case 'w':
			may |= write
		case 'x':
			may |= execute
		default:
			return 0
		}
	}
	return may
}

// validCaps tells whether Ceph would take the string. For metadata servers, "allow" alone is everything, as it was once.
func validCaps(service, text string) bool {
	if service == "mds" && text == "allow" {
		return true
	}
	for _, clause := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' }) {
		words := strings.Fields(clause)
		if len(words) == 0 || words[0] != "allow" && words[0] != "profile" || len(words) < 2 {
			return false
		}
	}
	return true
}

// allow tells whether a session may make the call. Every call asks the mon, if
// only for its maps.
func (caps capabilities) allow(cl call) bool {
	switch cl.via {
	case viaMgr:
		return caps.has("mon", read, cl) && caps.has("mgr", cl.need, cl)
	case viaOSD:
		return caps.has("mon", read, cl) && caps.has("osd", cl.need, cl)
	case viaMDS:
		return caps.has("mon", read, cl) && caps.has("mds", cl.need, cl)
	default:
		return caps.has("mon", cl.need, cl)
	}
}

// has adds up what the grants that fit the call allow.
func (caps capabilities) has(service string, need permission, cl call) bool {
	var may permission
	for _, g := range caps[service] {
		if (g.pool == "" || g.pool == cl.pool) && (g.method == "" || g.method == cl.method) &&
			strings.HasPrefix(cl.op, g.prefix) {
			may |= g.may
		}
	}
	return may&need == need
}
