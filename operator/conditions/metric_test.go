package conditions

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func cached(t *testing.T, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func TestCollect(t *testing.T) {
	t.Parallel()
	cluster := &v1alpha1.StorageCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "main"}}
	cluster.Status.Conditions = []metav1.Condition{
		{Type: "Ready", Status: metav1.ConditionFalse, Reason: "DisksMissing"}, {Type: "Reachable", Status: metav1.ConditionTrue, Reason: "Connected"},
	}
	pool := &v1alpha1.StoragePool{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "fast"}}
	pool.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Available"}}
	files := &v1alpha1.StorageFilesystem{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "home"}}
	files.Status.Conditions = []metav1.Condition{{Type: "MDSHealthy", Status: metav1.ConditionFalse, Reason: "NoStandby"}}
	const want = `
# HELP seamount_condition A condition of an object of Seamount: 1 for the status and reason that it has now.
# TYPE seamount_condition gauge
seamount_condition{condition="MDSHealthy",kind="StorageFilesystem",name="home",namespace="seamount",reason="NoStandby",status="False"} 1
seamount_condition{condition="Reachable",kind="StorageCluster",name="main",namespace="seamount",reason="Connected",status="True"} 1
seamount_condition{condition="Ready",kind="StorageCluster",name="main",namespace="seamount",reason="DisksMissing",status="False"} 1
seamount_condition{condition="Ready",kind="StoragePool",name="fast",namespace="seamount",reason="Available",status="True"} 1
`
	if err := testutil.CollectAndCompare(&Collector{Cache: cached(t, cluster, pool, files)}, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// unfilled is a cache that nothing is in yet.
type unfilled struct{ client.Reader }

func (unfilled) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("the cache is not started")
}

func TestUnfilledCacheGivesNone(t *testing.T) {
	t.Parallel()
	if got := testutil.CollectAndCount(&Collector{Cache: unfilled{}, Log: logr.Discard()}); got != 0 {
		t.Errorf("%d metrics", got)
	}
}
