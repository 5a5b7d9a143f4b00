package policytest

import (
	"fmt"
	"os"
	"path/filepath"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// Manifests are policies and the bindings that put them in force.
type Manifests struct {
	Policies []*admissionv1.ValidatingAdmissionPolicy
	Bindings []*admissionv1.ValidatingAdmissionPolicyBinding
}

// Load reads every policy and binding in a directory of YAML files. Anything else in them, and a field that Kubernetes
// does not know, is an error.
func Load(dir string) (*Manifests, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no policy in %s", dir)
	}
	manifests := &Manifests{}
	for _, file := range files {
		if err := manifests.read(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return manifests, nil
}

func (m *Manifests) read(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	documents, err := crdtest.Documents(data)
	if err != nil {
		return err
	}
	for _, document := range documents {
		if err := m.add(document); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifests) add(document []byte) error {
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(document, &meta); err != nil {
		return err
	}
	switch meta.Kind {
	case "ValidatingAdmissionPolicy":
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		m.Policies = append(m.Policies, policy)
		return yaml.UnmarshalStrict(document, policy)
	case "ValidatingAdmissionPolicyBinding":
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{}
		m.Bindings = append(m.Bindings, binding)
		return yaml.UnmarshalStrict(document, binding)
	}
	return fmt.Errorf("kind %q is neither a policy nor a binding", meta.Kind)
}

// objects returns everything, with the defaults that the API server fills in and the plugin relies on.
func (m *Manifests) objects() []runtime.Object {
	var objects []runtime.Object
	for _, policy := range m.Policies {
		policy = policy.DeepCopy()
		setDefaults(policy.Spec.MatchConstraints)
		objects = append(objects, policy)
	}
	for _, binding := range m.Bindings {
		binding = binding.DeepCopy()
		setDefaults(binding.Spec.MatchResources)
		objects = append(objects, binding)
	}
	return objects
}

// setDefaults does what k8s.io/kubernetes/pkg/apis/admissionregistration/v1 does, which cannot be imported.
func setDefaults(match *admissionv1.MatchResources) {
	if match == nil {
		return
	}
	if match.MatchPolicy == nil {
		match.MatchPolicy = new(admissionv1.Equivalent)
	}
	if match.NamespaceSelector == nil {
		match.NamespaceSelector = &metav1.LabelSelector{}
	}
	if match.ObjectSelector == nil {
		match.ObjectSelector = &metav1.LabelSelector{}
	}
	for i := range match.ResourceRules {
		if match.ResourceRules[i].Scope == nil {
			match.ResourceRules[i].Scope = new(admissionv1.AllScopes)
		}
	}
}
