package pki

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"time"
)

// validity is long because nothing renews the certificates of a running cluster.
const validity = 10 * 365 * 24 * time.Hour

// skew is how far in the past certificates begin to be valid, for clocks that
// are set back.
const skew = time.Hour

// authority issues certificates into one directory.
type authority struct {
	*pair
	dir string
	now time.Time
}

// subject is what a certificate is for.
type subject struct {
	file         string
	name         string
	organization string
	server       bool
	dns          []string
	ips          []netip.Addr
}

// newAuthority loads the CA called file from dir, or makes it.
func newAuthority(dir, file, name string, now time.Time) (*authority, error) {
	base := filepath.Join(dir, file)
	if p, err := load(base); err == nil && p.issuedBy(p, now) {
		return &authority{pair: p, dir: dir, now: now}, nil
	}
	template, err := newTemplate(name, now)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	p, err := newPair(template, nil)
	if err != nil {
		return nil, err
	}
	return &authority{pair: p, dir: dir, now: now}, p.save(base)
}

func newTemplate(name string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("generate serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-skew).UTC(),
		NotAfter:     now.Add(validity).UTC(),
	}, nil
}

// issue makes the certificate of s, unless there is a good one.
func (a *authority) issue(s subject) (*pair, error) {
	base := filepath.Join(a.dir, s.file)
	if p, err := load(base); err == nil && p.issuedBy(a.pair, a.now) && s.matches(p.cert) {
		return p, nil
	}
	template, err := newTemplate(s.name, a.now)
	if err != nil {
		return nil, err
	}
	if s.organization != "" {
		template.Subject.Organization = []string{s.organization}
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if s.server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	template.DNSNames = s.dns
	for _, ip := range s.ips {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	}
	p, err := newPair(template, a.pair)
	if err != nil {
		return nil, err
	}
	return p, p.save(base)
}

func (s subject) matches(cert *x509.Certificate) bool {
	hasIP := func(ip netip.Addr) bool {
		return slices.ContainsFunc(cert.IPAddresses, func(have net.IP) bool { return have.Equal(ip.AsSlice()) })
	}
	for _, ip := range s.ips {
		if !hasIP(ip) {
			return false
		}
	}
	return cert.Subject.CommonName == s.name && slices.Equal(cert.DNSNames, s.dns)
}
