package execute

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Trouble says why a step of an operation failed, and what a person can do about it. The step is tried again.
func Trouble(err error) *v1alpha1.Refusal {
	trouble := &v1alpha1.Refusal{
		Reason: v1alpha1.ReasonStepFailed, Message: "a step failed, and is tried again: " + err.Error(),
		Remedy: "see the log of the operator",
	}
	switch {
	case apierrors.IsForbidden(err):
		trouble.Remedy = "give the operator its rights back: helm upgrade, or apply the manifests of this release again"
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err):
		trouble.Remedy = "apply the CustomResourceDefinitions and policies of the operator's release"
	}
	return trouble
}
