package command

import (
	"fmt"
	"time"
)

// cephStamp is a time as mons print it: 2026-01-31T10:00:00.123456+0000. Ceph's
// unset time is printed as 0.000000 and becomes Go's zero time.
type cephStamp time.Time

func (s *cephStamp) UnmarshalText(b []byte) error {
	if string(b) == "0.000000" {
		*s = cephStamp{}
		return nil
	}
	t, err := time.Parse("2006-01-02T15:04:05.999999999Z0700", string(b))
	if err != nil {
		return fmt.Errorf("no time: %q", b)
	}
	*s = cephStamp(t.UTC())
	return nil
}

// volumeStamp is a time as the volumes module prints it, such as
// 2026-01-31 10:00:00 or 2026-01-31 10:00:00.123456: the mgr's local time without its zone. It is read as UTC,
// which is what a mgr in a container has.
type volumeStamp time.Time

func (s *volumeStamp) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateTime, string(b))
	if err != nil {
		return fmt.Errorf("no time: %q", b)
	}
	*s = volumeStamp(t)
	return nil
}
