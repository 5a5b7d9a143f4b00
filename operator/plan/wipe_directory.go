package plan

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// directoryPatience is how long the deletion of a cluster waits for the agents that are asked to remove its directories. What is not
// removed by then is named, and keeps the StorageCluster no longer: nobody needs it, and no other cluster uses it.
const directoryPatience = 2 * time.Minute

// removeDirectories has the agents remove what the cluster kept on the nodes themselves, and says whether that is still to end. It
// stays where a disk was given up: with the data of that disk somebody may still want to look into the stores of the mons.
func (c *computation) removeDirectories(record *manifest.WipeRecord) bool {
	before := c.in.Wiping.Record
	switch {
	case !record.AllErased():
		return false
	case !record.Asked.IsZero():
		for i := range record.Directories {
			c.settleDirectory(record, &record.Directories[i])
		}
	case c.podsEnd():
		c.wake(lookSoon)
		return true
	default:
		if directories := c.newDirectories(record); len(directories) > 0 {
			record.Directories, record.Asked = directories, c.in.Now.UTC().Truncate(time.Second)
		}
	}
	switch {
	case !reflect.DeepEqual(record, before):
		c.add(RecordWipe{*record}, "agents are asked to remove the directories of the cluster, or have answered")
		c.wake(lookSoon)
	case record.Removing() != nil:
		c.wake(lookSoon)
	default:
		return false
	}
	return true
}

// podsEnd says that a pod of the cluster is left on a node that answers: it may still have its directory.
func (c *computation) podsEnd() bool {
	return slices.ContainsFunc(c.in.Leaving, func(pod Leaving) bool { return c.answers(pod.Node) == "" })
}

// answers returns why nobody on a node can be asked; empty: somebody can.
func (c *computation) answers(name string) string {
	switch node := c.nodes[name]; {
	case node == nil:
		return "the node is gone"
	case !node.Ready:
		return "the node does not answer"
	}
	return ""
}

// newDirectories lists the nodes where the cluster may have kept something: those of its mons, and those that its disks are on, which
// had a mon before it moved.
func (c *computation) newDirectories(record *manifest.WipeRecord) []manifest.WipeDirectory {
	nodes := map[string]bool{}
	for _, mon := range c.in.Mons.Mons {
		nodes[mon.Node] = true
	}
	for i := range record.Operations {
		for _, disk := range record.Operations[i].Disks {
			nodes[disk.Node] = true
		}
	}
	delete(nodes, "")
	directories := []manifest.WipeDirectory{}
	for _, name := range sortedStrings(nodes) {
		directory := manifest.WipeDirectory{Node: name, Disk: c.in.Wiping.asksBy(name)}
		if why := c.answers(name); why != "" {
			directory.Result, directory.Message = manifest.WipeLeft, why
		} else if directory.Disk == "" {
			directory.Result, directory.Message = manifest.WipeLeft, "no StorageDisk of the node is free to ask its agent by"
		}
		directories = append(directories, directory)
	}
	return directories
}

// asksBy finds a disk by which the agent of a node can be asked, that nobody asks for anything; empty: there is none. Those that were
// the cluster's come first: nobody else takes them before the StorageCluster is gone.
func (w *Wiping) asksBy(node string) string {
	var others string
	for _, disk := range w.Disks {
		status := &disk.Status
		if status.Node != node || status.Presence == v1alpha1.PresenceMissing || status.Claim != nil || status.Request != nil || len(status.OSDs) > 0 {
			continue
		}
		if w.Record.Disk(disk.Name) != nil {
			return disk.Name
		}
		others = cmp.Or(others, disk.Name)
	}
	return others
}

// settleDirectory notes what the agent says of a directory, and gives it up when nobody is there to remove it.
func (c *computation) settleDirectory(record *manifest.WipeRecord, directory *manifest.WipeDirectory) {
	if directory.Result != "" {
		return
	}
	var report v1alpha1.DiskReport
	if disk := diskNamed(c.in.Wiping.Disks, directory.Disk); disk != nil {
		if found := deref(disk.Status.Report); found.ID == HostDirectoryRequest(record, directory.Node).ID {
			report = found
		}
	}
	refused := ""
	if report.Refusal != nil {
		refused = withRemedy(*report.Refusal)
	}
	left := c.answers(directory.Node)
	if report.Result == v1alpha1.DiskReportRefused {
		left = "the agent refuses: " + refused
	} else if left == "" && c.in.Now.Sub(record.Asked) >= directoryPatience {
		left = cmp.Or(refused, "the agent has not answered within "+directoryPatience.String())
	}
	switch {
	case report.Result == v1alpha1.DiskReportDone:
		directory.Result = manifest.WipeRemoved
	case left != "":
		directory.Result, directory.Message = manifest.WipeLeft, cut(left)
	}
}

// HostDirectoryRequest is what the agent of a node is asked for by the deletion of a cluster, when its disks are erased. That of another
// deletion of the same Ceph is another request.
func HostDirectoryRequest(record *manifest.WipeRecord, node string) *v1alpha1.DiskRequest {
	request := &v1alpha1.DiskRequest{ID: record.UID, Action: v1alpha1.DiskActionRemoveHostDirectory, Node: node, FSID: record.FSID}
	request.ID = requestID(request)
	return request
}

// directoryRequest is what the agent of a disk's node is asked for besides the disk; nil: nothing.
func (p *diskPlanner) directoryRequest(disk *v1alpha1.StorageDisk) *v1alpha1.DiskRequest {
	for _, c := range p.clusters {
		for i := range deref(c.Wipe).Directories {
			d := &c.Wipe.Directories[i]
			if d.Result == "" && d.Disk == disk.Name && d.Node == disk.Status.Node {
				return HostDirectoryRequest(c.Wipe, d.Node)
			}
		}
	}
	return nil
}

// directoriesText says what became of the directories of a cluster on its nodes.
func directoriesText(record *manifest.WipeRecord) string {
	removed, left := 0, []string{}
	for _, d := range record.Directories {
		switch d.Result {
		case manifest.WipeRemoved:
			removed++
		case manifest.WipeLeft:
			left = append(left, d.Node+" ("+d.Message+")")
		}
	}
	text := ""
	if removed > 0 {
		text += "; " + handover.ClusterHostDir(record.FSID) + " removed on " + count(removed, "node")
	}
	if len(left) > 0 {
		text += "; " + handover.ClusterHostDir(record.FSID) + " is left on " + some(left) + ": remove it by hand"
	}
	return text
}
