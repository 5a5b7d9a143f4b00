package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// Options describe a cluster before its first daemon runs. The zero value is a
// cluster of the newest release with three mons and two mgrs and no OSD.
type Options struct {
	Seed    uint64
	Release int // 16, 18 or 20 (0: 20)
	FSID    string

	Mons []string // names in the seed monmap (nil: a, b, c)
	Mgrs []string // names (nil: x, y)
	// Stopped leaves mons and mgrs for StartMon and StartMgr.
	Stopped bool
	// Keyring holds users that exist from the start. client.admin is always
	// there; put it here to choose its key.
	Keyring []ceph.Entity

	// ChooseLeaf is the failure domain of the first rule (empty: host).
	ChooseLeaf string
	// RecoveryRate is how fast one copy of a PG recovers, in bytes a second (0: 100 MiB).
	RecoveryRate int64
	// CloneRate is how fast a subvolume is cloned, in bytes a second (0: 100 MiB).
	CloneRate int64
	// Timeout is the default deadline of a client (0: 30 s). It is real time.
	Timeout time.Duration

	// Start is the time at the beginning (zero: 2026-01-01 UTC).
	Start time.Time
	// Now, if set, is the clock that virtual time follows; Advance adds to it.
	Now func() time.Time
}

type release struct {
	number  int
	name    string
	version string
}

var releases = map[int]release{
	16: {16, "pacific", "16.2.15"},
	18: {18, "reef", "18.2.7"},
	20: {20, "tentacle", "20.2.4"},
}

// releaseNames are the values of require_osd_release by number.
var releaseNames = map[int]string{
	14: "nautilus", 15: "octopus", 16: "pacific", 17: "quincy", 18: "reef", 19: "squid", 20: "tentacle",
}

func releaseNumber(name string) (int, bool) {
	for n, s := range releaseNames {
		if s == name {
			return n, true
		}
	}
	return 0, false
}

// majorOf reads the release number from a version such as 18.2.7.
func majorOf(version string) int {
	number, _, _ := strings.Cut(version, ".")
	major, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return major
}

const mebibyte = 1 << 20

func (o Options) withDefaults() (Options, error) {
	if o.Release == 0 {
		o.Release = 20
	}
	if _, ok := releases[o.Release]; !ok {
		return o, fmt.Errorf("release %d is not simulated: use 16, 18 or 20", o.Release)
	}
	if o.Mons == nil {
		o.Mons = []string{"a", "b", "c"}
	}
	if len(o.Mons) == 0 {
		return o, fmt.Errorf("the seed monmap is empty: name at least one mon")
	}
	if o.Mgrs == nil {
		o.Mgrs = []string{"x", "y"}
	}
	orDefault(&o.ChooseLeaf, "host")
	orDefault(&o.RecoveryRate, 100*mebibyte)
	orDefault(&o.CloneRate, 100*mebibyte)
	orDefault(&o.Timeout, 30*time.Second)
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return o, nil
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
