package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// drivers of the volumes.
var drivers = []string{"rbd.csi.seamount.dev", "cephfs.csi.seamount.dev"}

// unmountLimit bounds the wait for volumes. After it they go with the nodes, as in a power cut.
const unmountLimit = 2 * time.Minute

// answers bounds the question whether there is a cluster that can unmount anything.
const answers = 5 * time.Second

// Unmount ends the pods that use volumes of Seamount, and waits until the nodes have given the volumes back: what serves
// them runs outside of pods. It is for a cluster that is about to be removed: when it cannot be done in an orderly way,
// the step says so and is no failure.
func Unmount(ctx context.Context, report *progress.Reporter, k Kubectl) error {
	if !k.answers(ctx) {
		return nil // nothing is mounted, or nobody is there to unmount it
	}
	return report.Do(ctx, "unmount the volumes", func(ctx context.Context, step *progress.Step) error {
		limited, cancel := context.WithTimeout(ctx, unmountLimit)
		defer cancel()
		if err := k.unmount(limited, step); err != nil {
			step.Result("given up, they go with the nodes: %v", err)
		}
		return ctx.Err()
	})
}

func (k Kubectl) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	_, err := k.Run(ctx, "", "get", "--raw=/readyz")
	return err == nil
}

func (k Kubectl) unmount(ctx context.Context, step *progress.Step) error {
	list, err := k.Run(ctx, "", "get", "persistentvolumes", "-o", "json")
	if err != nil {
		return err
	}
	namespaces, err := usersOfVolumes([]byte(list))
	if err != nil {
		return err
	}
	for _, namespace := range namespaces {
		step.Detail("end the pods in namespace %s", namespace)
		_, err := k.Run(ctx, "", "-n", namespace, "delete", "--all", "--wait=false",
			"deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,pods")
		if err != nil {
			return err
		}
	}
	step.Detail("wait for the nodes")
	_, err = k.Run(ctx, "", "wait", "--for=delete", "volumeattachments", "--all", "--timeout="+unmountLimit.String())
	return err
}

// usersOfVolumes are the namespaces with claims of Seamount's volumes, each once.
func usersOfVolumes(list []byte) ([]string, error) {
	var volumes struct {
		Items []struct {
			Spec struct {
				CSI      *struct{ Driver string }
				ClaimRef *struct{ Namespace string }
			}
		}
	}
	if err := json.Unmarshal(list, &volumes); err != nil {
		return nil, fmt.Errorf("read the list of volumes: %w", err)
	}
	var namespaces []string
	for _, v := range volumes.Items {
		if v.Spec.CSI != nil && slices.Contains(drivers, v.Spec.CSI.Driver) && v.Spec.ClaimRef != nil {
			namespaces = append(namespaces, v.Spec.ClaimRef.Namespace)
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces), nil
}
