package ceph

import "strings"

// MetadataTrouble says why a subvolume cannot have this in its metadata, so that it is read as it was written; empty: it can.
// Ceph keeps it in a file as Python's configparser writes it: keys become lower case, a percent sign refers to another key,
// and space at either end is lost.
func MetadataTrouble(key, value string) string {
	switch {
	case key == "" || key != strings.ToLower(key) || strings.ContainsAny(key, "%:= [];#"):
		return "a key is small letters, digits and _ . - /"
	case !printable(key) || !printable(value):
		return "keys and values are printable characters of ASCII"
	case strings.Contains(value, "%"):
		return "a value has no percent sign"
	case value != strings.TrimSpace(value) || value == "":
		return "a value is not empty, and neither begins nor ends with a space"
	}
	return ""
}

func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
