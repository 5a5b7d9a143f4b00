package manifest

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Applied is what was set in a Ceph cluster because the StorageCluster says so. Without this record nobody could tell
// an option that was taken out of spec.config from one that somebody set by hand.
type Applied struct {
	Config  []v1alpha1.ConfigOption
	Modules []string
}

// Keys of the ConfigMap that AppliedConfigMap builds.
const (
	appliedConfig  = "config"
	appliedModules = "modules"
)

// AppliedName is the name of the ConfigMap that records what was set in Ceph.
func AppliedName(cluster string) string { return prefix(cluster) + "-applied" }

// AppliedConfigMap records what was set in Ceph. It stays when the StorageCluster is deleted, as Ceph's configuration
// does.
func (c Cluster) AppliedConfigMap(applied Applied) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.lasting(AppliedName(c.Name), ComponentConfig, ""),
		Data:       map[string]string{appliedConfig: encode(applied.Config), appliedModules: encode(applied.Modules)},
	}
}

func encode(value any) string {
	text, _ := json.Marshal(value) // strings only: it cannot fail
	return string(text)
}

// AppliedOf reads the ConfigMap that AppliedConfigMap built.
func AppliedOf(config *corev1.ConfigMap) (Applied, error) {
	var applied Applied
	for key, into := range map[string]any{appliedConfig: &applied.Config, appliedModules: &applied.Modules} {
		if err := json.Unmarshal([]byte(config.Data[key]), into); err != nil {
			return Applied{}, fmt.Errorf("config map %s: %s: %w", config.Name, key, err)
		}
	}
	return applied, nil
}
