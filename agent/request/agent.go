package request

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/applyconfiguration/api/v1alpha1"
	api "github.com/seamount-dev/seamount/api/v1alpha1"
)

// Partitioner deals with the disks of the node.
type Partitioner interface {
	// Partition does what a request asks for with the disk of a StorageDisk's name, or says why not.
	Partition(ctx context.Context, name string, request api.DiskRequest) error
}

// Eraser erases disks of the node.
type Eraser interface {
	// Erase does what a request asks for with the disk of a StorageDisk's name, and says how many bytes it erased, or why
	// not.
	Erase(ctx context.Context, name string, request api.DiskRequest) (int64, error)
}

// Remover removes what clusters kept on the node itself.
type Remover interface {
	// Remove removes the directory of a cluster, or says why not.
	Remove(ctx context.Context, fsid string) error
}

// Agent of a node.
type Agent struct {
	Node        string
	Disks       Partitioner
	Eraser      Eraser
	Directories Remover
	Log         logr.Logger
	// Own reads the StorageDisks of the node, and may lag behind. API reads and writes on the server itself.
	Own client.Reader
	API client.Client
}

// Each disk is worked on by one worker at a time; one that hangs keeps one worker.
const workers = 16

// What failed is tried again, at first soon.
const firstRetry, lastRetry = time.Second, 5 * time.Minute

type queue = workqueue.TypedRateLimitingInterface[string]

func newQueue() queue {
	return workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry))
}

// work deals with the disks in the queue until ctx ends, and finishes what it has begun.
func (a *Agent) work(ctx context.Context, q queue) {
	stop := context.AfterFunc(ctx, q.ShutDown)
	defer stop()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for a.next(ctx, q) {
			}
		})
	}
	group.Wait()
}

func (a *Agent) next(ctx context.Context, q queue) bool {
	name, shutdown := q.Get()
	if shutdown {
		return false
	}
	defer q.Done(name)
	again, err := a.Serve(ctx, name)
	if err != nil {
		a.Log.Error(err, "the disk is tried again", "disk", name)
	}
	if again || err != nil {
		q.AddRateLimited(name)
	} else {
		q.Forget(name)
	}
	return true
}

// Serve does what is asked for with one disk, if anything, and reports it. It says whether to try again later. An error
// is one of the API.
func (a *Agent) Serve(ctx context.Context, name string) (bool, error) {
	var d api.StorageDisk
	if err := a.Own.Get(ctx, client.ObjectKey{Name: name}, &d); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	if !a.asked(d.Status) {
		return false, nil
	}
	if d.Status.Request.Action != api.DiskActionPartition {
		if stands, err := a.stands(ctx, &d); err != nil || !stands {
			return true, err
		}
	}
	erased, failed := a.do(ctx, name, *d.Status.Request)
	if ctx.Err() != nil {
		return false, nil //nolint:nilerr // the program ends; the next one begins anew
	}
	report := a.report(*d.Status.Request, failed)
	if report.Result == api.DiskReportDone {
		report.ErasedBytes = erased
	}
	a.Log.Info("request", "disk", name, "request", report.ID, "result", report.Result, "refusal", report.Refusal)
	return report.Result == api.DiskReportFailed, a.write(ctx, d, report)
}

// stands looks on the server whether a disk is still asked for what the cache says, and takes over what it finds. A node that is cut
// off from the API does not learn that a request was withdrawn, and what is erased or removed is gone.
func (a *Agent) stands(ctx context.Context, d *api.StorageDisk) (bool, error) {
	var now api.StorageDisk
	if err := a.API.Get(ctx, client.ObjectKey{Name: d.Name}, &now); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	if now.UID != d.UID || !a.asked(now.Status) || now.Status.Request.ID != d.Status.Request.ID {
		return false, nil
	}
	*d = now
	return true, nil
}

// do returns how many bytes were erased.
func (a *Agent) do(ctx context.Context, name string, request api.DiskRequest) (int64, error) {
	switch request.Action {
	case api.DiskActionPartition:
		return 0, a.Disks.Partition(ctx, name, request)
	case api.DiskActionErase:
		return a.Eraser.Erase(ctx, name, request)
	case api.DiskActionRemoveHostDirectory:
		return 0, a.Directories.Remove(ctx, request.FSID)
	}
	return 0, refusal.New(api.ReasonPrepareFailed, "bring the agent to the operator's release", "this agent does not know the action %q", request.Action)
}

// asked says whether there is work: a request to this node that is not done and not refused.
func (a *Agent) asked(status api.StorageDiskStatus) bool {
	request, report := status.Request, status.Report
	if request == nil || request.Node != a.Node || status.Node != a.Node {
		return false
	}
	return report == nil || report.ID != request.ID || report.Node != a.Node || report.Result == api.DiskReportFailed
}

// report puts into words what came of a request.
func (a *Agent) report(request api.DiskRequest, failed error) api.DiskReport {
	report := api.DiskReport{ID: request.ID, Node: a.Node, Result: api.DiskReportDone}
	var refused *refusal.Error
	switch {
	case failed == nil:
		return report
	case errors.As(failed, &refused):
		report.Result, report.Refusal = api.DiskReportRefused, cut(refused.Refusal)
		if refused.Passing {
			report.Result = api.DiskReportFailed
		}
	default:
		report.Result = api.DiskReportFailed
		report.Refusal = cut(api.Refusal{
			Reason: api.ReasonPrepareFailed, Message: failed.Error(),
			Remedy: "look at the node's kernel log, and replace the disk if it fails; it is tried again",
		})
	}
	return report
}

// maxText is how long a message may be in the API, in characters.
const maxText = 1024

func cut(r api.Refusal) *api.Refusal {
	for _, text := range []*string{&r.Message, &r.Remedy} {
		if runes := []rune(*text); len(runes) > maxText {
			*text = string(runes[:maxText-1]) + "…"
		}
	}
	return &r
}

// write applies the report, unless it stands there already.
func (a *Agent) write(ctx context.Context, d api.StorageDisk, report api.DiskReport) error {
	if equality.Semantic.DeepEqual(d.Status.Report, &report) {
		return nil
	}
	applied := v1alpha1.DiskReport().WithID(report.ID).WithNode(report.Node).WithResult(report.Result)
	if r := report.Refusal; r != nil {
		refused := v1alpha1.Refusal().WithReason(r.Reason).WithMessage(r.Message)
		if r.Remedy != "" {
			refused.WithRemedy(r.Remedy)
		}
		applied.WithRefusal(refused)
	}
	if report.ErasedBytes > 0 {
		applied.WithErasedBytes(report.ErasedBytes)
	}
	status := v1alpha1.StorageDisk(d.Name).WithStatus(v1alpha1.StorageDiskStatus().WithReport(applied))
	err := a.API.Status().Apply(ctx, status, client.FieldOwner(api.FieldOwnerAgent(a.Node)), client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return nil // it was deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("write the report of StorageDisk %s: %w", d.Name, err)
	}
	return nil
}
