package trial

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// rolloutLimit bounds the wait for the pods of one part of Seamount: seconds, when its image is there.
const rolloutLimit = 10 * time.Minute

// Trial is a trial of Seamount in a cluster that has the images.
type Trial struct {
	Checkout
	Kubectl
	Images Images
}

// Install installs Seamount, or what of it is missing or other, and waits until it runs.
func (t Trial) Install(ctx context.Context) error {
	if err := t.Report.Do(ctx, "install Seamount", t.apply); err != nil {
		return err
	}
	return t.Report.Do(ctx, "wait for Seamount to run", func(ctx context.Context, step *progress.Step) error {
		for _, workload := range workloads {
			goal := Goal{Namespace: Namespace, Object: workload, Reached: rolledOut, Limit: rolloutLimit, Look: []string{
				fmt.Sprintf("-n %s get pods -o wide", Namespace), fmt.Sprintf("-n %s logs %s --all-pods --tail=100", Namespace, workload),
			}}
			if err := t.await(ctx, step, t.log("install"), goal); err != nil {
				return err
			}
		}
		step.Result("%d workloads", len(workloads))
		return nil
	})
}

// apply applies the kinds first, and then what needs them.
func (t Trial) apply(ctx context.Context, step *progress.Step) error {
	crds := []string{"deploy/crds"}
	if _, there, err := t.Get(ctx, "", "crd/volumesnapshots.snapshot.storage.k8s.io"); err != nil {
		return err
	} else if !there { // another snapshotter may have brought them: then they are its own
		crds = append(crds, "deploy/crds-snapshot")
	}
	for _, directory := range crds {
		step.Detail("%s", directory)
		if err := t.applyKinds(ctx, filepath.Join(t.Root, directory)); err != nil {
			return err
		}
	}
	step.Detail("manifests")
	text, err := t.Manifests(t.Images)
	if err != nil {
		return err
	}
	return t.Apply(ctx, text)
}

func (t Trial) applyKinds(ctx context.Context, directory string) error {
	_, err := t.Run(ctx, "", "apply", "--server-side", "--force-conflicts", "--field-manager=seamount-trial", "-f", directory)
	if err != nil {
		return err
	}
	_, err = t.Run(ctx, "", "wait", "--for=condition=Established", "--timeout=2m", "-f", directory)
	return err
}

// ensure makes an object that is not there, of a text in which it comes last: what comes before it is there when it is.
func (t Trial) ensure(ctx context.Context, step *progress.Step, namespace, object, text string) error {
	_, there, err := t.Get(ctx, namespace, object)
	if err != nil || there {
		return err
	}
	step.Detail("%s", strings.ReplaceAll(object, "/", " "))
	return t.Apply(ctx, text)
}
