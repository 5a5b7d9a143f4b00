package trial

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

const (
	demoNamespace = "demo"
	demoPod       = "postgres-0"
	demoClaim     = "data-postgres-0"
	// demoScale is pgbench's; it makes 100,000 rows for each.
	demoScale = 3
	demoRows  = demoScale * 100_000
	// demoLimit bounds the wait for the volume, its filesystem and the data in it.
	demoLimit = 15 * time.Minute
	// answerLimit bounds the wait for the first answer of a database whose pod is ready.
	answerLimit = 2 * time.Minute
)

//go:embed manifests/postgres.yaml
var demoManifest string

// Demo makes a database on a volume, unless it is there, and waits until it answers. It returns how many rows it has.
func (t Trial) Demo(ctx context.Context) (rows int, err error) {
	err = t.Report.Do(ctx, titleDemo, func(ctx context.Context, step *progress.Step) error {
		_, was, err := t.Get(ctx, demoNamespace, "statefulset/postgres")
		if err != nil {
			return err
		}
		if err := t.ensure(ctx, step, demoNamespace, "statefulset/postgres", demoText(t.Images)); err != nil {
			return err
		}
		if err := t.await(ctx, step, t.log("demo"), demoGoal()); err != nil {
			return err
		}
		rows, err = t.count(ctx, step)
		if err != nil {
			return err
		}
		step.Result("%d rows", rows)
		return judgeRows(rows, was)
	})
	return rows, err
}

func demoText(images Images) string {
	return strings.NewReplacer(imagePlace, images[imageWorkload], "SCALE", strconv.Itoa(demoScale)).Replace(demoManifest)
}

func demoGoal() Goal {
	return Goal{Namespace: demoNamespace, Object: "pod/" + demoPod, Reached: podReady, Limit: demoLimit, Look: []string{
		fmt.Sprintf("-n %s logs %s --all-containers --tail=100", demoNamespace, demoPod),
		fmt.Sprintf("-n %s describe statefulset/postgres pvc/%s", demoNamespace, demoClaim),
		fmt.Sprintf("-n %s logs deployment/seamount-csi-controller --all-pods --tail=100", Namespace),
		fmt.Sprintf("-n %s logs daemonset/seamount-agent --all-pods --tail=100", Namespace),
	}}
}

// judgeRows holds a database that was made just now to what pgbench puts into it. With one of an earlier run a person may
// have done anything.
func judgeRows(rows int, was bool) error {
	if !was && rows != demoRows {
		return fmt.Errorf("the new database has %d rows of pgbench, not %d: delete the namespace %s and run `make up` again", rows, demoRows, demoNamespace)
	}
	return nil
}

// count asks the database until it answers.
func (t Trial) count(ctx context.Context, step *progress.Step) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		out, err := t.Run(ctx, "", "-n", demoNamespace, "exec", demoPod, "-c", "postgres", "--",
			"psql", "-X", "-A", "-t", "-c", "SELECT count(*) FROM pgbench_accounts")
		if err == nil {
			return strconv.Atoi(out)
		}
		step.Detail("%v", err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("the database does not answer for %s: %w", answerLimit, err)
		}
	}
}
