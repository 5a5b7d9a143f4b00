package verdict

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Condition is a condition of a disk, but for the time of its last change.
type Condition struct {
	Status          metav1.ConditionStatus
	Reason, Message string
}

// usable says the verdict as a condition.
func usable(j Judgement, d disk.Disk) Condition {
	if len(j.Reasons) == 0 {
		return Condition{metav1.ConditionTrue, v1alpha1.ReasonEmpty, emptyMessage(d)}
	}
	status := metav1.ConditionFalse
	if j.Result == v1alpha1.VerdictUnknown {
		status = metav1.ConditionUnknown
	}
	first := j.Reasons[0]
	message := first.Message
	if first.Remedy != "" {
		message += "; " + first.Remedy
	}
	return Condition{status, first.Reason, message}
}

// wornOut is the estimate of used endurance, in percent, at which flash has had the life that it was made for.
const wornOut = 100

// toleratedIOErrors is how many failed commands the kernel may have counted of a healthy device: it counts those that the
// device does not know as well, which drivers and monitors send when they probe what it can.
const toleratedIOErrors = 100

// healthy says what the device reports of itself. A device that reports nothing is not healthy: nothing is known.
func healthy(h disk.Health) Condition {
	bad := func(reason, message string) Condition { return Condition{metav1.ConditionFalse, reason, message} }
	switch {
	case h.Reported && h.Failing:
		return bad(v1alpha1.ReasonSMARTFailing, failingMessage(h))
	case h.Reported && h.MediaErrors > 0:
		return bad(v1alpha1.ReasonMediaErrors, mediaErrorsMessage(h))
	case h.Reported && h.PercentUsed >= wornOut:
		return bad(v1alpha1.ReasonWearOut, wearOutMessage(h))
	case h.IOErrors > toleratedIOErrors:
		return bad(v1alpha1.ReasonIOErrors, ioErrorsMessage(h))
	case !h.Reported:
		return Condition{metav1.ConditionUnknown, v1alpha1.ReasonNotReported, notReportedMessage}
	}
	return Condition{metav1.ConditionTrue, v1alpha1.ReasonNoErrors, noErrorsMessage(h)}
}

// roundDown keeps the first digit of a count, so that a counter that moves does not change a message each time.
func roundDown(n uint64) uint64 {
	unit := uint64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return n / unit * unit
}
