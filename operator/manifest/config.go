package manifest

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// MonsConfigMap records the mons. It stays when the StorageCluster is deleted: without it nobody knows where the stores
// are, and whether they may be made.
func (c Cluster) MonsConfigMap(mons handover.Mons) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.lasting(MonsName(c.Name), ComponentMon, ""),
		Data:       mons.Data(),
	}
}

// MonsOf reads the ConfigMap that MonsConfigMap built.
func MonsOf(config *corev1.ConfigMap) (handover.Mons, error) {
	mons, err := handover.DecodeMons(config.Data)
	if err != nil {
		return handover.Mons{}, fmt.Errorf("config map %s: %w", config.Name, err)
	}
	return mons, nil
}

// ConfigMap holds ceph.conf. It says only what a daemon must know before it reaches a mon, and nothing that people may
// set: what is in a file wins over Ceph's central configuration.
func (c Cluster) ConfigMap(mons []handover.Mon) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.owned(ConfigName(c.Name), ComponentConfig, ""),
		Data:       map[string]string{handover.ConfKey: c.conf(mons)},
	}
}

func (c Cluster) conf(mons []handover.Mon) string {
	var b strings.Builder
	line := func(option, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", option, value)
		}
	}
	b.WriteString("[global]\n")
	line("fsid", c.FSID)
	line("mon_host", monHost(mons))
	line("run_dir", handover.RunDir)
	line("ms_bind_ipv4", fmt.Sprint(c.Network.IPFamily != v1alpha1.IPFamilyIPv6))
	line("ms_bind_ipv6", fmt.Sprint(c.Network.IPFamily == v1alpha1.IPFamilyIPv6 || c.Network.IPFamily == v1alpha1.IPFamilyDualStack))
	if c.Network.Host {
		line("public_network", strings.Join(c.Network.Public, ","))
		line("cluster_network", strings.Join(c.Network.Cluster, ","))
	}
	// For the command line tools: the root filesystem is read-only, and the daemons' sockets are not theirs.
	b.WriteString("[client]\nlog_to_file = false\nadmin_socket =\n")
	return b.String()
}

// monHost lists the mons for those who look for the cluster. One that only joins cannot answer yet.
func monHost(mons []handover.Mon) string {
	var hosts []string
	for _, mon := range mons {
		if mon.State != handover.MonJoining {
			hosts = append(hosts, mon.AddressVector())
		}
	}
	return strings.Join(hosts, ",")
}
