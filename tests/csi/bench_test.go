//go:build e2e

package csi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/tests/figures"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// atOnce is how many claims are made at once.
const atOnce = 100

// BenchmarkVolumes prints what volumes cost beside what they are compared with, all with one Ceph cluster.
func BenchmarkVolumes(b *testing.B) {
	s := newSuite(b, pool)
	b.Run("Claims", s.benchClaims)
	b.Run("Pod", s.benchPod)
	b.Run("Memory", s.benchMemory)
}

// benchClaims is about how fast claims that are made at once are Bound: of Seamount, and of a driver that makes nothing with
// the same controllers, in turns: at the rate of requests that the community's controllers have of themselves and at
// Seamount's, and with the rate of kube-controller-manager raised, whose default of 20 a second bounds how fast it binds.
func (s *suite) benchClaims(b *testing.B) {
	for _, rate := range []struct{ qps, burst, manager int }{{5, 10, 0}, {200, 400, 0}, {200, 400, 300}} {
		b.Run(fmt.Sprintf("qps=%d/manager=%d", rate.qps, rate.manager), func(b *testing.B) {
			s.managerRate(b, rate.manager)
			s.controllerArgs(b, fmt.Sprintf("--kube-api-qps=%d", rate.qps), fmt.Sprintf("--kube-api-burst=%d", rate.burst))
			s.startNoop(b, rate.qps, rate.burst)
			var seamount, noop []float64
			for b.Loop() {
				noop = append(noop, s.bound(b, noopDriver, fmt.Sprintf("noop%d", len(noop))))
				seamount = append(seamount, s.bound(b, "vol", fmt.Sprintf("vol%d", len(seamount))))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(atOnce/figures.Median(seamount), "seamount-claims/s")
			b.ReportMetric(atOnce/figures.Median(noop), "noop-claims/s")
			b.ReportMetric(figures.Median(noop)/figures.Median(seamount), "ratio")
		})
	}
}

// bound makes claims at once, and returns how many seconds it took until all were Bound. Then it deletes them.
func (s *suite) bound(b *testing.B, class, prefix string) float64 {
	b.Helper()
	var makers errgroup.Group
	began := time.Now()
	for i := range atOnce {
		makers.Go(func() error {
			return s.Client.Create(b.Context(), s.emptyClaim(fmt.Sprintf("%s-%d", prefix, i), class))
		})
	}
	if err := makers.Wait(); err != nil {
		b.Fatal(err)
	}
	s.awaitClaims(b, "Bound", func(claims []corev1.PersistentVolumeClaim, _ []corev1.PersistentVolume) bool {
		return len(claims) == atOnce && !slices.ContainsFunc(claims, func(c corev1.PersistentVolumeClaim) bool { return c.Status.Phase != corev1.ClaimBound })
	})
	took := time.Since(began).Seconds()
	b.Logf("%d claims of %s Bound after %.1f s", atOnce, class, took)
	began = time.Now()
	s.Kubectl(b, "-n", s.namespace, "delete", "pvc", "--all", "--wait=false")
	s.awaitClaims(b, "gone", func(claims []corev1.PersistentVolumeClaim, volumes []corev1.PersistentVolume) bool {
		return len(claims)+len(volumes) == 0
	})
	b.Logf("%d volumes of %s gone after %.1f s", atOnce, class, time.Since(began).Seconds())
	return took
}

// emptyClaim is a claim of 1 GiB. It is made without kubectl, which takes longer than any driver.
func (s *suite) emptyClaim(name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

// awaitClaims waits until claims and volumes are as they should be, for as long as slow rates take.
func (s *suite) awaitClaims(b *testing.B, what string, done func([]corev1.PersistentVolumeClaim, []corev1.PersistentVolume) bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		var (
			claims  corev1.PersistentVolumeClaimList
			volumes corev1.PersistentVolumeList
		)
		if err := s.Client.List(ctx, &claims, client.InNamespace(s.namespace)); err != nil {
			b.Fatalf("claims are not %s: %v", what, err)
		}
		if err := errors.Join(s.Client.List(ctx, &volumes), s.noopEnded()); err != nil {
			b.Fatalf("claims are not %s: %v", what, err)
		}
		if done(claims.Items, volumes.Items) {
			return
		}
		<-ticker.C
	}
}

// managerRate sets the rate of requests of kube-controller-manager until the benchmark ends; 0 is its default.
func (s *suite) managerRate(b *testing.B, qps int) {
	b.Helper()
	if qps == 0 {
		return
	}
	set := func(qps int) { s.Local(b, append(s.UpArgs(len(nodes)), fmt.Sprintf("--kube-api-qps=%d", qps))...) }
	set(qps)
	b.Cleanup(func() { set(0) })
}

// controllerArgs has the CSI controller run with further arguments, until the benchmark ends.
func (s *suite) controllerArgs(b *testing.B, args ...string) {
	b.Helper()
	patch := func(list string) {
		s.Kubectl(b, "-n", product.Namespace, "patch", product.CSI.Workload, "--type=json",
			"-p", `[{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": `+list+`}]`)
		s.AwaitRollout(b, product.CSI)
	}
	usual := s.Kubectl(b, "-n", product.Namespace, "get", product.CSI.Workload, "-o", "jsonpath={.spec.template.spec.containers[0].args}")
	patch(strings.TrimSuffix(strings.TrimSpace(usual), "]") + `, "` + strings.Join(args, `", "`) + `"]`)
	b.Cleanup(func() { patch(usual) })
}

// benchPod is about how long it takes until a pod runs: without a volume, and with one that is made for it.
func (s *suite) benchPod(b *testing.B) {
	var without, with []float64
	for b.Loop() {
		without = append(without, s.podRuns(b, pod{name: "without", node: nodes[0]}, func() {}))
		with = append(with, s.podRuns(b, pod{name: "with", node: nodes[0], claims: []string{"data"}}, func() {}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(figures.Median(without), "without-s")
	b.ReportMetric(figures.Median(with), "with-s")
}

// podRuns makes a pod's claims and the pod, and returns how many seconds it took until it was ready. It deletes both, after
// what is done meanwhile.
func (s *suite) podRuns(b *testing.B, p pod, meanwhile func()) float64 {
	b.Helper()
	began := time.Now()
	gone := []string{"pod/" + p.name}
	for _, name := range p.claims {
		s.claims(b, claim{name: name})
		gone = append(gone, "pvc/"+name)
	}
	s.start(b, p)
	took := time.Since(began).Seconds()
	meanwhile()
	s.gone(b, gone...)
	return took
}

// benchMemory is about what every kind of process of Seamount has resident, with one volume and with twenty on a node.
func (s *suite) benchMemory(b *testing.B) {
	for _, volumes := range []int{1, 20} {
		b.Run(fmt.Sprintf("volumes=%d", volumes), func(b *testing.B) {
			for b.Loop() {
				s.memoryWith(b, volumes)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func (s *suite) memoryWith(b *testing.B, volumes int) {
	b.Helper()
	p := pod{name: "volumes", node: nodes[0]}
	for i := range volumes {
		p.claims = append(p.claims, fmt.Sprintf("volume-%d", i))
	}
	s.podRuns(b, p, func() {
		for name, biggest := range residentBy(b) {
			b.ReportMetric(biggest, name+"-MiB")
		}
	})
}
