package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// runCeph runs ceph with the key of client.admin, which comes as the first line of stdin: a command line or an
// environment could be read by others on the node. The key lies in a file of the container, for its user alone, as long as
// ceph runs. What is left of stdin is ceph's.
const runCeph = `umask 077
IFS= read -r key
file=$(mktemp)
trap 'rm -f "$file"' EXIT
trap 'exit 129' HUP INT TERM
printf '%s' "$key" >"$file"
unset key
export CEPH_ARGS="--keyfile $file"
set +e
ceph "$@"
exit $?`

func newCeph(a *App) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "ceph -- ARGS...",
		Short: "Run Ceph's own program in the pod of a mon",
		Long: `Run Ceph's own program, as client.admin, in the pod of a mon. Stdin, stdout, stderr and the exit code are its own.

You need to read the Secret with the cluster's identity and to run commands in pods of its namespace: whoever may do that
may do anything to the cluster, and what is changed by hand is reported as drift.`,
		Example: `  kubectl seamount ceph -- osd tree
  kubectl seamount ceph --storagecluster main -- health detail`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ceph(cmd.Context(), k, name, args)
		},
	}
	cmd.Flags().StringVar(&name, "storagecluster", "", "the StorageCluster that is meant, if there are several")
	cmd.Flags().SetInterspersed(false)
	_ = cmd.RegisterFlagCompletionFunc("storagecluster", a.completeClusters)
	return cmd
}

func (a *App) ceph(ctx context.Context, k *Kubernetes, name string, args []string) error {
	c, err := a.oneCluster(ctx, k, name)
	if err != nil {
		return err
	}
	pod, err := monPod(ctx, k, c)
	if err != nil {
		return err
	}
	key, err := adminKey(ctx, k, c)
	if err != nil {
		return err
	}
	err = k.Exec(ctx, Exec{
		Namespace: pod.Namespace, Pod: pod.Name, Container: manifest.ComponentMon,
		Command: append([]string{"sh", "-ec", runCeph, "ceph"}, args...),
		Stdin:   io.MultiReader(strings.NewReader(key+"\n"), a.In), Stdout: a.Out, Stderr: a.Err,
	})
	if errors.Is(err, errDenied) {
		return hintedError{err, "ask for it: kubectl auth can-i create pods/exec -n " + c.Namespace}
	}
	return err
}

// oneCluster finds the cluster that is meant.
func (a *App) oneCluster(ctx context.Context, k *Kubernetes, name string) (*v1alpha1.StorageCluster, error) {
	s, err := a.gather(ctx, k, []part{clusters(k.scope())})
	if err != nil {
		return nil, err
	}
	if err := pickClusters(s, k.scope(), name); err != nil {
		return nil, err
	}
	if len(s.Clusters) > 1 {
		return nil, usage("name one with --storagecluster, and its namespace with -n", "there are several StorageClusters: %s", clusterNames(s))
	}
	return &s.Clusters[0], nil
}

func clusterNames(s *answer.Snapshot) string {
	var names []string
	for _, c := range s.Clusters {
		names = append(names, c.Namespace+"/"+c.Name)
	}
	return strings.Join(names, ", ")
}

// monPod finds a mon whose pod is ready.
func monPod(ctx context.Context, k *Kubernetes, c *v1alpha1.StorageCluster) (*corev1.Pod, error) {
	var list corev1.PodList
	err := k.List(ctx, &list, client.InNamespace(c.Namespace), client.MatchingLabels{
		v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(c.Namespace, c.Name), manifest.LabelComponent: manifest.ComponentMon,
	})
	if err != nil {
		return nil, explain(err, "pods")
	}
	for i := range list.Items {
		if podReady(&list.Items[i]) {
			return &list.Items[i], nil
		}
	}
	return nil, hinted("kubectl seamount why scl/"+c.Name, "none of the %d mons of StorageCluster %s/%s has a pod that is ready", len(list.Items), c.Namespace, c.Name)
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// adminKey reads the key of client.admin.
func adminKey(ctx context.Context, k *Kubernetes, c *v1alpha1.StorageCluster) (string, error) {
	name := manifest.IdentityName(c.Name)
	var secret corev1.Secret
	switch err := k.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, &secret); {
	case apierrors.IsForbidden(err):
		return "", hinted(fmt.Sprintf("ask for it: kubectl auth can-i get secret/%s -n %s", name, c.Namespace),
			"the key of client.admin is in Secret %s/%s, which you may not read: %w", c.Namespace, name, err)
	case err != nil:
		return "", fmt.Errorf("read the key of client.admin: %w", err)
	}
	identity, err := manifest.IdentityOf(&secret)
	if err != nil {
		return "", err
	}
	return identity.Admin.Reveal(), nil
}
