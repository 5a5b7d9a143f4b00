package app

import (
	"context"
	"strings"

	"github.com/go-logr/logr"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/audit"
)

// newScheme has the kinds that events are told of.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(snapshotv1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// teller makes events of what the audits find: on the PersistentVolume that lacks its image or subvolume, and on the StoragePool
// or the StorageFilesystem of one that belongs to nothing.
type teller struct {
	reader client.Reader
	events events.EventRecorder
	log    logr.Logger
}

// maxNote is the longest note of an event.
const maxNote = 1024

func (t *teller) tell(ctx context.Context, f audit.Finding) {
	object, key := client.Object(&v1alpha1.StoragePool{}), client.ObjectKey{Namespace: f.Handle.Namespace, Name: f.Handle.Pool}
	if f.Handle.File() {
		object, key.Name = &v1alpha1.StorageFilesystem{}, f.Handle.Filesystem
	}
	if kind, name, found := strings.Cut(f.Object, " "); found {
		object, key = &corev1.PersistentVolume{}, client.ObjectKey{Name: name}
		if kind == "VolumeSnapshotContent" {
			object = &snapshotv1.VolumeSnapshotContent{}
		}
	}
	if err := t.reader.Get(ctx, key, object); err != nil {
		t.log.Error(err, "an event is not told", "of", key.String(), "message", f.Message)
		return
	}
	note := strings.ToValidUTF8(f.Message[:min(len(f.Message), maxNote)], "")
	t.events.Eventf(object, nil, corev1.EventTypeWarning, string(f.Reason), "Audit", "%s", note)
}
