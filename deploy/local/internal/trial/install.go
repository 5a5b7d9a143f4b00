package trial

import (
	"context"
	"fmt"
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
	if err := t.Report.Do(ctx, "install Seamount with its Helm chart", t.chart); err != nil {
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

// ensure makes an object that is not there, of a text in which it comes last: what comes before it is there when it is.
func (t Trial) ensure(ctx context.Context, step *progress.Step, namespace, object, text string) error {
	_, there, err := t.Get(ctx, namespace, object)
	if err != nil || there {
		return err
	}
	step.Detail("%s", strings.ReplaceAll(object, "/", " "))
	return t.Apply(ctx, text)
}
