package manifest

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Applied is what was set in a Ceph cluster because the StorageCluster says so. Without this record nobody could tell
// an option that was taken out of spec.config from one that somebody set by hand.
type Applied struct {
	Config  []v1alpha1.ConfigOption
	Modules []string
	// Noouts are those that the operator set, sorted by host. One that is not among them is a person's.
	Noouts []Noout
}

// Noout is one that the operator set on a host in CRUSH, because the node was cordoned. It is recorded before it is set,
// and as long as the node is cordoned.
type Noout struct {
	// Host is the bucket, which has the name of the node.
	Host string `json:"host"`
	// Since when it has been set: it has an end, whoever is the operator by then.
	Since time.Time `json:"since"`
	// Ended says that it was taken off again at its end. It is not set once more while the node stays cordoned.
	Ended bool `json:"ended,omitempty"`
}

// Keys of the ConfigMap that AppliedConfigMap builds.
const (
	appliedConfig  = "config"
	appliedModules = "modules"
	appliedNoouts  = "noout" // only while there are any
)

// AppliedName is the name of the ConfigMap that records what was set in Ceph.
func AppliedName(cluster string) string { return prefix(cluster) + "-applied" }

// AppliedConfigMap records what was set in Ceph. It stays when the StorageCluster is deleted, as Ceph's configuration
// does.
func (c Cluster) AppliedConfigMap(applied Applied) *corev1.ConfigMap {
	data := map[string]string{appliedConfig: encode(applied.Config), appliedModules: encode(applied.Modules)}
	if len(applied.Noouts) > 0 {
		data[appliedNoouts] = encode(applied.Noouts)
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.lasting(AppliedName(c.Name), ComponentConfig, ""),
		Data:       data,
	}
}

func encode(value any) string {
	text, _ := json.Marshal(value) // strings and times: it cannot fail
	return string(text)
}

// AppliedOf reads the ConfigMap that AppliedConfigMap built.
func AppliedOf(config *corev1.ConfigMap) (Applied, error) {
	var applied Applied
	for key, into := range map[string]any{appliedConfig: &applied.Config, appliedModules: &applied.Modules, appliedNoouts: &applied.Noouts} {
		if _, found := config.Data[key]; !found && key == appliedNoouts {
			continue
		}
		if err := json.Unmarshal([]byte(config.Data[key]), into); err != nil {
			return Applied{}, fmt.Errorf("config map %s: %s: %w", config.Name, key, err)
		}
	}
	return applied, nil
}
