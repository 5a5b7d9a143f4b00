package answer

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Object names an object of the API.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is how people are told of the object: StorageDisk wwn-1, StoragePool seamount/fast.
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
}

// Finding is something that is not well, in the words of the object that says it.
type Finding struct {
	Object    Object `json:"object"`
	Condition string `json:"condition"`
	// Status of the condition: False, or Unknown; True for Failed.
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Task is something that waits for a person.
type Task struct {
	Object  Object `json:"object"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Do is what to do about it: a command, or a field to set. Empty: the message says it.
	Do string `json:"do,omitempty"`
}

// unwell says that a condition with this polarity is not as it should be.
func unwell(c metav1.Condition, polarity conditions.Polarity) bool {
	switch polarity {
	case conditions.PolarityPositive:
		return c.Status != metav1.ConditionTrue
	case conditions.PolarityNegative:
		return c.Status != metav1.ConditionFalse
	}
	return false
}

// findings returns the conditions of an object that are not well, in the order in which they are shown. What is only
// unknown is left out where something is known to be wrong: it is unknown because of that.
func findings(o Object, have []metav1.Condition) []Finding {
	known, unknown := allFindings(o, have)
	if len(known) > 0 {
		return known
	}
	return unknown
}

// allFindings returns what is known to be wrong, and what is not known to be well.
func allFindings(o Object, have []metav1.Condition) (known, unknown []Finding) {
	for _, spec := range conditions.Of(o.Kind) {
		c := meta.FindStatusCondition(have, spec.Type)
		if c == nil || !unwell(*c, spec.Polarity) {
			continue
		}
		f := Finding{o, c.Type, string(c.Status), c.Reason, c.Message}
		if c.Status == metav1.ConditionUnknown {
			unknown = append(unknown, f)
			continue
		}
		known = append(known, f)
	}
	return known, unknown
}

func objectOfCluster(c *v1alpha1.StorageCluster) Object {
	return Object{v1alpha1.KindStorageCluster, c.Namespace, c.Name}
}

func objectOfPool(p *v1alpha1.StoragePool) Object {
	return Object{v1alpha1.KindStoragePool, p.Namespace, p.Name}
}

func objectOfFilesystem(f *v1alpha1.StorageFilesystem) Object {
	return Object{v1alpha1.KindStorageFilesystem, f.Namespace, f.Name}
}

func objectOfDisk(d *v1alpha1.StorageDisk) Object {
	return Object{v1alpha1.KindStorageDisk, "", d.Name}
}

func objectOfOperation(o *v1alpha1.StorageOperation) Object {
	return Object{v1alpha1.KindStorageOperation, o.Namespace, o.Name}
}

// isTrue says that an object has a condition, and that it is True.
func isTrue(have []metav1.Condition, kind string) bool { return meta.IsStatusConditionTrue(have, kind) }

// isFalse says that an object has a condition, and that it is False.
func isFalse(have []metav1.Condition, kind string) bool {
	return meta.IsStatusConditionFalse(have, kind)
}
