package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// forgetAfter is how long it is believed that no StorageDisk knows an OSD. One that is reserved for a disk of this node is
// known at once: that disk is watched.
const forgetAfter = time.Minute

// Knowledge is what the API knows of clusters and their OSDs. It asks for OSDs only when a label of BlueStore names one
// that no disk of this node knows. It is not safe for concurrent use.
type Knowledge struct {
	own client.Reader // StorageDisks of this node and all StorageClusters, which may lag behind
	api client.Reader
	now func() time.Time

	asked map[string]answer // by the OSD's uuid
}

type answer struct {
	osd     *verdict.OSD // nil: nobody knows it
	cluster verdict.Cluster
	until   time.Time
}

// NewKnowledge returns what the API knows: own as in New, with all StorageClusters beside.
func NewKnowledge(own, api client.Reader, now func() time.Time) *Knowledge {
	return &Knowledge{own: own, api: api, now: now, asked: map[string]answer{}}
}

// Context fills in the clusters, and the OSDs that the labels on disks name. What could not be read is in Unread.
func (k *Knowledge) Context(ctx context.Context, c verdict.Context, labels []disk.Label) verdict.Context {
	c.Clusters, c.OSDs = map[string]verdict.Cluster{}, map[string]verdict.OSD{}
	if err := k.read(ctx, c, labels); err != nil {
		c.Unread = err.Error()
	}
	return c
}

func (k *Knowledge) read(ctx context.Context, c verdict.Context, labels []disk.Label) error {
	var clusters v1alpha1.StorageClusterList
	if err := k.own.List(ctx, &clusters); err != nil {
		return fmt.Errorf("list StorageClusters: %w", err)
	}
	for _, cluster := range clusters.Items {
		if cluster.Status.FSID != "" {
			c.Clusters[cluster.Status.FSID] = verdict.Cluster{Namespace: cluster.Namespace, Name: cluster.Name}
		}
	}
	var disks v1alpha1.StorageDiskList
	if err := k.own.List(ctx, &disks); err != nil {
		return fmt.Errorf("list StorageDisks: %w", err)
	}
	learn(c, disks.Items)
	for _, label := range labels {
		if err := k.ask(ctx, c, label); err != nil {
			return err
		}
	}
	return nil
}

// learn takes in the OSDs that disks are reserved for or serve, and the clusters that claim the disks: a cluster whose
// object is gone still has its OSDs.
func learn(c verdict.Context, disks []v1alpha1.StorageDisk) {
	for _, d := range disks {
		claim := d.Status.Claim
		if claim == nil || claim.FSID == "" {
			continue
		}
		if _, known := c.Clusters[claim.FSID]; !known && len(d.Status.OSDs) > 0 {
			c.Clusters[claim.FSID] = verdict.Cluster{Namespace: claim.Namespace, Name: claim.Name}
		}
		for _, osd := range d.Status.OSDs {
			if osd.UUID != "" {
				c.OSDs[osd.UUID] = verdict.OSD{ID: osd.ID, FSID: claim.FSID}
			}
		}
	}
}

// ask asks the API for an OSD that no disk of this node knows: its disk may have moved here under another name.
func (k *Knowledge) ask(ctx context.Context, c verdict.Context, label disk.Label) error {
	if _, known := c.OSDs[label.OSDUUID]; known || !label.Valid || label.OSDUUID == "" {
		return nil
	}
	if label.FSID != "" && !hasCluster(c, label.FSID) {
		return nil // of another cluster, which knows its own
	}
	a, asked := k.asked[label.OSDUUID]
	if !asked || k.now().After(a.until) {
		var err error
		if a, err = k.search(ctx, label); err != nil {
			return err
		}
		k.asked[label.OSDUUID] = a
	}
	if a.osd != nil {
		c.OSDs[label.OSDUUID] = *a.osd
		if !hasCluster(c, a.osd.FSID) {
			c.Clusters[a.osd.FSID] = a.cluster
		}
	}
	return nil
}

func hasCluster(c verdict.Context, fsid string) bool {
	_, here := c.Clusters[fsid]
	return here
}

// search looks among the disks of an OSD with the label's number or, where the label has none, among all.
func (k *Knowledge) search(ctx context.Context, label disk.Label) (answer, error) {
	options := []client.ListOption{client.Limit(pageSize)}
	if label.OSDID >= 0 {
		options = append(options, client.HasLabels{v1alpha1.OSDLabel(int32(label.OSDID))})
	}
	a := answer{until: k.now().Add(forgetAfter)}
	disks := v1alpha1.StorageDiskList{}
	for {
		if err := k.api.List(ctx, &disks, append(slices.Clip(options), client.Continue(disks.Continue))...); err != nil {
			return a, fmt.Errorf("list StorageDisks: %w", err)
		}
		found := verdict.Context{Clusters: map[string]verdict.Cluster{}, OSDs: map[string]verdict.OSD{}}
		learn(found, disks.Items)
		if osd, ok := found.OSDs[label.OSDUUID]; ok {
			a.osd, a.cluster = &osd, found.Clusters[osd.FSID]
			return a, nil
		}
		if disks.Continue == "" {
			return a, nil
		}
	}
}
