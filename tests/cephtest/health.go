//go:build linux

package cephtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const pollInterval = 200 * time.Millisecond

// Tool makes a command of the release's command line tools (ceph, rados, rbd)
// that runs as client.admin.
func (c *Cluster) Tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	return c.release.command(ctx, c.dir, name, append([]string{"-c", c.inside("client.conf")}, args...)...)
}

// Ceph runs the ceph program as client.admin and returns what it prints: a
// second opinion, independent of the code under test.
func (c *Cluster) Ceph(ctx context.Context, args ...string) ([]byte, error) {
	out, err := output(c.Tool(ctx, "ceph", args...), "")
	if err != nil {
		return out, fmt.Errorf("ceph %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// status is what WaitHealthy reads of "ceph status".
type status struct {
	Health struct {
		Status string
		Checks map[string]struct {
			Summary struct{ Message string }
		}
	}
	Quorum []int `json:"quorum"`
	OSDMap struct {
		Up int `json:"num_up_osds"`
	} `json:"osdmap"`
	MgrMap struct {
		Available bool
	}
	PGMap struct {
		Pools  int `json:"num_pools"`
		States []struct {
			State string `json:"state_name"`
		} `json:"pgs_by_state"`
	}
	FSMap struct {
		Standby int `json:"up:standby"`
		Up      int `json:"up"`
	} `json:"fsmap"`
}

// WaitHealthy waits until the cluster is HEALTH_OK with every daemon that runs
// in its place and all PGs clean.
func (c *Cluster) WaitHealthy(ctx context.Context) error {
	return poll(ctx, func() error {
		out, err := c.Ceph(ctx, "status", "--format", "json", "--connect-timeout", "20")
		if err != nil {
			return err
		}
		var s status
		if err := json.Unmarshal(out, &s); err != nil {
			return fmt.Errorf("ceph status: %w", err)
		}
		return c.judge(s)
	})
}

// judge says what is missing yet.
func (c *Cluster) judge(s status) error {
	mons, osds, mds := c.runningOf("mon"), c.runningOf("osd"), c.runningOf("mds")
	switch {
	case len(s.Quorum) != mons:
		return fmt.Errorf("%d of %d mons in quorum", len(s.Quorum), mons)
	case !s.MgrMap.Available:
		return errors.New("no mgr is available")
	case s.OSDMap.Up != osds:
		return fmt.Errorf("%d of %d OSDs up", s.OSDMap.Up, osds)
	case s.FSMap.Standby+s.FSMap.Up != mds:
		return fmt.Errorf("%d of %d MDS serve or stand by", s.FSMap.Standby+s.FSMap.Up, mds)
	case osds > 0 && s.PGMap.Pools == 0:
		return errors.New("the mgr has not made its own pool yet")
	case s.Health.Status != "HEALTH_OK":
		return fmt.Errorf("%s: %v", s.Health.Status, s.Health.Checks)
	}
	for _, pgs := range s.PGMap.States {
		if pgs.State != "active+clean" {
			return fmt.Errorf("PGs are %s", pgs.State)
		}
	}
	return nil
}

func (c *Cluster) runningOf(kind string) int {
	n := 0
	for _, name := range c.Daemons() {
		if strings.HasPrefix(name, kind+".") && c.Pid(name) != 0 {
			n++
		}
	}
	return n
}

// oldKeyWarnings say that clients with keys of the old cipher may log in: they
// must here, since the librados of the tests may be older than the cluster.
var oldKeyWarnings = []string{"AUTH_INSECURE_CLIENT_KEY_TYPE", "AUTH_INSECURE_KEYS_ALLOWED", "AUTH_INSECURE_KEYS_CREATABLE"}

func (c *Cluster) muteOldKeys(ctx context.Context) error {
	if c.release.major < 20 {
		return nil
	}
	return poll(ctx, func() error {
		for _, code := range oldKeyWarnings {
			if _, err := c.Ceph(ctx, "health", "mute", code, "--sticky"); err != nil {
				return err
			}
		}
		return nil
	})
}

// poll tries until it succeeds or ctx ends; then it returns the last failure too. Between two tries it waits as long as one takes, for
// Ceph's command line takes a third of a second of a processor.
func poll(ctx context.Context, try func() error) error {
	var said error // what was missing last: at the end the try itself is cut off
	for {
		began := time.Now()
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil && said != nil {
			err = said
		}
		said = err
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w while waiting: %w", context.Cause(ctx), err)
		case <-time.After(min(max(time.Since(began), pollInterval), time.Second)):
		}
	}
}
