package command

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seamount-dev/seamount/ceph"
)

// Service is the kind of daemon that a command is for.
type Service string

// The services that take commands: over a librados session, and those of metadata servers over one of libcephfs.
const (
	ServiceMon Service = "mon"
	ServiceMgr Service = "mgr"
	ServiceOSD Service = "osd"
	ServiceMDS Service = "mds"
)

// Target is who gets a command: any mon of the quorum, the active mgr, one OSD, or the holder of a rank.
type Target struct {
	Service Service
	ID      int    // of the OSD; 0 otherwise
	Rank    string // of the MDS, as filesystem:rank; empty otherwise
}

// Mon is any mon of the quorum.
func Mon() Target { return Target{Service: ServiceMon} }

// Mgr is the active mgr.
func Mgr() Target { return Target{Service: ServiceMgr} }

// OSD is one OSD daemon.
func OSD(id int) Target { return Target{Service: ServiceOSD, ID: id} }

// MDS is the metadata server that holds a rank.
func MDS(rank ceph.RankRef) Target { return Target{Service: ServiceMDS, Rank: rank.String()} }

// String returns mon, mgr, osd.<id> or mds.<filesystem>:<rank>.
func (t Target) String() string {
	if t.Service == ServiceMDS {
		return "mds." + t.Rank
	}
	if t.Service == ServiceOSD {
		return "osd." + strconv.Itoa(t.ID)
	}
	return string(t.Service)
}

// Args are a command's arguments without prefix and format: strings, bools,
// integers, floats, and lists of strings.
type Args map[string]any

// Request is one command.
type Request struct {
	Op      string // the command's prefix, such as "osd purge"; names it in errors
	Target  Target // who gets it
	Subject string // what it acts on, such as "osd.3" or a pool's name; names it in errors. May be empty.
	Args    Args
	// Plain asks for no JSON: for commands whose answer is not text, such as "mon getmap".
	Plain bool
	// Keyed says that the answer may hold keys: no error quotes from it.
	Keyed bool
	// Input goes along as the command's input buffer (the CLI's -i). It may hold a key and is never printed.
	Input []byte
}

// Encode returns the command as the JSON that a daemon takes. Arguments that
// Ceph's own JSON reader would garble are ErrInvalid.
func (r Request) Encode() ([]byte, error) {
	m := make(map[string]any, len(r.Args)+2)
	for k, v := range r.Args {
		if !safeArgument(v) {
			return nil, r.invalid("argument " + k + " has characters that Ceph cannot read")
		}
		m[k] = wireValue(v)
	}
	m["prefix"] = r.Op
	if !r.Plain {
		m["format"] = "json"
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, r.invalid("arguments cannot be encoded: " + err.Error())
	}
	return b, nil
}

// wireValue writes each float with a decimal point: a mon refuses "expire":600
// as "bad or missing field", because to its JSON reader that is an integer.
func wireValue(v any) any {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || math.Abs(f) >= 1e15 {
		return v
	}
	return json.RawMessage(strconv.FormatFloat(f, 'f', 1, 64))
}

// safeArgument tells whether a string survives the way through Ceph's JSON
// reader (json_spirit), which cuts each \uXXXX down to one byte. Go's encoder
// escapes control characters, U+2028, U+2029 and bytes that are no UTF-8.
func safeArgument(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v) && !strings.ContainsAny(v, "\x00\u2028\u2029")
	case []string:
		for _, s := range v {
			if !safeArgument(s) {
				return false
			}
		}
	}
	return true
}

// String returns the command and what it acts on, without arguments and input.
func (r Request) String() string {
	s := r.Target.String() + ": " + r.Op
	if r.Subject != "" {
		s += " " + r.Subject
	}
	if len(r.Input) > 0 {
		s += fmt.Sprintf(" (%d bytes of input)", len(r.Input))
	}
	return s
}

// Format prints String whatever the verb: the input may hold a key.
func (r Request) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue makes slog print String.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText makes encoders print String. Encode makes what a daemon takes.
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
