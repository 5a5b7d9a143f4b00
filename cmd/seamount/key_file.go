package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// maxKeyFile bounds what is read: a keyring with many users is smaller.
const maxKeyFile = 1 << 20

// readKeyFile reads the user's key from a file, or from stdin if it is "-".
func readKeyFile(path, entity string, stdin io.Reader) (ceph.Secret, error) {
	if path == "-" {
		return parseKeyFile(stdin, entity)
	}
	f, err := os.Open(path)
	if err != nil {
		return ceph.Secret{}, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	key, err := parseKeyFile(f, entity)
	if err != nil {
		return ceph.Secret{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// parseKeyFile takes a bare key, as Kubernetes mounts one, or a keyring. No
// error tells what the file holds.
func parseKeyFile(r io.Reader, entity string) (ceph.Secret, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeyFile))
	if err != nil {
		return ceph.Secret{}, err
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return ceph.Secret{}, fmt.Errorf("it is empty")
	}
	if !strings.Contains(text, "[") {
		return ceph.NewSecret(text), nil
	}
	key, ok := findInKeyring(text, entity)
	if !ok {
		return ceph.Secret{}, fmt.Errorf("the keyring has no key of %s", entity)
	}
	return ceph.NewSecret(key), nil
}

// findInKeyring returns the key of the section named like the user.
func findInKeyring(text, entity string) (string, bool) {
	lines := bufio.NewScanner(strings.NewReader(text))
	inside := false
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			inside = strings.Trim(line, "[] \t") == entity
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if inside && found && strings.TrimSpace(name) == "key" {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
