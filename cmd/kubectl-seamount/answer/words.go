package answer

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// count writes a number with its noun: "1 disk", "2 disks".
func count[N int | int32](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Size writes bytes as manufacturers of disks do, such as 16 TB. Nothing is known of 0 bytes.
func Size(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	units := []string{" B", " kB", " MB", " GB", " TB", " PB", " EB"}
	value, unit := float64(bytes), 0
	for value >= 1000 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	text := strconv.FormatFloat(value, 'f', 1, 64)
	if value >= 100 || unit == 0 {
		text = strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strings.TrimSuffix(text, ".0") + units[unit]
}

// Count writes a number; nil: it is not known.
func Count(n *int32) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(int(*n))
}

// Percent writes a share; nil: it is not known.
func Percent(p *int32) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d%%", *p)
}

func bytesOf(q *resource.Quantity) int64 {
	if q == nil {
		return 0
	}
	return q.Value()
}

// Seconds writes a time to come, such as 1h8m.
func Seconds(s *int32) string {
	switch {
	case s == nil:
		return ""
	case *s < 60:
		return fmt.Sprintf("%ds", *s)
	case *s < 3600:
		return fmt.Sprintf("%dm", *s/60)
	case *s < 48*3600 && *s%3600 < 60:
		return fmt.Sprintf("%dh", *s/3600)
	case *s < 48*3600:
		return fmt.Sprintf("%dh%dm", *s/3600, *s%3600/60)
	}
	return fmt.Sprintf("%dd", *s/86400)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// orElse returns the first text that is not empty.
func orElse(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// joinWords puts texts that are not empty in a row.
func joinWords(separator string, texts ...string) string {
	var said []string
	for _, text := range texts {
		if text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, separator)
}

// enums writes values of an enumeration as words.
func enums[T ~string](values []T) []string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, string(v))
	}
	return words
}

// numbers writes 12,13 for the OSDs 12 and 13.
func numbers(ids []int32) string {
	words := make([]string, 0, len(ids))
	for _, id := range ids {
		words = append(words, strconv.Itoa(int(id)))
	}
	return strings.Join(words, ",")
}
