package validation

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/validation/cases"
	"github.com/seamount-dev/seamount/tests/validation/policytest"
)

func policies(t *testing.T) *policytest.Manifests {
	t.Helper()
	manifests, err := policytest.Load(filepath.Join(root(t), "deploy", "policies"))
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}

func TestPolicyCases(t *testing.T) {
	t.Parallel()
	admission, err := policytest.New(t.Context(), policies(t), "seamount", "apps")
	if err != nil {
		t.Fatal(err)
	}
	// The group waits for its parallel cases: when it returned, the context of the policies would end.
	t.Run("group", func(t *testing.T) {
		names := map[string]bool{}
		for _, c := range cases.Policies() {
			name := c.Policy + "/" + c.Name
			if names[name] {
				t.Errorf("two cases are named %q", name)
			}
			names[name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got, err := admission.Decide(t.Context(), c.Request)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(denial(c), got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	})
}

func denial(c cases.PolicyCase) *policytest.Denial {
	if c.Message == "" {
		return nil
	}
	return &policytest.Denial{Policy: c.Policy, Message: c.Message}
}

// Every policy denies when it cannot decide, is in force, and says what it denies in a message of its own.
func TestPoliciesFailClosed(t *testing.T) {
	t.Parallel()
	manifests := policies(t)
	bound := map[string]bool{}
	for _, binding := range manifests.Bindings {
		bound[binding.Spec.PolicyName] = slices.Equal(binding.Spec.ValidationActions,
			[]admissionv1.ValidationAction{admissionv1.Deny})
	}
	for _, policy := range manifests.Policies {
		if policy.Spec.FailurePolicy == nil || *policy.Spec.FailurePolicy != admissionv1.Fail {
			t.Errorf("%s does not fail closed", policy.Name)
		}
		if !bound[policy.Name] {
			t.Errorf("%s has no binding that denies", policy.Name)
		}
		for _, validation := range policy.Spec.Validations {
			if validation.Message == "" || validation.Reason == nil {
				t.Errorf("%s: no message or no reason for %s", policy.Name, validation.Expression)
			}
		}
	}
}

// The policies know names of the API by heart.
func TestPoliciesKnowTheNames(t *testing.T) {
	t.Parallel()
	for policy, names := range map[string][]string{
		"seamount-approve":  {v1alpha1.Group, "'" + v1alpha1.VerbApprove + "'"},
		"seamount-own-node": {v1alpha1.LabelNode, v1alpha1.LabelMedia},
		"seamount-guard":    {v1alpha1.LabelGuard, "'" + v1alpha1.GuardData + "'", v1alpha1.AnnotationAllowDelete},
	} {
		text := expressions(t, policy)
		for _, name := range names {
			if !strings.Contains(text, name) {
				t.Errorf("%s does not say %s", policy, name)
			}
		}
	}
	for _, account := range []string{v1alpha1.ServiceAccountDiscover, v1alpha1.ServiceAccountAgent} {
		found := slices.ContainsFunc(cases.Policies(), func(c cases.PolicyCase) bool {
			return c.Policy == "seamount-own-node" && c.Message != "" && strings.HasSuffix(c.Request.User.Name, ":"+account)
		})
		if !found {
			t.Errorf("no case of seamount-own-node denies anything to %s", account)
		}
	}
}

func expressions(t *testing.T, policy string) string {
	t.Helper()
	var text strings.Builder
	for _, p := range policies(t).Policies {
		if p.Name != policy {
			continue
		}
		for _, variable := range p.Spec.Variables {
			text.WriteString(variable.Expression + "\n")
		}
		for _, condition := range p.Spec.MatchConditions {
			text.WriteString(condition.Expression + "\n")
		}
		for _, validation := range p.Spec.Validations {
			text.WriteString(validation.Expression + "\n")
		}
	}
	return text.String()
}
