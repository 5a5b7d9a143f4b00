package trial

import (
	"cmp"
	"fmt"
	"strings"
)

// Object is what a trial reads of the objects that it waits for and tells of.
type Object struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Generation      int64
	}
	Spec struct {
		Replicas   *int
		NodeName   string
		VolumeName string
	}
	Status struct {
		ObservedGeneration int64
		Phase              string
		Conditions         []condition
		Summary            struct{ Health, Version, OSDs, Layout, MDS string }
		Capacity           struct{ Storage string } // of a claim; other kinds have other fields there

		DesiredNumberScheduled, UpdatedNumberScheduled, NumberAvailable int
		UpdatedReplicas, AvailableReplicas                              int
		InitContainerStatuses, ContainerStatuses                        []containerStatus
	}
}

type condition struct {
	Type, Status, Reason, Message string
	ObservedGeneration            int64
}

type containerStatus struct {
	Name  string
	Ready bool
	State struct {
		Waiting    *struct{ Reason, Message string }
		Running    *struct{}
		Terminated *struct{ ExitCode int }
	}
}

func (o Object) condition(kind string) (condition, bool) {
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			return c, true
		}
	}
	return condition{}, false
}

// judge says whether an object is as it shall be, and in its own words what it is busy with.
type judge func(Object) (done bool, detail string)

// conditionReady is the judge of Seamount's own kinds.
func conditionReady(o Object) (bool, string) {
	ready, known := o.condition("Ready")
	switch {
	case !known || ready.ObservedGeneration < o.Metadata.Generation:
		return false, "the operator has not looked at it yet"
	default:
		return ready.Status == "True", cmp.Or(ready.Message, ready.Reason)
	}
}

// rolledOut is the judge of a Deployment or DaemonSet: every pod is of the present template, and available.
func rolledOut(o Object) (bool, string) {
	want, updated, available := 1, o.Status.UpdatedReplicas, o.Status.AvailableReplicas
	if o.Kind == "DaemonSet" {
		want, updated, available = o.Status.DesiredNumberScheduled, o.Status.UpdatedNumberScheduled, o.Status.NumberAvailable
	} else if o.Spec.Replicas != nil {
		want = *o.Spec.Replicas
	}
	detail := fmt.Sprintf("%s: %d of %d pods are available", o.Metadata.Name, min(updated, available), want)
	if o.Status.ObservedGeneration < o.Metadata.Generation {
		return false, detail
	}
	return updated >= want && available >= want && (want > 0 || o.Kind != "DaemonSet"), detail
}

// podReady is the judge of a pod.
func podReady(o Object) (bool, string) {
	if ready, _ := o.condition("Ready"); ready.Status == "True" {
		return true, "ready on " + o.Spec.NodeName
	}
	if scheduled, known := o.condition("PodScheduled"); known && scheduled.Status != "True" {
		return false, "not on a node yet: " + scheduled.Message
	}
	for _, c := range append(o.Status.InitContainerStatuses, o.Status.ContainerStatuses...) {
		if text := c.busy(); text != "" {
			return false, text
		}
	}
	return false, strings.ToLower(o.Status.Phase)
}

// busy is what a container that is not done is busy with.
func (c containerStatus) busy() string {
	switch {
	case c.Ready || c.State.Terminated != nil && c.State.Terminated.ExitCode == 0:
		return ""
	case c.State.Terminated != nil:
		return fmt.Sprintf("%s ended with exit code %d", c.Name, c.State.Terminated.ExitCode)
	case c.State.Waiting != nil:
		return strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message), ": ")
	default:
		return c.Name + " runs and is not ready yet"
	}
}
