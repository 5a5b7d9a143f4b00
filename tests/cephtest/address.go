//go:build linux

package cephtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

const addressTries = 64

// address is a loopback address that no other cluster of this network namespace uses.
type address struct {
	ip   string
	held net.Listener
}

// reserveAddress picks an address at random and holds it by an abstract unix
// socket: those are per network namespace like loopback itself, binding is
// atomic, and the kernel drops them with the process.
func reserveAddress() (*address, error) {
	var errs []error
	for range addressTries {
		a, err := tryAddress(fmt.Sprintf("127.%d.%d.%d", 100+rand.IntN(150), rand.IntN(256), 1+rand.IntN(254)))
		if err == nil {
			return a, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no free loopback address after %d tries: %w", addressTries, errors.Join(errs...))
}

func tryAddress(ip string) (*address, error) {
	held, err := net.Listen("unix", "@seamount-cephtest-"+ip)
	if err != nil {
		return nil, err
	}
	probe, err := net.Listen("tcp", net.JoinHostPort(ip, "3300"))
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	if err := probe.Close(); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return &address{ip: ip, held: held}, nil
}

func (a *address) release() error { return a.held.Close() }

// mon returns the two addresses of the i-th mon, as a monmap and mon_host take them.
func (a *address) mon(i int) string {
	return fmt.Sprintf("[v2:%s:%d,v1:%s:%d]", a.ip, monPortV2+i, a.ip, monPortV1+i)
}

const (
	monPortV2 = 3300
	monPortV1 = 6789
)
