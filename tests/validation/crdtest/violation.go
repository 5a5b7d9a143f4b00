package crdtest

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// UnknownField is the message of a Violation for a field that the schema does not know.
const UnknownField = "unknown field"

// Violation is something that is wrong with an object.
type Violation struct {
	// Field is the path of what is wrong, such as spec.mon.count; empty for the object as a whole.
	Field string
	// Message says what is wrong: for a CEL rule its message, exactly.
	Message string
}

// String returns the violation in one line.
func (v Violation) String() string {
	if v.Field == "" {
		return v.Message
	}
	return v.Field + ": " + v.Message
}

func fromErrors(errs field.ErrorList) []Violation {
	violations := make([]Violation, 0, len(errs))
	for _, err := range errs {
		message := err.Detail
		if message == "" {
			message = strings.TrimSpace(err.ErrorBody())
		}
		if _, after, found := strings.Cut(message, " in body "); found {
			message = after // OpenAPI validation says the path once more
		}
		violations = append(violations, Violation{Field: strings.TrimSuffix(err.Field, "<nil>"), Message: message})
	}
	return violations
}
