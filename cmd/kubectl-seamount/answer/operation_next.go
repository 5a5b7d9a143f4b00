package answer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// operationMessage is the first of the operation's own sentences that says what it waits for, or how far it is.
func operationMessage(o *v1alpha1.StorageOperation) string {
	have := o.Status.Conditions
	switch {
	case IsWhatIf(o):
		return askedOnly(o)
	case isTrue(have, v1alpha1.ConditionFailed):
		return message(have, v1alpha1.ConditionFailed)
	case o.Status.State == v1alpha1.OperationAwaitingApproval:
		return orElse(message(have, v1alpha1.ConditionApproved), awaiting(o))
	case o.Status.State == "":
		return orElse(message(have, v1alpha1.ConditionComplete), "the operator has not planned it yet")
	case isFalse(have, v1alpha1.ConditionSafe) && !Finished(o.Status.State):
		return message(have, v1alpha1.ConditionSafe)
	}
	return orElse(message(have, v1alpha1.ConditionComplete), messageOfTargets(o))
}

// askedOnly says what an operation is that nobody means to carry out.
func askedOnly(o *v1alpha1.StorageOperation) string {
	return fmt.Sprintf("kubectl seamount plan --what-if asks what %s would do; nobody carries it out, and if nobody waits for the answer it is left over", what(o))
}

// approvalOf says who approved the plan that there is; empty: nobody did.
func approvalOf(o *v1alpha1.StorageOperation) string {
	if !isTrue(o.Status.Conditions, v1alpha1.ConditionApproved) {
		return ""
	}
	said := orElse(message(o.Status.Conditions, v1alpha1.ConditionApproved), deref(o.Spec.Approval).Approver)
	return joinWords("; ", said, deref(o.Spec.Approval).Comment)
}

// messageOfTargets is what the first target says that says anything.
func messageOfTargets(o *v1alpha1.StorageOperation) string {
	for _, t := range o.Status.Targets {
		if t.Message != "" {
			return t.Message
		}
	}
	return ""
}

// stepOfTargets names the steps that targets are at, in the order of the plan.
func stepOfTargets(o *v1alpha1.StorageOperation) string {
	var steps []string
	if o.Status.State == v1alpha1.OperationSucceeded {
		return ""
	}
	for _, step := range deref(o.Status.Plan).Steps {
		at := func(t v1alpha1.OperationTarget) bool { return t.Step == step.Name }
		if slices.ContainsFunc(o.Status.Targets, at) {
			steps = append(steps, step.Name)
		}
	}
	return strings.Join(steps, ",")
}

// report is what an agent did to a disk, in words.
func report(r *v1alpha1.TargetReport) string {
	if r == nil {
		return ""
	}
	erased := Size(bytesOf(r.ErasedBytes))
	if erased != "" {
		erased += " erased"
	}
	return joinWords(": ", joinWords(", ", string(r.Result), erased), r.Message)
}

// waits are the conditions that keep an operation from going on, beyond what its message and its blockers say.
func waits(o *v1alpha1.StorageOperation) []Finding {
	if Finished(o.Status.State) || IsWhatIf(o) || len(deref(o.Status.Plan).Blockers) > 0 {
		return nil
	}
	var found []Finding
	said := operationMessage(o)
	for _, f := range findings(objectOfOperation(o), o.Status.Conditions) {
		known := f.Condition == v1alpha1.ConditionApproved || f.Condition == v1alpha1.ConditionSafe
		if known && f.Message != said && f.Reason != v1alpha1.ReasonNotObserved {
			found = append(found, f)
		}
	}
	return found
}

// next are the commands that make sense in the state of an operation, each with what it does.
func next(o *v1alpha1.StorageOperation) []string {
	follow, release := command("operations", o)+" --watch   # see how far it is", command("hold --release", o)+"   # let it go on"
	hold, cancel := command("hold", o)+"   # stop it between two steps", command("cancel", o)+"   # end it for good; what can be undone is undone"
	switch state := o.Status.State; {
	case IsWhatIf(o):
		return []string{deleteQuestion(o)}
	case Finished(state):
		return nil
	case o.Spec.Intent == v1alpha1.IntentCancel:
		return []string{follow}
	case state == v1alpha1.OperationAwaitingApproval:
		return []string{command("approve", o), cancel}
	case state == v1alpha1.OperationRefused:
		return []string{cancel}
	case o.Spec.Intent == v1alpha1.IntentHold:
		return append([]string{release}, ifCancellable(o, cancel)...)
	}
	return append([]string{follow, hold}, ifCancellable(o, cancel)...)
}

// ifCancellable returns a command while no target has come to a Final step: from there on there is no way back.
func ifCancellable(o *v1alpha1.StorageOperation, cancel string) []string {
	steps := deref(o.Status.Plan).Steps
	final := slices.IndexFunc(steps, func(s v1alpha1.OperationStep) bool { return s.Effect == v1alpha1.EffectFinal })
	for _, t := range o.Status.Targets {
		at := slices.IndexFunc(steps, func(s v1alpha1.OperationStep) bool { return s.Name == t.Step })
		if final >= 0 && at >= final || t.Report != nil {
			return nil
		}
	}
	return []string{cancel}
}

// command is a command of kubectl seamount on an operation; verb has its flags.
func command(verb string, o *v1alpha1.StorageOperation) string {
	if verb == "why" {
		return fmt.Sprintf("kubectl seamount why -n %s sop/%s", o.Namespace, o.Name)
	}
	return fmt.Sprintf("kubectl seamount %s -n %s %s", verb, o.Namespace, o.Name)
}

func deleteQuestion(o *v1alpha1.StorageOperation) string {
	return fmt.Sprintf("kubectl delete storageoperations.%s -n %s %s", v1alpha1.Group, o.Namespace, o.Name)
}
