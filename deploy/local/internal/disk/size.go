package disk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of a disk's size. A smaller disk is a slip of the pen: no OSD fits.
const (
	MinBytes = 64 << 20
	MaxBytes = 16 << 40 // the largest file of ext4
)

// ParseSize reads the size of a disk as a person writes it: a whole number with
// one of the units M, G, T (powers of 1024, as Mi, Gi, Ti and MiB, GiB, TiB are).
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "KMGTkmgtiBb")
	shift, ok := units[strings.ToUpper(text[len(digits):])]
	number, err := strconv.ParseUint(digits, 10, 63)
	if !ok || err != nil {
		return 0, fmt.Errorf("disk size %q is not a size: write a whole number and a unit, for example 10G or 512M", text)
	}
	if number > math.MaxInt64>>shift || int64(number)<<shift > MaxBytes {
		return 0, fmt.Errorf("disk size %q is too large: the most is %s", text, FormatSize(MaxBytes))
	}
	if bytes := int64(number) << shift; bytes >= MinBytes {
		return bytes, nil
	}
	return 0, fmt.Errorf("disk size %q is too small: the least is %s", text, FormatSize(MinBytes))
}

var units = map[string]uint{
	"M": 20, "MI": 20, "MIB": 20,
	"G": 30, "GI": 30, "GIB": 30,
	"T": 40, "TI": 40, "TIB": 40,
}

// FormatSize writes a size so that ParseSize reads it back, in the largest unit
// that needs no fraction.
func FormatSize(bytes int64) string {
	for _, u := range []struct {
		name  string
		shift uint
	}{{"T", 40}, {"G", 30}, {"M", 20}} {
		if unit := int64(1) << u.shift; bytes >= unit && bytes%unit == 0 {
			return strconv.FormatInt(bytes>>u.shift, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + " bytes"
}
