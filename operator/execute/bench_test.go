package execute

import (
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// manyOSDs of one cluster, on ten disks a node.
func manyOSDs(count int) []plan.Daemon {
	daemons := make([]plan.Daemon, count)
	for i := range daemons {
		osd := osdOn(fmt.Sprintf("wwn-%d", i))
		osd.ID, osd.Node = int32(i), fmt.Sprintf("n%03d", i/10) //nolint:gosec // a small number
		daemons[i] = plan.Daemon{ID: plan.DaemonID{Kind: plan.DaemonOSD, Name: fmt.Sprint(i)}, Node: osd.Node, Hostname: osd.Node, OSD: &osd, NodeMemory: 64 << 30}
	}
	return daemons
}

// BenchmarkRender5000 renders the pods of 5,000 OSDs with what renders them in the operator: the first time, and again.
func BenchmarkRender5000(b *testing.B) {
	daemons := manyOSDs(5000)
	object := &v1alpha1.StorageCluster{}
	builder := Builder(object, plan.Cluster{Image: "quay.io/ceph/ceph:v20.2.4"}, fsid, "node:1", "")
	fresh := func() *plan.Renders {
		return plan.NewRenders(func(d plan.Daemon) plan.Template { return Template(builder, d) })
	}
	renders := fresh()
	for name, of := range map[string]func() *plan.Renders{"first": fresh, "again": func() *plan.Renders { return renders }} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := of()
				for _, d := range daemons {
					r.Render(d)
				}
			}
		})
	}
}
