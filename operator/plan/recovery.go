package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Recovery is what is under way to rebuild an identity that was lost.
type Recovery struct {
	// Begun says that the Secret is there that takes the key of the mons, and KeyFound that it has it.
	Begun, KeyFound bool
	// Attempts to read it from the store of a mon.
	Attempts []RecoveryAttempt
	// Trouble is why the key that was found does not bring the identity back; empty: not known.
	Trouble string
}

// RecoveryAttempt is a pod that reads the store of a mon.
type RecoveryAttempt struct {
	Mon   string
	Begun time.Time
	// Over says that the pod has ended, and Why it brought no key or does not run.
	Over bool
	Why  string
}

const (
	// attemptLimit is how long one store is tried before the next is tried too.
	attemptLimit = time.Minute
	// attemptAgain is how old an attempt is that is made again, when no other store is left.
	attemptAgain = 2 * time.Minute
)

// lost says why the identity has to be rebuilt; empty: it is stored, or there was none. That Ceph knows the cluster by
// another key than the one that is stored counts only once there was a quorum: before, nothing is to be rebuilt.
func (c *computation) lost() string {
	switch in := c.in; {
	case in.IdentityDamaged:
		return "the Secret with the identity of this cluster (fsid and keys) is damaged"
	case in.Identity == nil && (len(in.Traces) > 0 || in.KnownFSID != ""):
		return "the Secret with the identity of this cluster (fsid and keys) is gone"
	case in.Identity != nil && in.Ceph.Reach == ReachUnauthorized && in.Mons.QuorumRecorded:
		return "Ceph does not accept the key of client.admin that is stored"
	}
	return ""
}

// lostRefusal is why nothing else is done meanwhile.
func (c *computation) lostRefusal(why string) *v1alpha1.Refusal {
	traces := c.in.Traces
	if len(traces) == 0 {
		traces = []string{"status.fsid " + c.in.KnownFSID}
	}
	return &v1alpha1.Refusal{
		Reason: v1alpha1.ReasonAuthenticationFailed,
		Message: cut(fmt.Sprintf("%s, and %s show that the cluster exists; a new identity would make a second cluster on its disks; %s",
			why, some(traces), c.recoveryText())),
		Remedy: "put the Secret back from a backup, or bring the store of one mon back to its node; " +
			"if that cluster is not wanted any more, take out what is named here",
	}
}

// recoveryText says how far the rebuilding is.
func (c *computation) recoveryText() string {
	switch r := c.in.Recovery; {
	case c.in.KnownFSID == "":
		return "it cannot be rebuilt, because what is left does not agree on one fsid"
	case len(c.knownMons()) == 0:
		return "it cannot be rebuilt, because nothing says where the stores of its mons are"
	case r.KeyFound && r.Trouble != "":
		return "the key that the store of a mon has does not bring it back: " + r.Trouble
	case r.KeyFound:
		return "it is being rebuilt with the key that the store of a mon has"
	}
	var failed []string
	for _, attempt := range c.in.Recovery.Attempts {
		if attempt.Why != "" {
			failed = append(failed, "mon."+attempt.Mon+": "+attempt.Why)
		}
	}
	if len(failed) > 0 {
		return "it is to be rebuilt from the store of a mon, which failed so far: " + strings.Join(failed, "; ")
	}
	return "it is being rebuilt from the store of a mon"
}

// recovery rebuilds an identity that was lost: a pod reads the key of the mons from the store of one, and with that Ceph
// is asked for the rest.
func (c *computation) recovery() {
	why, r := c.lost(), c.in.Recovery
	switch {
	case why == "" && (r.Begun || len(r.Attempts) > 0):
		c.add(EndRecovery{}, "the identity of the cluster is stored")
	case why == "" || c.in.KnownFSID == "":
	case r.KeyFound:
		c.add(RebuildIdentity{}, why+"; the store of a mon has the key to ask Ceph for it", c.startMons()...)
	default:
		c.readStore(why)
	}
}

