package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// checked runs the check on a Kubernetes with these objects, where listing the kinds that fail says does.
func checked(t *testing.T, fail func(client.ObjectList) error, objects ...client.Object) (string, error) {
	t.Helper()
	scheme, err := uninstallScheme()
	if err != nil {
		t.Fatal(err)
	}
	kubernetes := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := fail(list); err != nil {
				return err
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
	var stdout bytes.Buffer
	err = checkUninstall(t.Context(), kubernetes, &stdout)
	return stdout.String(), err
}

func never(client.ObjectList) error { return nil }

func TestUninstallCheck(t *testing.T) {
	t.Parallel()
	cluster := &v1alpha1.StorageCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "main"}}
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pvc-1"}}
	volume.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: v1alpha1.ProvisionerRBD}
	snapshot := &snapshotv1.VolumeSnapshotContent{ObjectMeta: metav1.ObjectMeta{Name: "content-1"}}
	snapshot.Spec.Driver = v1alpha1.ProvisionerRBD
	noSnapshots := func(list client.ObjectList) error {
		if _, is := list.(*snapshotv1.VolumeSnapshotContentList); is {
			return &meta.NoKindMatchError{}
		}
		return nil
	}
	tests := map[string]struct {
		fail    func(client.ObjectList) error
		objects []client.Object
		want    string // in the error; empty: none
	}{
		"nothing":             {fail: never},
		"no kind of snapshot": {fail: noSnapshots},
		"a cluster":           {never, []client.Object{cluster}, "1 StorageCluster: seamount/main"},
		"a volume":            {noSnapshots, []client.Object{volume}, "1 volume: pvc-1 (without a claim)"},
		"a snapshot":          {never, []client.Object{snapshot}, "1 snapshot: content-1"},
		"the API is away":     {func(client.ObjectList) error { return errors.New("timeout") }, nil, "it is unknown whether there is data"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, err := checked(t, tt.fail, tt.objects...)
			if tt.want == "" {
				if err != nil || !strings.Contains(stdout, "it can be uninstalled") {
					t.Errorf("%q, %v", stdout, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || stdout != "" {
				t.Errorf("%q, %v, want %q", stdout, err, tt.want)
			}
		})
	}
}
