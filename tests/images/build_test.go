//go:build e2e

package images

import (
	"os"
	"sync"
	"testing"

	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/local/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

var loaded struct {
	sync.Once
	cluster *cluster.Cluster
	images  map[string]built.Image
}

// up is a cluster of one node that has every image.
func up(t *testing.T) (*cluster.Cluster, map[string]built.Image) {
	t.Helper()
	loaded.Do(func() {
		images := built.All(t)
		var archives []string
		for _, i := range images {
			archives = append(archives, i.Archive)
		}
		loaded.cluster, loaded.images = cluster.Up(t, 1, archives...), images
	})
	if loaded.images == nil {
		t.Fatal("the images could not be built or loaded: see the first failure")
	}
	return loaded.cluster, loaded.images
}
