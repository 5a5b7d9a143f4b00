package rados

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// endpoint is a host and a port where a mon should listen, to be dialled.
type endpoint string

// monPorts are the ports of a mon whose address names none: v2 and v1.
var monPorts = []string{"3300", "6789"}

// parseMonHosts finds the places to dial in mon_host's notation.
func parseMonHosts(hosts []string) ([]endpoint, error) {
	var endpoints []endpoint
	for _, h := range hosts {
		for _, part := range strings.FieldsFunc(h, isSeparator) {
			e, err := parseMonHost(part)
			if err != nil {
				return nil, fmt.Errorf("mon host %q: %w", part, err)
			}
			endpoints = append(endpoints, e...)
		}
	}
	if len(endpoints) == 0 {
		return nil, errors.New("no mon host is given")
	}
	return endpoints, nil
}

func isSeparator(r rune) bool { return strings.ContainsRune(",; \t\n", r) }

// parseMonHost takes one address. The brackets around all addresses of one mon
// may still stick to it, and look like those of an IPv6 address.
func parseMonHost(s string) ([]endpoint, error) {
	s, _, _ = strings.Cut(s, "/") // a nonce, as in 10.0.0.7:6789/0
	s = trimType(s)
	if strings.Count(s, "]") > strings.Count(s, "[") {
		s = strings.TrimSuffix(s, "]")
	}
	host, port, err := splitHostPort(s)
	if err != nil {
		return nil, err
	}
	if port != "" {
		return []endpoint{endpoint(net.JoinHostPort(host, port))}, nil
	}
	endpoints := make([]endpoint, len(monPorts))
	for i, p := range monPorts {
		endpoints[i] = endpoint(net.JoinHostPort(host, p))
	}
	return endpoints, nil
}

// trimType drops v1:, v2: or any:, and the bracket before it.
func trimType(s string) string {
	for _, t := range []string{"v1:", "v2:", "any:"} {
		if rest, ok := strings.CutPrefix(strings.TrimPrefix(s, "["), t); ok {
			return rest
		}
	}
	return s
}

// hostWords is what a name or an address may consist of.
var hostWords = regexp.MustCompile(`^[A-Za-z0-9._:%-]+$`)

func splitHostPort(s string) (host, port string, err error) {
	switch {
	case strings.HasPrefix(s, "["):
		host, port, _ = strings.Cut(s[1:], "]")
		if port != "" && !strings.HasPrefix(port, ":") {
			return "", "", errors.New("something follows the address")
		}
		port = strings.TrimPrefix(port, ":")
	case strings.Count(s, ":") > 1: // IPv6 without brackets has no port
		host = s
	default:
		host, port, _ = strings.Cut(s, ":")
	}
	if !hostWords.MatchString(host) {
		return "", "", errors.New("no host name or address")
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return "", "", fmt.Errorf("port %q is no number from 1 to 65535", port)
	}
	return host, port, nil
}
