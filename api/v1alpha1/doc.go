// Package v1alpha1 holds the Kubernetes API of Seamount, group seamount.dev: the types that people write and read,
// and every word with a fixed spelling: conditions, reasons, labels, annotations, finalizers and field owners.
//
// The package owns the shape of the API and nothing else. It holds no defaulting beyond the few defaults in the schema
// (computed ones are operator/plan's), no decisions and no I/O, and it imports only apimachinery and k8s.io/api/core.
//
// # Conventions
//
// Spec belongs to people: no component edits it. Status can be deleted at any time and is rebuilt from Kubernetes,
// the disks and Ceph. An optional field is a pointer where its zero value means something; where it does not (an enum,
// a string of at least one character) the zero value is "not said". Sizes are bytes as resource.Quantity, percentages
// are whole numbers, and times in seconds have names that end in Seconds.
//
// A field marked +seamount:next is part of the schema and is validated, but the operator refuses an object that uses
// it with Ready=False, reason NotAvailable, until the release that brings it. With a value (+seamount:next=LUKS2) only
// that value is refused. operator/plan.NotAvailable reports them.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package=../applyconfiguration
// +groupName=seamount.dev
package v1alpha1
