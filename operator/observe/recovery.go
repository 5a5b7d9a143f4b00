package observe

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Recovery is what is under way to rebuild an identity that was lost.
type Recovery struct {
	plan.Recovery
	// Key of the mons, as a pod found it in the store of one; zero: none did yet.
	Key ceph.Secret
}

// Know holds what is stored to the fsid that the status tells, if it does. An identity of another fsid is damaged; where
// none is stored, the cluster still has the fsid on which the status and all reservations agree.
func (s *Stored) Know(fsid string) {
	defer s.chooseWipe()
	for _, r := range s.Reservations {
		if fsid = cmp.Or(fsid, r.FSID); r.FSID != fsid {
			return
		}
	}
	if s.KnownFSID = fsid; s.Identity != nil && fsid != "" && s.Identity.FSID != fsid {
		s.Identity, s.Damaged = nil, true
	}
}

func (s *Stored) readRecoverySecret(secret *corev1.Secret) {
	s.Recovery.Begun, s.Recovery.Key = true, manifest.RecoveredKey(secret)
	s.Recovery.KeyFound = !s.Recovery.Key.IsZero()
}

// readAttempts reads the pods that read stores.
func (s *Stored) readAttempts(cluster string, pods []corev1.Pod) {
	for i := range pods {
		pod := &pods[i]
		if pod.Labels[manifest.LabelComponent] != manifest.ComponentRecovery {
			continue
		}
		attempt := plan.RecoveryAttempt{Mon: manifest.RecoveryMonOf(cluster, pod), Begun: pod.CreationTimestamp.Time}
		attempt.Over = pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		refusal, trouble := whyNotRunning(pod)
		if attempt.Why = trouble; refusal != nil {
			attempt.Why = refusal.Reason + ": " + refusal.Message
		}
		s.Recovery.Attempts = append(s.Recovery.Attempts, attempt)
	}
	slices.SortFunc(s.Recovery.Attempts, func(a, b plan.RecoveryAttempt) int { return cmp.Compare(a.Mon, b.Mon) })
}
