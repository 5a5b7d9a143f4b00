//go:build e2e

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/tests/validation/cases"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

var dryRun = []string{metav1.DryRunAll}

// replayCases replays the table of requests for custom resources. Nothing but the
// old objects of updates is stored: new ones are sent as a dry run, which the
// server validates in full.
func (s *server) replayCases(t *testing.T) {
	all := prepared(cases.All())
	s.install(t, crdtest.WithoutRules)
	s.makeNamespaces(t, all)
	s.awaitRules(t, all, false)
	stored := s.store(t, all)
	s.install(t, func(d *apiextensionsv1.CustomResourceDefinition) *apiextensionsv1.CustomResourceDefinition { return d })
	s.awaitRules(t, all, true)
	for i, c := range all {
		t.Run(c.Kind()+"/"+c.Name, func(t *testing.T) {
			if got := s.send(t, c, stored[i]); !same(c.Want, got) {
				t.Errorf("the server answers\n  %s\nwant\n  %s", lines(got), lines(c.Want))
			}
		})
	}
}

// prepared gives the objects of each update a place of their own.
func prepared(all []cases.Case) []cases.Case {
	for i, c := range all {
		if c.Old == nil {
			continue
		}
		all[i].Old, all[i].New = c.Old.DeepCopy(), c.New.DeepCopy() // cases share objects
		for _, obj := range []*unstructured.Unstructured{all[i].Old, all[i].New} {
			if obj.GetNamespace() == "" {
				obj.SetName(place(i))
			} else {
				obj.SetNamespace(place(i))
			}
		}
	}
	return all
}

func place(i int) string { return fmt.Sprintf("case-%d", i) }

// install applies the definitions, each changed, and waits until they are served.
func (s *server) install(t *testing.T, change func(*apiextensionsv1.CustomResourceDefinition) *apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	for _, d := range s.definitions {
		data, err := yaml.Marshal(change(d))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.TryKubectl(string(data), "apply", "--server-side", "--force-conflicts", "--field-manager="+fieldOwner, "-f", "-"); err != nil {
			t.Fatal(err)
		}
		s.Eventually(t, d.Name+" is served", func() error { return s.established(d.Name) })
	}
}

// awaitRules waits until the server applies the rules of each kind, or does not:
// a definition takes effect some time after it is stored.
func (s *server) awaitRules(t *testing.T, all []cases.Case, applied bool) {
	t.Helper()
	for _, d := range s.definitions {
		i := slices.IndexFunc(all, func(c cases.Case) bool { return provesRules(d, c) })
		if i < 0 {
			continue // a kind without a rule for creates
		}
		s.Eventually(t, fmt.Sprintf("rules of %s in effect: %t", d.Name, applied), func() error {
			if got := s.send(t, all[i], nil); len(got) > 0 != applied {
				return fmt.Errorf("%s is answered with %v", all[i].Name, got)
			}
			return nil
		})
	}
}

// provesRules tells whether only a rule refuses this create.
func provesRules(d *apiextensionsv1.CustomResourceDefinition, c cases.Case) bool {
	return c.Kind() == d.Spec.Names.Kind && c.Old == nil && len(c.Want) == 1 &&
		slices.ContainsFunc(crdtest.Rules(d), func(r crdtest.Rule) bool { return r.Create && r.Message == c.Want[0].Message })
}

// store creates the old objects of updates, with their status.
func (s *server) store(t *testing.T, all []cases.Case) map[int]*unstructured.Unstructured {
	t.Helper()
	stored := map[int]*unstructured.Unstructured{}
	for i, c := range all {
		if c.Old == nil {
			continue
		}
		obj, err := s.resource(t, s.client, c.Old).Create(t.Context(), c.Old, metav1.CreateOptions{})
		if err == nil && c.Old.Object["status"] != nil {
			obj.Object["status"] = c.Old.Object["status"]
			obj, err = s.resource(t, s.client, c.Old).UpdateStatus(t.Context(), obj, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Fatalf("store the old object of %s/%s: %v", c.Kind(), c.Name, err)
		}
		stored[i] = obj
		t.Cleanup(func() { s.remove(t, obj) })
	}
	return stored
}

// send sends the new object of a case and returns what the server finds wrong with it.
func (s *server) send(t *testing.T, c cases.Case, stored *unstructured.Unstructured) []crdtest.Violation {
	t.Helper()
	endpoint, obj := s.resource(t, s.client, c.New), c.New.DeepCopy()
	var err error
	switch {
	case stored == nil:
		_, err = endpoint.Create(t.Context(), obj, metav1.CreateOptions{DryRun: dryRun, FieldValidation: metav1.FieldValidationStrict})
	case c.Status:
		obj.SetResourceVersion(stored.GetResourceVersion())
		_, err = endpoint.UpdateStatus(t.Context(), obj, metav1.UpdateOptions{DryRun: dryRun, FieldValidation: metav1.FieldValidationStrict})
	default:
		obj.SetResourceVersion(stored.GetResourceVersion())
		_, err = endpoint.Update(t.Context(), obj, metav1.UpdateOptions{DryRun: dryRun, FieldValidation: metav1.FieldValidationStrict})
	}
	return violations(t, err)
}

var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// violations are what a refusal says.
func violations(t *testing.T, err error) []crdtest.Violation {
	t.Helper()
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	var found []crdtest.Violation
	for _, m := range unknownField.FindAllStringSubmatch(err.Error(), -1) {
		found = append(found, crdtest.Violation{Field: m[1], Message: crdtest.UnknownField})
	}
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			found = append(found, crdtest.Violation{Field: strings.TrimSuffix(cause.Field, "<nil>"), Message: cause.Message})
		}
	}
	if len(found) == 0 {
		found = append(found, crdtest.Violation{Message: err.Error()})
	}
	return found
}

// same compares answers. The server puts the kind of error and the value before
// the message.
func same(want, got []crdtest.Violation) bool {
	rest := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g crdtest.Violation) bool {
			return g.Field == w.Field && strings.HasSuffix(g.Message, w.Message)
		})
		if i < 0 {
			return false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return len(rest) == 0
}

func lines(violations []crdtest.Violation) string {
	if len(violations) == 0 {
		return "nothing is wrong"
	}
	var text []string
	for _, v := range violations {
		text = append(text, v.String())
	}
	return strings.Join(text, "\n  ")
}

func (s *server) established(definition string) error {
	got, err := s.TryKubectl("", "get", "crd", definition, "-o", `jsonpath={.status.conditions[?(@.type=="Established")].status}`)
	if err == nil && got != "True" {
		err = fmt.Errorf("Established is %q", got)
	}
	return err
}

// makeNamespaces makes the namespaces that the objects of the cases lie in.
func (s *server) makeNamespaces(t *testing.T, all []cases.Case) {
	t.Helper()
	var manifests []string
	for _, c := range all {
		if name := c.New.GetNamespace(); name != "" {
			manifests = append(manifests, fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %q}}", name))
		}
	}
	slices.Sort(manifests)
	namespaces := strings.Join(slices.Compact(manifests), "\n---\n")
	if _, err := s.TryKubectl(namespaces, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// remove deletes an object of a case. Its namespace goes with the cluster.
func (s *server) remove(t *testing.T, obj *unstructured.Unstructured) {
	err := s.resource(t, s.client, obj).Delete(context.Background(), obj.GetName(), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}