// knownMons are the mons that are recorded, or when the record is lost those that the status names. They were members:
// no store is ever made anew for them.
func (c *computation) knownMons() []handover.Mon {
	if len(c.in.Mons.Mons) > 0 || c.in.Previous == nil {
		return c.in.Mons.Mons
	}
	var mons []handover.Mon
	for _, mon := range c.in.Previous.Mons {
		if mon.Node != "" && mon.Address != "" {
			mons = append(mons, handover.Mon{Name: mon.Name, Node: mon.Node, Address: mon.Address, State: handover.MonMember})
		}
	}
	return mons
}

// readStore tries one store after the other, and then begins with the one that was tried first. A node that is not ready
// has to wait.
func (c *computation) readStore(why string) {
	var again *handover.Mon
	var oldest time.Duration
	for _, mon := range c.knownMons() {
		node := c.nodes[mon.Node]
		if node == nil || !node.Ready {
			continue
		}
		attempt := c.attempt(mon.Name)
		if attempt == nil {
			c.add(ReadMonKey{Mon: mon, Hostname: node.hostname()}, why)
			return
		}
		age := c.in.Now.Sub(attempt.Begun)
		switch {
		case !attempt.Over && age < attemptLimit:
			c.wake(attemptLimit - age)
			return
		case age < attemptAgain:
			c.wake(attemptAgain - age)
		case age > oldest:
			again, oldest = &mon, age
		}
	}
	if again != nil {
		c.add(ReadMonKey{Mon: *again, Hostname: c.nodes[again.Node].hostname(), Again: true}, why)
	}
}

func (n *Node) hostname() string {
	if n.Hostname != "" {
		return n.Hostname
	}
	return n.Name
}

func (c *computation) attempt(mon string) *RecoveryAttempt {
	i := slices.IndexFunc(c.in.Recovery.Attempts, func(a RecoveryAttempt) bool { return a.Mon == mon })
	if i < 0 {
		return nil
	}
	return &c.in.Recovery.Attempts[i]
}

// startMons lets the mons run that Ceph is asked by: those of a cluster that was deleted and applied again do not. What
// their pods mount must be there; it is read by none that has a store.
func (c *computation) startMons() []Action {
	var steps []Action
	if c.in.Identity != nil {
		return nil // they run: they have refused the key
	}
	for _, mon := range c.in.Mons.Mons {
		id := DaemonID{DaemonMon, mon.Name}
		if mon.State != handover.MonMember || c.deployed[id] != nil {
			continue
		}
		if seed := (WriteSeed{}); c.in.Seed == nil && len(steps) == 0 {
			c.add(seed, "the pods of the mons mount it")
			steps = append(steps, seed)
		}
		d := c.daemon(id, mon.Node, c.in.Spec.Mon.Placement.Tolerations, c.in.Spec.Mon.Resources)
		d.Address = mon.Address
		c.add(ApplyDaemon{Daemon: d}, "Ceph is asked for its keys", steps...)
		steps = append(steps, ApplyDaemon{Daemon: d})
	}
	return steps
}

// monsLost says that the record of the mons is gone although there were mons.
func (c *computation) monsLost() bool {
	return c.in.Identity != nil && len(c.in.Mons.Mons) == 0 && (c.in.Seed != nil || len(deref(c.in.Previous).Mons) > 0)
}

// monsRefusal is why nothing else is done until the record of the mons is back: what all daemons have of the mons would
// be taken from them.
func (c *computation) monsRefusal() *v1alpha1.Refusal {
	return &v1alpha1.Refusal{
		Reason:  v1alpha1.ReasonAuthenticationFailed,
		Message: "the ConfigMap with the record of the mons is gone; it is written again from the monmap as soon as the mons answer",
		Remedy:  "if they do not answer, put the ConfigMap back from a backup, or see why the mons do not run",
	}
}

// restoreMons writes the record of the mons again.
func (c *computation) restoreMons() {
	if mons := c.knownMons(); c.monsLost() && len(mons) > 0 {
		c.add(RestoreMons{mons}, "the record of the mons is gone")
		c.wake(attemptLimit)
	}
}
