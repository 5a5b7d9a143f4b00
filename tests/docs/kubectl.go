package docs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// kubectlFlags are the flags of kubectl's own commands that pages use; those with a value are true.
var kubectlFlags = map[string]map[string]bool{
	"":              {"-n": true, "--namespace": true, "-A": false, "-o": true, "-l": true, "-f": true, "-w": false, "--help": false},
	"annotate":      {"--overwrite": false},
	"apply":         {"--server-side": false, "--force-conflicts": false, "-R": false, "-k": true, "--dry-run": true},
	"cordon":        {},
	"create":        {"--docker-server": true, "--docker-username": true, "--docker-password": true},
	"delete":        {"--all": false, "--wait": true, "--timeout": true},
	"describe":      {},
	"drain":         {"--ignore-daemonsets": false, "--delete-emptydir-data": false},
	"exec":          {"-it": false, "-i": false, "-c": true},
	"explain":       {"--recursive": false},
	"get":           {"--field-selector": true, "--show-labels": false, "--no-headers": false, "--sort-by": true},
	"label":         {"--overwrite": false},
	"logs":          {"--tail": true, "--prefix": false, "-c": true, "--previous": false, "--since": true},
	"patch":         {"--type": true, "-p": true, "--subresource": true},
	"rollout":       {"--timeout": true},
	"taint":         {},
	"top":           {},
	"uncordon":      {},
	"wait":          {"--for": true, "--timeout": true},
	"api-resources": {"--api-group": true},
}

// kubernetesResources are the resources of Kubernetes and of its snapshots that pages name, by every name that they use.
var kubernetesResources = strings.Fields(`
	pod pods deployment deployments daemonset daemonsets statefulset statefulsets job jobs service services secret secrets poddisruptionbudgets
	configmap configmaps node nodes namespace namespaces pv persistentvolume persistentvolumes pvc persistentvolumeclaim
	persistentvolumeclaims storageclass storageclasses volumeattachment volumeattachments csidrivers csinodes event events lease
	leases networkpolicy networkpolicies crd crds validatingadmissionpolicy validatingadmissionpolicies
	validatingadmissionpolicybinding validatingadmissionpolicybindings volumesnapshot volumesnapshots volumesnapshotclasses`)

// arguments are a command of kubectl in its parts.
type arguments struct {
	command string
	values  map[string][]string // of flags
	words   []string            // the rest
}

func (w *World) checkKubectl(command Command) error {
	parsed, rest, err := parseKubectl(command.Words[1:])
	switch {
	case err != nil:
		return err
	case parsed.command == "seamount":
		return w.checkSeamount(rest)
	}
	for _, file := range parsed.values["-f"] {
		if err := w.checkManifest(file, command.Stdin); err != nil {
			return err
		}
	}
	if err := w.checkSelectors(parsed); err != nil {
		return err
	}
	return w.checkSubject(parsed)
}

// parseKubectl takes the flags out of a command. Of a plugin the rest is its own.
func parseKubectl(words []string) (arguments, []string, error) {
	parsed := arguments{values: map[string][]string{}}
	for at := 0; at < len(words); at++ {
		word := words[at]
		if word == "--" {
			break // what follows runs in a pod
		}
		name, value, given := strings.Cut(word, "=")
		if !strings.HasPrefix(word, "-") {
			if parsed.command == "" {
				parsed.command = word
				if _, known := kubectlFlags[word]; !known && word != "seamount" {
					return parsed, nil, fmt.Errorf("no rule knows kubectl %s: add it to kubectlFlags in tests/docs/kubectl.go", word)
				}
			} else {
				parsed.words = append(parsed.words, word)
			}
			if word == "seamount" {
				return parsed, words[at+1:], nil
			}
			continue
		}
		takesValue, known := kubectlFlags[""][name]
		if !known {
			takesValue, known = kubectlFlags[parsed.command][name]
		}
		if !known {
			return parsed, nil, fmt.Errorf("no rule knows the flag %s of kubectl %s: add it to kubectlFlags in tests/docs/kubectl.go", name, parsed.command)
		}
		if takesValue && !given && !placeholder.MatchString(word) {
			at++
			if at == len(words) {
				return parsed, nil, fmt.Errorf("the flag %s needs a value", name)
			}
			value = words[at]
		}
		parsed.values[name] = append(parsed.values[name], value)
	}
	return parsed, nil, nil
}

// checkManifest takes a file of the repository, or objects on stdin.
func (w *World) checkManifest(file, stdin string) error {
	if file == "-" {
		return w.CheckObjects(stdin)
	}
	if !w.exists(file) && !placeholder.MatchString(file) {
		return fmt.Errorf("there is no file %s", file)
	}
	return nil
}

