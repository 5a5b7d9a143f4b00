package pki

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// kubeconfig is one that needs no other file, so that it can be copied.
func kubeconfig(server, user string, ca []byte, p *pair) ([]byte, error) {
	const name = "seamount-local"
	type object map[string]any
	data, err := yaml.Marshal(object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []object{{"name": name, "cluster": object{"server": server, "certificate-authority-data": ca}}},
		"users":           []object{{"name": user, "user": object{"client-certificate-data": p.certPEM, "client-key-data": p.keyPEM}}},
		"contexts":        []object{{"name": name, "context": object{"cluster": name, "user": user}}},
		"current-context": name,
	})
	if err != nil {
		return nil, fmt.Errorf("encode kubeconfig of %s: %w", user, err)
	}
	return data, nil
}
