// Package nodekey lets the controller hand a key of Ceph to one node alone. The agent of a node has a key pair, whose
// public half is part of the node's CSI identifier; kubelet writes that into the node's own CSINode object, which no
// other node may. What is sealed to it can lie where everybody reads. The package never stores or logs a key of Ceph.
package nodekey

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ID is a node's identifier in CSI.
type ID struct {
	Node   string
	public *ecdh.PublicKey
}

// maxIDLength is that of a node identifier in the CSI specification.
const maxIDLength = 256

// String returns the name and the public key.
func (id ID) String() string {
	return id.Node + "/" + base64.RawURLEncoding.EncodeToString(id.public.Bytes())
}

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	node, encoded, found := strings.Cut(s, "/")
	if !found || node == "" {
		return ID{}, fmt.Errorf("%q is not a node of this driver, which looks like name/key", s)
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return ID{}, fmt.Errorf("the key of node %s: %w", node, err)
	}
	public, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return ID{}, fmt.Errorf("the key of node %s: %w", node, err)
	}
	return ID{node, public}, nil
}

// Key is a node's private key.
type Key struct{ private *ecdh.PrivateKey }

// Generate makes a key.
func Generate() (Key, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	return Key{private}, err
}

// ParseKey reads what Bytes returned.
func ParseKey(raw []byte) (Key, error) {
	private, err := ecdh.X25519().NewPrivateKey(raw)
	return Key{private}, err
}

// Bytes is the key, for the node's disk.
func (k Key) Bytes() []byte { return k.private.Bytes() }

// ID of the node with this key.
func (k Key) ID(node string) (ID, error) {
	id := ID{node, k.private.PublicKey()}
	if len(id.String()) > maxIDLength {
		return ID{}, fmt.Errorf("the node's name %s is too long: with its key CSI carries %d bytes", node, maxIDLength)
	}
	return id, nil
}

// purpose of what is sealed: another use of the key would have another.
const purpose = "seamount.dev cephx key of "

// Seal encrypts the key of an entity for a node.
func Seal(id ID, entity, key string) ([]byte, error) {
	public, err := hpke.NewDHKEMPublicKey(id.public)
	if err != nil {
		return nil, err
	}
	return hpke.Seal(public, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(purpose+entity), []byte(key))
}

// ErrSealed says that a key was sealed for another node, or for this one's former key.
var ErrSealed = errors.New("the key was sealed for another node or for a former key of this one: detach the volume and attach it again")

// Open decrypts what Seal returned.
func (k Key) Open(entity string, sealed []byte) (string, error) {
	private, err := hpke.NewDHKEMPrivateKey(k.private)
	if err != nil {
		return "", err
	}
	key, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(purpose+entity), sealed)
	if err != nil {
		return "", fmt.Errorf("open the key of %s: %w: %w", entity, ErrSealed, err)
	}
	return string(key), nil
}
