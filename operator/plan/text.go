package plan

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxMessage is how long a message may be, in the schema of every kind.
const maxMessage = 1024

// cut shortens a text to what a message may hold.
func cut(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	const mark = "..."
	end := maxMessage - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// count writes a number with its noun: "1 disk", "2 disks".
func count[N int | int32 | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// verb returns the form that goes with a number: "1 disk waits", "2 disks wait".
func verb[N int | int32 | int64](n N, singular, plural string) string {
	if n == 1 {
		return singular
	}
	return plural
}

// shown is how many names a message lists before it only counts.
const shown = 5

// some joins the first names of a list, and counts the rest.
func some(names []string) string {
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// binarySize writes bytes as sizes are written in a spec, with at most three digits: 7.3Ti.
func binarySize(bytes int64) string {
	return scaled(bytes, 1024, []string{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"})
}

// decimalSize writes bytes as manufacturers do: 16 TB.
func decimalSize(bytes int64) string {
	return scaled(bytes, 1000, []string{" B", " kB", " MB", " GB", " TB", " PB", " EB"})
}

func scaled(bytes int64, base float64, units []string) string {
	value, unit := float64(bytes), 0
	for value >= base && unit < len(units)-1 {
		value, unit = value/base, unit+1
	}
	text := strconv.FormatFloat(value, 'f', 1, 64)
	if value >= 100 || unit == 0 {
		text = strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strings.TrimSuffix(text, ".0") + units[unit]
}