// checkSelectors takes labels that something of ours writes, and fields that can be selected by.
func (w *World) checkSelectors(parsed arguments) error {
	for _, text := range parsed.values["-l"] {
		selector, err := labels.Parse(text)
		if err != nil {
			return err
		}
		requirements, _ := selector.Requirements()
		for _, requirement := range requirements {
			if err := w.checkLabel(requirement); err != nil {
				return err
			}
		}
	}
	for _, text := range parsed.values["--field-selector"] {
		selector, err := fields.ParseSelector(text)
		if err != nil {
			return err
		}
		for _, requirement := range selector.Requirements() {
			if !w.selectable[requirement.Field] {
				return fmt.Errorf("nothing can be selected by the field %s", requirement.Field)
			}
		}
	}
	return nil
}

func (w *World) checkLabel(requirement labels.Requirement) error {
	key := requirement.Key()
	domain, _, qualified := strings.Cut(key, "/")
	if !qualified || !w.sourceSays(domain+"/") { // what stands behind the domain may be a number
		return fmt.Errorf("nothing writes the label %s", key)
	}
	if !strings.HasPrefix(key, "app.kubernetes.io/") {
		return nil
	}
	for value := range requirement.Values() {
		if !w.sourceSays(key+": "+value) && !w.sourceSays(`"`+value+`"`) {
			return fmt.Errorf("nothing has the label %s=%s", key, value)
		}
	}
	return nil
}

// checkSubject looks at the resource that a command is about, at its name, and at what is done to it.
func (w *World) checkSubject(parsed arguments) error {
	words := parsed.words
	switch parsed.command {
	case "apply", "api-resources", "cordon", "uncordon", "drain":
		return nil
	case "explain":
		return w.checkExplained(words)
	case "logs", "exec", "wait":
		return w.checkNames(words)
	case "rollout":
		return w.checkNames(words[min(1, len(words)):])
	}
	if len(words) == 0 {
		if len(parsed.values["-f"]) == 0 {
			return fmt.Errorf("kubectl %s needs a resource", parsed.command)
		}
		return nil
	}
	resources, name, _ := strings.Cut(words[0], "/")
	for _, resource := range strings.Split(resources, ",") {
		if !slices.Contains(kubernetesResources, resource) && w.ourKind(resource) == nil {
			return fmt.Errorf("no rule knows the resource %q: add one of Kubernetes to kubernetesResources in tests/docs/kubectl.go", resource)
		}
	}
	if name != "" {
		words = []string{"", name}
	}
	for _, patch := range parsed.values["-p"] {
		if err := w.checkPatch(w.ourKind(resources), patch); err != nil {
			return err
		}
	}
	return w.checkNames(words[1:])
}

// ourName is a name that only an object of ours can have.
var ourName = regexp.MustCompile(`^(?:[a-z]+/)?((?:seamount-[a-z-]+)|(?:[a-z]+\.seamount\.dev))$`)

func (w *World) checkNames(words []string) error {
	for _, word := range words {
		match := ourName.FindStringSubmatch(word)
		if match != nil && !w.sourceSays("name: "+match[1]) {
			return fmt.Errorf("no manifest has an object %s", match[1])
		}
	}
	return nil
}

func (w *World) checkExplained(words []string) error {
	for _, word := range words {
		names := strings.Split(word, ".")
		if definition := w.ourKind(names[0]); definition != nil {
			return hasField(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, names[1:])
		}
	}
	return nil
}

// hasField follows a path through a schema, through lists too.
func hasField(schema *apiextensionsv1.JSONSchemaProps, names []string) error {
	for at, name := range names {
		for schema.Items != nil {
			schema = schema.Items.Schema
		}
		property, known := schema.Properties[name]
		if !known {
			return fmt.Errorf("there is no field %s", strings.Join(names[:at+1], "."))
		}
		schema = &property
	}
	return nil
}

func (w *World) checkPatch(definition *apiextensionsv1.CustomResourceDefinition, text string) error {
	var patch map[string]any
	if err := json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&patch); err != nil {
		return fmt.Errorf("the patch %s: %w", text, err)
	}
	if definition == nil {
		return nil
	}
	return hasFields(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, patch)
}

func hasFields(schema *apiextensionsv1.JSONSchemaProps, value map[string]any) error {
	for name, inner := range value {
		property, known := schema.Properties[name]
		if !known && name != "annotations" && name != "labels" {
			return fmt.Errorf("there is no field %s", name)
		}
		below, isObject := inner.(map[string]any)
		if isObject && name != "metadata" {
			if err := hasFields(&property, below); err != nil {
				return err
			}
		}
		if word, isWord := inner.(string); isWord && len(property.Enum) > 0 {
			if !slices.ContainsFunc(property.Enum, func(v apiextensionsv1.JSON) bool { return string(v.Raw) == `"`+word+`"` }) {
				return errors.New(name + " cannot be " + word)
			}
		}
	}
	return nil
}
