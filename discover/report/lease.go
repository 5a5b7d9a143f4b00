package report

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// The Lease of a node's discover says that what the StorageDisks of the node say is fresh. It is renewed while the last
// full scan is within its bound, and by nothing else; it is the one thing that discover writes at rest.
const (
	LeaseRenewal  = 10 * time.Second
	LeaseDuration = 40 * time.Second
	retryRenewal  = 2 * time.Second
	// LabelComponent with the value v1alpha1.ComponentDiscover is on each of these Leases.
	LabelComponent = "app.kubernetes.io/component"
)

// LeaseName returns the name of the Lease of a node's discover.
func LeaseName(node string) string { return v1alpha1.ServiceAccountDiscover + "-" + node }

// RenewLease says that discover of the node reports. The Lease names the node as its holder.
func RenewLease(ctx context.Context, api client.Client, namespace, node string, now time.Time) error {
	renewed, seconds := metav1.NewMicroTime(now), int32(LeaseDuration/time.Second)
	lease := &coordinationv1.Lease{
		TypeMeta: metav1.TypeMeta{APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: LeaseName(node), Labels: map[string]string{LabelComponent: v1alpha1.ComponentDiscover},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &node, LeaseDurationSeconds: &seconds, RenewTime: &renewed},
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(lease)
	if err != nil {
		return err
	}
	config := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: fields})
	if err := api.Apply(ctx, config, client.FieldOwner(v1alpha1.FieldOwnerDiscover(node)), client.ForceOwnership); err != nil {
		return fmt.Errorf("renew the Lease of discover: %w", err)
	}
	return nil
}

// KeepLease renews the Lease of discover while ready returns no error, until ctx ends.
func KeepLease(ctx context.Context, ready func() error, renew func(context.Context, time.Time) error, log logr.Logger) {
	const look = time.Second // so that a node is trusted as soon as it can be
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	var renewed time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if ready() != nil || now.Sub(renewed) < LeaseRenewal {
				continue
			}
			limited, cancel := context.WithTimeout(ctx, LeaseRenewal)
			err := renew(limited, now)
			cancel()
			if err != nil {
				log.Error(err, "say that discover reports")
				now = now.Add(retryRenewal - LeaseRenewal)
			}
			renewed = now
		}
	}
}
