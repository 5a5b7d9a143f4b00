package trial

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"text/template"
)

//go:embed summary.txt
var summaryText string

var summaryTemplate = template.Must(template.New("summary").Parse(summaryText))

// Facts are what is told of a trial that is up.
type Facts struct {
	Nodes, Disks int
	DiskSize     string // of each, or what is known of it
	Ceph         string // its release
	Health, OSDs string
	Layout       string // of the pool
	Volume, Size string
	Node         string // that the database runs on
	Rows         int
	MDS          string // of the filesystem
	Shared       string // volume that three nodes write to
	SharedSize   string
	Kubeconfig   string
	Programs     string // directory of kubectl
	Took         string
	Checkout     string // directory of the repository
}

// Look completes facts with what the objects say.
func (t Trial) Look(ctx context.Context, f Facts) (Facts, error) {
	var objects [6]Object
	for i, o := range []struct{ namespace, name string }{
		{Namespace, "storagecluster/" + clusterName}, {Namespace, "storagepool/" + poolName},
		{demoNamespace, "pvc/" + demoClaim}, {demoNamespace, "pod/" + demoPod},
		{Namespace, "storagefilesystem/" + filesystemName}, {demoNamespace, "pvc/" + writersClaim},
	} {
		object, there, err := t.Get(ctx, o.namespace, o.name)
		if err != nil {
			return f, err
		}
		if !there {
			return f, fmt.Errorf("%s in namespace %s is gone again: somebody deletes it", o.name, o.namespace)
		}
		objects[i] = object
	}
	cluster, pool, claim, pod := objects[0].Status.Summary, objects[1].Status.Summary, objects[2], objects[3]
	f.Ceph, f.Health, f.OSDs, f.Layout = cluster.Version, cluster.Health, cluster.OSDs, pool.Layout
	f.Volume, f.Size, f.Node = claim.Spec.VolumeName, claim.Status.Capacity.Storage, pod.Spec.NodeName
	f.MDS, f.Shared, f.SharedSize = objects[4].Status.Summary.MDS, objects[5].Spec.VolumeName, objects[5].Status.Capacity.Storage
	f.Kubeconfig = t.Kubeconfig
	return f, nil
}

// Print tells what is there, how to look at it and what to try.
func (f Facts) Print(w io.Writer) error { return summaryTemplate.Execute(w, f) }
