package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	clientgoapply "k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/applyconfiguration"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// now is the time of every answer.
var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// world is a program with an API server that holds some objects.
type world struct {
	app      *App
	kube     *Kubernetes
	out, err bytes.Buffer
	execs    []Exec
	stdin    []string // what came to each of execs
	execErr  error
}

func newWorld(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) *world {
	t.Helper()
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	w.kube = &Kubernetes{
		WithWatch: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).WithReturnManagedFields().
			WithTypeConverters(applyconfiguration.NewTypeConverter(scheme), clientgoapply.NewTypeConverter(scheme), managedfields.NewDeducedTypeConverter()).
			WithIndex(&corev1.Event{}, "type", func(o client.Object) []string { return []string{o.(*corev1.Event).Type} }).Build(),
		Namespace: "default",
		User:      func(context.Context) (string, error) { return "alice@example.com", nil },
		May:       func(context.Context, string, string) (bool, error) { return true, nil },
		Exec:      w.exec,
	}
	w.app = &App{
		Version: "v0.1.0", In: strings.NewReader(""), Out: &w.out, Err: &w.err, Now: func() time.Time { return now },
		Connect: func(flags *genericclioptions.ConfigFlags, _ io.Writer) (*Kubernetes, error) {
			k := *w.kube
			if *flags.Namespace != "" {
				k.Namespace, k.Named = *flags.Namespace, true
			}
			return &k, nil
		},
	}
	return w
}

func (w *world) exec(_ context.Context, e Exec) error {
	input, err := io.ReadAll(e.Stdin)
	if err != nil {
		return err
	}
	w.execs, w.stdin = append(w.execs, e), append(w.stdin, string(input))
	fmt.Fprint(e.Stdout, "out of ceph\n")
	return w.execErr
}

// run executes a command line as a shell would split it.
func (w *world) run(t *testing.T, line string) int {
	t.Helper()
	return w.app.Run(t.Context(), strings.Fields(line))
}

func cond(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(now.Add(-time.Hour))}
}

func yes(kind, reason, message string) metav1.Condition {
	return cond(kind, metav1.ConditionTrue, reason, message)
}

func no(kind, reason, message string) metav1.Condition {
	return cond(kind, metav1.ConditionFalse, reason, message)
}

// set replaces a condition of an object.
func set(have []metav1.Condition, c metav1.Condition) {
	for i := range have {
		if have[i].Type == c.Type {
			have[i] = c
		}
	}
}

func quantity(s string) *resource.Quantity { return new(resource.MustParse(s)) }

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name), Generation: 1, CreationTimestamp: metav1.NewTime(now.Add(-26 * time.Hour)),
	}
}

func node(name string, ready corev1.ConditionStatus, reason, message string) *corev1.Node {
	return &corev1.Node{ObjectMeta: named("", name), Status: corev1.NodeStatus{
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Reason: reason, Message: message}},
	}}
}

func readyNode(name string) *corev1.Node {
	return node(name, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status")
}

// daemonPod is a pod of Ceph.
func daemonPod(component, daemon, node string, ready bool) *corev1.Pod {
	p := workload("seamount", "ceph-main-"+strings.ReplaceAll(daemon, ".", "-"), node, ready)
	p.Labels = map[string]string{
		"app.kubernetes.io/name": "ceph", "app.kubernetes.io/component": component, "seamount.dev/daemon": daemon,
		v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue("seamount", "main"),
	}
	return p
}

// ownPod is a pod of Seamount itself.
func ownPod(component, node string) *corev1.Pod {
	p := workload("seamount", "seamount-"+component+"-"+node, node, true)
	p.Labels = map[string]string{"app.kubernetes.io/name": "seamount", "app.kubernetes.io/component": component}
	return p
}

// workload is a pod that uses claims.
func workload(namespace, name, node string, ready bool, claims ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: named(namespace, name), Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	status := corev1.ConditionTrue
	if !ready {
		status = corev1.ConditionFalse
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	for _, c := range claims {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: c, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c},
		}})
	}
	return p
}

func mustScheme() *runtime.Scheme {
	scheme, err := newScheme()
	if err != nil {
		panic(err)
	}
	return scheme
}
