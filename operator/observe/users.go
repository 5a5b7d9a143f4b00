package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// readCSI reads what the CSI controller was handed. What cannot be read is handed over anew.
func (s *Stored) readCSI(ctx context.Context, reader client.Reader, key plan.ClusterKey) error {
	secret := &corev1.Secret{}
	found, err := get(ctx, reader, key.Namespace, handover.CSISecretName, secret)
	if err != nil {
		return fmt.Errorf("read what the CSI controller of %s was handed: %w", key, err)
	}
	value := secret.Data[key.Name]
	if !found || value == nil {
		return nil
	}
	if decoded, err := handover.DecodeCSICluster(value); err == nil {
		s.CSI, s.CSIValue = &decoded, value
	}
	return nil
}

// HandedUsers is what plan decides on of what the CSI controller was handed: all but the keys.
func (s *Stored) HandedUsers() *plan.HandedUsers {
	if s.CSI == nil {
		return nil
	}
	return &plan.HandedUsers{FSID: s.CSI.FSID, Mons: s.CSI.Mons, Nodes: slices.Sorted(maps.Keys(s.CSI.Nodes))}
}
