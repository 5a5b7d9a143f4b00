// Package report brings what a node sees of its disks into the API: one
// StorageDisk for each, written by server-side apply as the node's own owner of
// fields, and only when something differs. It also follows the rules by which a
// disk passes from node to node. It never writes a spec, what the operator owns,
// or a disk that another node has; and it never deletes an object.
package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// Sighting is a disk that this node sees, with what it is known by.
type Sighting struct {
	Name     string
	Identity v1alpha1.DiskIdentity
	Disk     disk.Disk
	// Pending says that the first reading of the disk since the program started has not ended. A verdict that stands in the
	// API stays until then: it was made of a disk that was read.
	Pending bool
}

// Reporter writes for one node. It is not safe for concurrent use.
type Reporter struct {
	own  client.Reader // StorageDisks with status.node of this node, at least; may lag behind
	api  client.Client // the API itself
	node string
	now  func() time.Time

	written map[string]*v1alpha1.StorageDisk // what the API answered to a write, until own has caught up
	entered map[string]bool                  // disks of other nodes with this node in otherNodes
}

// New returns a Reporter for a node. It reads the disks of the node through own, which may be a cache, and everything
// else, as well as what it writes, through api.
func New(own client.Reader, api client.Client, node string, now func() time.Time) *Reporter {
	return &Reporter{own: own, api: api, node: node, now: now, written: map[string]*v1alpha1.StorageDisk{}, entered: map[string]bool{}}
}

// Outcome is what became of a report.
type Outcome struct {
	// Ours is false for a disk that another node has: this node has said there that it sees it too, and no more.
	Ours bool
	// Result and Reasons of the verdict on a disk that is ours.
	Result  v1alpha1.VerdictResult
	Reasons []v1alpha1.Refusal
	// Before is the verdict that stood in the API, empty for none.
	Before v1alpha1.VerdictResult
}

// Report judges a disk and reports it. The other nodes in c are those that the API names.
func (r *Reporter) Report(ctx context.Context, s Sighting, c verdict.Context) (Outcome, error) {
	live, err := r.read(ctx, s.Name)
	if err != nil {
		return Outcome{}, err
	}
	if live == nil {
		if live, err = r.create(ctx, s); err != nil {
			return Outcome{}, err
		}
	}
	before := verdictOf(live)
	switch holder := live.Status.Node; {
	case holder == r.node:
	case holder == "" || live.Status.Presence == v1alpha1.PresenceMissing:
		if live, err = r.takeOver(ctx, live); err != nil {
			return Outcome{}, err
		}
	default:
		return Outcome{Before: before}, r.enter(ctx, live)
	}
	delete(r.entered, s.Name)
	if s.Pending && before != "" && live.Status.Verdict != nil {
		return Outcome{Ours: true, Result: before, Before: before}, nil
	}
	c.OtherNodes, c.Disk = r.others(live), s.Name
	j := verdict.Judge(s.Disk, c)
	return Outcome{Ours: true, Result: j.Result, Reasons: j.Reasons, Before: before}, r.bring(ctx, live, r.present(s, j, live.Status), labels(r.node, s.Disk.Hardware.Media))
}

// Missing reports every disk of this node that is not among those it sees, and takes this node's name off the disks of
// other nodes that it no longer sees. Another node may take over a disk that is Missing.
func (r *Reporter) Missing(ctx context.Context, seen func(name string) bool) error {
	var disks v1alpha1.StorageDiskList
	if err := r.own.List(ctx, &disks); err != nil {
		return fmt.Errorf("list the StorageDisks of node %s: %w", r.node, err)
	}
	var failed []error
	for i := range disks.Items {
		if live := r.newest(&disks.Items[i]); live.Status.Node == r.node && !seen(live.Name) {
			failed = append(failed, r.bring(ctx, live, r.missing(live.Status), live.Labels))
		}
	}
	for name := range r.entered {
		if !seen(name) {
			failed = append(failed, r.leave(ctx, name))
		}
	}
	return errors.Join(failed...)
}

// Recall finds the disks of other nodes on which this node left its name before it was restarted.
func (r *Reporter) Recall(ctx context.Context) error {
	disks := v1alpha1.StorageDiskList{}
	for {
		if err := r.api.List(ctx, &disks, client.Limit(pageSize), client.Continue(disks.Continue)); err != nil {
			return fmt.Errorf("list all StorageDisks: %w", err)
		}
		for _, d := range disks.Items {
			if slices.Contains(d.Status.OtherNodes, r.node) && d.Status.Node != r.node {
				r.entered[d.Name] = true
			}
		}
		if disks.Continue == "" {
			return nil
		}
	}
}

// pageSize bounds the answers to lists of all StorageDisks.
const pageSize = 500

// Shared says whether this node sees disks of other nodes, which may be given up to it at any time.
func (r *Reporter) Shared() bool { return len(r.entered) > 0 }

// read returns nil for an object that does not exist.
func (r *Reporter) read(ctx context.Context, name string) (*v1alpha1.StorageDisk, error) {
	live := &v1alpha1.StorageDisk{}
	err := r.own.Get(ctx, client.ObjectKey{Name: name}, live)
	if apierrors.IsNotFound(err) { // or another node's
		err = r.api.Get(ctx, client.ObjectKey{Name: name}, live)
	}
	switch {
	case apierrors.IsNotFound(err):
		delete(r.written, name)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read StorageDisk %s: %w", name, err)
	}
	return r.newest(live), nil
}

// newest returns what the API answered to the last write, if live is older: acting on it would write the same again.
func (r *Reporter) newest(live *v1alpha1.StorageDisk) *v1alpha1.StorageDisk {
	written, ok := r.written[live.Name]
	if !ok {
		return live
	}
	order, err := resourceversion.CompareResourceVersion(written.ResourceVersion, live.ResourceVersion)
	if err == nil && order > 0 && written.UID == live.UID {
		return written
	}
	delete(r.written, live.Name)
	return live
}

func (r *Reporter) others(live *v1alpha1.StorageDisk) []string {
	return slices.DeleteFunc(slices.Clone(live.Status.OtherNodes), func(n string) bool { return n == r.node })
}

func verdictOf(d *v1alpha1.StorageDisk) v1alpha1.VerdictResult {
	if d.Status.Verdict == nil {
		return ""
	}
	return d.Status.Verdict.Result
}
