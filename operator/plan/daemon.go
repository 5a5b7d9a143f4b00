package plan

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// DaemonKind is the type of a daemon, as Ceph names it.
type DaemonKind string

// Types of daemons.
const (
	DaemonMon DaemonKind = "mon"
	DaemonMgr DaemonKind = "mgr"
	DaemonOSD DaemonKind = "osd"
)

// DaemonID names a daemon, such as mon.a or osd.12.
type DaemonID struct {
	Kind DaemonKind
	Name string
}

// String returns the name as Ceph writes it.
func (d DaemonID) String() string { return string(d.Kind) + "." + d.Name }

// Daemon is all that the pod of a daemon depends on.
type Daemon struct {
	ID DaemonID
	// Node that it runs on.
	Node string
	// Image of Ceph. While a new release is held it is the one that the daemon runs.
	Image       string
	Profile     v1alpha1.ResourceProfile
	Network     Network
	Tolerations []corev1.Toleration
	Resources   *corev1.ResourceRequirements // nil: after the profile
	// Address of a mon; empty: the one that Kubernetes gives its Service.
	Address string
	// Modules of a mgr, beyond those of the profile.
	Modules []string
	// OSD is set exactly for OSDs, and NodeMemory with it.
	OSD        *Reservation
	NodeMemory int64
}

// Template is a pod template, part by part: of each part its value, or a hash of it. It holds what a restart is
// decided by, and nothing else.
type Template map[string]string

// AnnotationTemplate holds a Deployment's Template as Encode writes it.
const AnnotationTemplate = "seamount.dev/template"

// TemplateOf reduces a pod template, as it was built, to its parts.
func TemplateOf(pod *corev1.PodTemplateSpec) Template { return Template{} }

// Encode returns the template as the value of an annotation.
func (t Template) Encode() string { return "" }

// DecodeTemplate reads what Encode wrote; nil when it is not legible.
func DecodeTemplate(value string) Template { return nil }

// RestartReason says why going from one template to another restarts the pod, in words; empty: it does not.
func RestartReason(from, to Template) string { return "" }
