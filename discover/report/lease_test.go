package report

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/testr"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestLease(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := coordinationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	api := fake.NewClientBuilder().WithScheme(scheme).Build()
	now := time.Date(2026, 1, 5, 10, 0, 0, 123456000, time.UTC)
	for _, at := range []time.Time{now, now.Add(10 * time.Second)} {
		if err := RenewLease(t.Context(), api, "seamount", "n3", at); err != nil {
			t.Fatal(err)
		}
		var lease coordinationv1.Lease
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: "seamount", Name: "seamount-discover-n3"}, &lease); err != nil {
			t.Fatal(err)
		}
		spec := lease.Spec
		if *spec.HolderIdentity != "n3" || *spec.LeaseDurationSeconds != 40 || !spec.RenewTime.Time.Equal(at) || lease.Labels[LabelComponent] != "discover" {
			t.Errorf("the Lease is %+v", lease)
		}
	}
}

func TestLeaseIsRenewedWhileDiscoverIsReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mutex sync.Mutex
		ready, refuse, renewals := errors.New("no full scan yet"), error(nil), 0
		become := func(isReady, refuses error) {
			mutex.Lock()
			defer mutex.Unlock()
			ready, refuse = isReady, refuses
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() {
			KeepLease(ctx, func() error {
				mutex.Lock()
				defer mutex.Unlock()
				return ready
			}, func(context.Context, time.Time) error {
				mutex.Lock()
				defer mutex.Unlock()
				renewals++
				return refuse
			}, testr.New(t))
		})
		expect := func(after time.Duration, want int, what string) {
			t.Helper()
			<-time.After(after)
			synctest.Wait()
			mutex.Lock()
			defer mutex.Unlock()
			if renewals != want {
				t.Errorf("%s: %d renewals, want %d", what, renewals, want)
			}
			renewals = 0
		}
		expect(time.Minute, 0, "not ready")
		become(nil, nil)
		expect(2*time.Second, 1, "ready")
		expect(time.Minute, 6, "a minute at rest")
		become(nil, errors.New("forbidden"))
		expect(20*time.Second, 6, "due after 8 s, and then tried every 2 s")
		become(errors.New("too old"), nil)
		expect(time.Minute, 0, "ready no longer")
		cancel()
		done.Wait()
	})
}
