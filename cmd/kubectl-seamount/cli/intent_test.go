package cli

import (
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func TestIntent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line     string
		terminal bool
		reply    string
		want     int
		says     string
		intent   v1alpha1.OperationIntent
	}{
		"hold":                   {"hold " + operationName, false, "", exitOK, "intent is Hold", v1alpha1.IntentHold},
		"release":                {"hold " + operationName + " --release", false, "", exitOK, "intent is Proceed", v1alpha1.IntentProceed},
		"cancel, asked, and yes": {"cancel " + operationName, true, "yes\n", exitOK, "intent is Cancel", v1alpha1.IntentCancel},
		"cancel, asked, and no":  {"cancel " + operationName, true, "no\n", exitFailed, "not cancelled", v1alpha1.IntentProceed},
		"cancel, nobody to ask":  {"cancel " + operationName, false, "yes\n", exitUsage, "there is nobody to ask", v1alpha1.IntentProceed},
		"cancel, not asked":      {"cancel " + operationName + " --yes", false, "", exitOK, "intent is Cancel", v1alpha1.IntentCancel},
		"one that has ended":     {"hold drain-n1", false, "", exitFailed, "has come to its end: it is Cancelled", v1alpha1.IntentProceed},
		"one that is not there":  {"hold other", false, "", exitFailed, "there is no StorageOperation", v1alpha1.IntentProceed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
			w.app.In, w.app.InTerminal = strings.NewReader(tt.reply), tt.terminal
			if code := w.run(t, tt.line); code != tt.want {
				t.Errorf("exit code %d, want %d", code, tt.want)
			}
			if said := w.out.String() + w.err.String(); !strings.Contains(said, tt.says) {
				t.Errorf("it says %q, want %q", said, tt.says)
			}
			if o := stored(t, w); o.Spec.Intent != tt.intent || len(o.Spec.Disks) != 1 {
				t.Errorf("spec %+v, want intent %s", o.Spec, tt.intent)
			}
		})
	}
}

// A hold takes no approval back, and an approval no hold.
func TestIntentAndApprovalStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
	for _, line := range []string{
		"hold " + operationName, "approve " + operationName + " --yes --accept-risk RedundancyLoss", "hold " + operationName,
	} {
		if code := w.run(t, line); code != exitOK {
			t.Fatalf("%s: exit code %d: %s", line, code, &w.err)
		}
	}
	if o := stored(t, w); o.Spec.Intent != v1alpha1.IntentHold || o.Spec.Approval == nil || o.Spec.Approval.PlanID != "7f3a9c" {
		t.Errorf("spec %+v", o.Spec)
	}
}

// What stands in the way of a plan is shown with it.
func TestBlockersAreShown(t *testing.T) {
	t.Parallel()
	refused := replaceOSD2()
	refused.Status.State = v1alpha1.OperationRefused
	refused.Status.Plan.Blockers = []v1alpha1.Refusal{{Reason: "NoRoom", Message: "osd.31 would reach 92%, backfillfull is 90%", Remedy: "add disks"}}
	w := newWorld(t, interceptor.Funcs{}, refused)
	if code := w.run(t, "operations "+operationName); code != exitOK {
		t.Errorf("exit code %d: %s", code, &w.err)
	}
	for _, want := range []string{"in its way: NoRoom: osd.31 would reach 92%", "do: add disks", "data to move: 7.4 TB", "Refused"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &w.out)
		}
	}
}
