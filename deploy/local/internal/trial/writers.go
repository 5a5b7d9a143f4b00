package trial

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

const (
	writersObject = "deployment/writers"
	writersClaim  = "shared"
	// writersLimit bounds the wait for the volume, its mounts on three nodes and the first lines from each.
	writersLimit = 15 * time.Minute
)

//go:embed manifests/writers.yaml
var writersManifest string

// Writers makes pods on three nodes that share a file volume, unless they are there, and waits until each has read what the
// others wrote.
func (t Trial) Writers(ctx context.Context) error {
	return t.Report.Do(ctx, titleWriters, func(ctx context.Context, step *progress.Step) error {
		if err := t.ensure(ctx, step, demoNamespace, writersObject, writersText(t.Images)); err != nil {
			return err
		}
		step.Result("three pods read what each other write")
		return t.await(ctx, step, t.log("writers"), writersGoal())
	})
}

func writersText(images Images) string {
	return strings.ReplaceAll(writersManifest, imagePlace, images[imageWorkload])
}

func writersGoal() Goal {
	return Goal{Namespace: demoNamespace, Object: writersObject, Reached: rolledOut, Limit: writersLimit, Look: []string{
		fmt.Sprintf("-n %s logs %s --all-pods --tail=50", demoNamespace, writersObject),
		fmt.Sprintf("-n %s describe pods -l app=writers", demoNamespace),
		fmt.Sprintf("-n %s describe pvc/%s", demoNamespace, writersClaim),
		fmt.Sprintf("-n %s describe storagefilesystem/%s", Namespace, filesystemName),
		fmt.Sprintf("-n %s logs deployment/seamount-csi-controller --all-pods --tail=100", Namespace),
		fmt.Sprintf("-n %s logs daemonset/seamount-agent --all-pods --tail=100", Namespace),
	}}
}
