package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	DaemonMDS DaemonKind = "mds"
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
	// Node that it runs on, and Hostname of that node (its label kubernetes.io/hostname).
	Node, Hostname string
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
	// Filesystem of an MDS.
	Filesystem string
	// OSD is set exactly for OSDs, and with it NodeMemory and NodeOSDs, which is how many OSDs share that.
	OSD        *Reservation
	NodeMemory int64
	NodeOSDs   int
}

// Template is a pod template, part by part: of each part its value, or a hash of it. It holds what a restart is
// decided by, and nothing else.
type Template map[string]string

// AnnotationTemplate holds a Deployment's Template as Encode writes it.
const AnnotationTemplate = "seamount.dev/template"

// The parts of a Template whose values are kept as they are, so that a change can be told.
const (
	partImage     = "image"
	partResources = "resources"
	partNode      = "node"
)

// TemplateOf reduces a pod template, as it was built, to its parts. Labels and annotations are no part of it: they can
// be changed without a restart, and a pod that lacks one does its work.
func TemplateOf(pod *corev1.PodTemplateSpec) Template {
	spec := pod.Spec.DeepCopy()
	t := Template{partNode: selectorText(spec.NodeSelector)}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			t.takeContainer(&list[i], i == 0 && &list[0] == firstOf(spec.Containers))
		}
	}
	t["volumes"], t["tolerations"] = hashOf(spec.Volumes), hashOf(spec.Tolerations)
	spec.NodeSelector, spec.Volumes, spec.Tolerations = nil, nil, nil
	t["pod"] = hashOf(spec)
	return t
}

func firstOf(containers []corev1.Container) *corev1.Container {
	if len(containers) == 0 {
		return nil
	}
	return &containers[0]
}

// takeContainer moves the parts of a container into the template, and leaves the rest.
func (t Template) takeContainer(container *corev1.Container, main bool) {
	prefix := ""
	if !main {
		prefix = container.Name + " "
	}
	t[prefix+partImage] = container.Image
	t[prefix+partResources] = resourcesText(container.Resources)
	t[prefix+"command"] = hashOf([]any{container.Command, container.Args})
	t[prefix+"environment"] = hashOf([]any{container.Env, container.EnvFrom})
	container.Image, container.Resources = "", corev1.ResourceRequirements{}
	container.Command, container.Args, container.Env, container.EnvFrom = nil, nil, nil, nil
}

// resourcesText writes resources in one line, such as "memory 2Gi-4Gi, cpu 1-".
func resourcesText(r corev1.ResourceRequirements) string {
	names := map[corev1.ResourceName]bool{}
	for _, list := range []corev1.ResourceList{r.Requests, r.Limits} {
		for name := range list {
			names[name] = true
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		bound := func(list corev1.ResourceList) string {
			if quantity, found := list[name]; found {
				return quantity.String()
			}
			return ""
		}
		parts = append(parts, fmt.Sprintf("%s %s-%s", name, bound(r.Requests), bound(r.Limits)))
	}
	if len(r.Claims) > 0 {
		parts = append(parts, "claims "+hashOf(r.Claims))
	}
	return strings.Join(parts, ", ")
}

// hashOf is the same for values that Kubernetes writes alike.
func hashOf(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // plain data: cannot fail
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:6])
}

// Encode returns the template as the value of an annotation.
func (t Template) Encode() string {
	encoded, err := json.Marshal(map[string]string(t))
	if err != nil {
		panic(err) // a map of strings: cannot fail
	}
	return string(encoded)
}

// DecodeTemplate reads what Encode wrote; nil when it is not legible.
func DecodeTemplate(value string) Template {
	var t Template
	if err := json.Unmarshal([]byte(value), &t); err != nil || len(t) == 0 {
		return nil
	}
	return t
}

// RestartReason says why going from one template to another restarts the pod, in words; empty: it does not.
func RestartReason(from, to Template) string {
	if len(from) == 0 {
		return "it is not known what the pod was made of"
	}
	if maps.Equal(from, to) {
		return ""
	}
	names := map[string]bool{}
	for _, t := range []Template{from, to} {
		for name := range t {
			names[name] = true
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if from[name] != to[name] {
			parts = append(parts, changeText(name, from[name], to[name]))
		}
	}
	return strings.Join(parts, "; ")
}

func changeText(part, from, to string) string {
	for _, told := range []string{partImage, partResources, partNode} {
		if part == told || strings.HasSuffix(part, " "+told) {
			return fmt.Sprintf("%s: %s to %s", part, orUnset(from), orUnset(to))
		}
	}
	return part + " changed"
}

func orUnset(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}
