package observe

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Reservations reads what is reserved of a cluster, and nothing else. Read from the server it is the truth of that moment.
func Reservations(ctx context.Context, reader client.Reader, cluster client.ObjectKey) ([]plan.Reservation, error) {
	var secrets corev1.SecretList
	labels := client.MatchingLabels{
		v1alpha1.LabelCluster:   v1alpha1.ClusterLabelValue(cluster.Namespace, cluster.Name),
		manifest.LabelComponent: manifest.ComponentReservation,
	}
	if err := reader.List(ctx, &secrets, client.InNamespace(cluster.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list reservations of %s: %w", cluster, err)
	}
	s := Stored{Reservations: map[int32]handover.Reservation{}}
	err := s.readSecrets(secrets.Items)
	return s.Planned, err
}

// ReservationOf returns what plan decides on of a stored reservation: all but the key.
func ReservationOf(r handover.Reservation) (plan.Reservation, error) {
	location, err := ParseLocation(r.Location)
	if err != nil {
		return plan.Reservation{}, fmt.Errorf("reservation of osd.%d: %w", r.ID, err)
	}
	reservation := plan.Reservation{
		ID: r.ID, UUID: r.UUID, Node: r.Node, Location: location, Rule: r.Rule, DeviceClass: r.DeviceClass,
		Data: partOf(r.Data), Leaving: r.Leaving, Replaced: r.Replaced,
	}
	if r.DB != nil {
		db := partOf(*r.DB)
		reservation.DB = &db
	}
	return reservation, nil
}

func partOf(d handover.Device) plan.Part {
	return plan.Part{
		Disk: d.Disk, Slice: d.Slice, Index: d.Index, Count: max(d.Count, 1), Offset: d.Offset, Bytes: d.Bytes,
		Seal: d.Seal, Identity: d.Identity, Supersedes: d.Supersedes, Before: d.Before,
	}
}

// ParseLocation reads a place in CRUSH as ceph-osd takes it: "root=default host=n1".
func ParseLocation(text string) (ceph.Location, error) {
	var location ceph.Location
	for field := range strings.FieldsSeq(text) {
		bucketType, name, found := strings.Cut(field, "=")
		if !found || bucketType == "" || name == "" {
			return nil, fmt.Errorf("location in CRUSH %q: want type=name, separated by spaces", text)
		}
		location = append(location, ceph.LocationLevel{Type: bucketType, Name: name})
	}
	return location, nil
}

// FormatLocation writes a place in CRUSH as ParseLocation reads it.
func FormatLocation(location ceph.Location) string {
	levels := make([]string, len(location))
	for i, level := range location {
		levels[i] = level.Type + "=" + level.Name
	}
	return strings.Join(levels, " ")
}
