package trial

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// What a trial makes, as its manifests name it.
const (
	clusterName = "main"
	poolName    = "block"

	filesystemName = "shared"
)

const (
	// clusterLimit bounds the wait for Ceph, which takes seconds on an idle machine.
	clusterLimit = 15 * time.Minute
	// poolLimit bounds the wait for the pool and its StorageClass.
	poolLimit = 10 * time.Minute
	// filesystemLimit bounds the wait for the metadata servers too.
	filesystemLimit = 10 * time.Minute
)

var (
	//go:embed manifests/cluster.yaml
	clusterManifest string
	//go:embed manifests/pool.yaml
	poolManifest string
	//go:embed manifests/filesystem.yaml
	filesystemManifest string
)

// imagePlace is where a manifest has the name of an image that only the cluster knows.
const imagePlace = "IMAGE"

// Cluster makes the StorageCluster, unless it is there, and waits until it is Ready.
func (t Trial) Cluster(ctx context.Context) error {
	return t.storage(ctx, titleCluster, "storagecluster/"+clusterName,
		strings.ReplaceAll(clusterManifest, imagePlace, t.Images[imageCeph]), clusterLimit)
}

// Pool makes the StoragePool, unless it is there, and waits until it is Ready.
func (t Trial) Pool(ctx context.Context) error {
	return t.storage(ctx, titlePool, "storagepool/"+poolName, poolManifest, poolLimit)
}

// Filesystem makes the StorageFilesystem, unless it is there, and waits until it is Ready.
func (t Trial) Filesystem(ctx context.Context) error {
	return t.storage(ctx, titleFilesystem, "storagefilesystem/"+filesystemName, filesystemManifest, filesystemLimit)
}

func (t Trial) storage(ctx context.Context, title, object, text string, limit time.Duration) error {
	return t.Report.Do(ctx, title, func(ctx context.Context, step *progress.Step) error {
		if err := t.ensure(ctx, step, Namespace, object, text); err != nil {
			return err
		}
		kind, name, _ := strings.Cut(object, "/")
		step.Result("%s %s is Ready", kind, name)
		return t.await(ctx, step, t.log(kind), Goal{Namespace: Namespace, Object: object, Reached: conditionReady, Limit: limit, Look: []string{
			"get storagedisks -o wide",
			fmt.Sprintf("-n %s get pods -o wide", Namespace),
			fmt.Sprintf("-n %s logs deployment/seamount-operator --all-pods --tail=200", Namespace),
		}})
	})
}
