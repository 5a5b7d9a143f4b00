package ceph

import "fmt"

const redacted = "[redacted]"

// Secret is a cephx key. Every formatter and encoder prints "[redacted]": only
// Reveal returns the key, so that each place that uses one can be found.
type Secret struct{ key string }

// NewSecret wraps a key in cephx's base64 form.
func NewSecret(key string) Secret { return Secret{key: key} }

// Reveal returns the key itself.
func (s Secret) Reveal() string { return s.key }

// IsZero tells whether there is no key.
func (s Secret) IsZero() bool { return s.key == "" }

// Equal compares two keys. It lets go-cmp compare values that hold secrets.
func (s Secret) Equal(o Secret) bool { return s.key == o.key }

// Format prints "[redacted]" whatever the verb, %#v and %q included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText makes JSON, YAML and slog print "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
