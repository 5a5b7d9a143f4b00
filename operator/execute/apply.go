package execute

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// AnnotationApplied of an object is a hash of what was applied. With it, a look at an object tells whether it is as it
// was meant to be, also after the operator itself has started anew.
const AnnotationApplied = "seamount.dev/applied"

// Applier applies objects with the operator's field owner, and only when that changes something. It is safe for
// concurrent use.
type Applier struct {
	client client.Client

	mu sync.Mutex
	// done remembers what the server answered to an object that does not read as it was written, because the server
	// writes a value in another way.
	done map[string]applied
	// kept remembers, by cluster, which daemons were found to be as they are to be.
	kept map[client.ObjectKey]*kept
}

type applied struct{ version, hash string }

// NewApplier makes an Applier. It reads through the client, which may be a cache.
func NewApplier(c client.Client) *Applier {
	return &Applier{client: c, done: map[string]applied{}, kept: map[client.ObjectKey]*kept{}}
}

// Apply makes an object be as it is given, which must name its kind, and says whether it wrote. Fields that are not
// given, and fields of other owners, stay as they are. After it wrote, the object holds what the server has.
func (a *Applier) Apply(ctx context.Context, object client.Object) (wrote bool, err error) {
	intent, err := intentOf(object)
	if err != nil {
		return false, err
	}
	live := &unstructured.Unstructured{}
	found, err := a.read(ctx, object, live)
	if err != nil {
		return false, err
	}
	if found && a.holds(live, intent) {
		return false, copyInto(live, object)
	}
	hash := intent.GetAnnotations()[AnnotationApplied]
	err = a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(intent),
		client.FieldOwner(v1alpha1.FieldOwnerOperator), client.ForceOwnership)
	if err != nil {
		return false, fmt.Errorf("apply %s: %w", describe(object), err)
	}
	a.remember(intent, hash)
	return true, copyInto(intent, object)
}

// read gets the object in the type that the cache has it in.
func (a *Applier) read(ctx context.Context, object client.Object, into *unstructured.Unstructured) (bool, error) {
	gvk := object.GetObjectKind().GroupVersionKind()
	typed, err := a.client.Scheme().New(gvk)
	if err != nil {
		return false, fmt.Errorf("apply %s: %w", describe(object), err)
	}
	live, ok := typed.(client.Object)
	if !ok {
		return false, fmt.Errorf("apply %s: %T is no object", describe(object), typed)
	}
	err = a.client.Get(ctx, client.ObjectKeyFromObject(object), live)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", describe(object), err)
	}
	if deployment, packed := live.(*appsv1.Deployment); packed {
		if err := unpackDeployment(deployment); err != nil {
			return false, err
		}
	}
	live.GetObjectKind().SetGroupVersionKind(gvk)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	into.Object = content
	return true, err
}

// holds says that the live object has all that is intended, as far as can be seen or is remembered.
func (a *Applier) holds(live, intent *unstructured.Unstructured) bool {
	if version := intent.GetResourceVersion(); version != "" && version != live.GetResourceVersion() {
		return false // the server shall refuse it
	}
	a.mu.Lock()
	last := a.done[keyOf(intent)]
	a.mu.Unlock()
	now := applied{live.GetResourceVersion(), intent.GetAnnotations()[AnnotationApplied]}
	return last == now || contains(live.Object, intent.Object)
}

func (a *Applier) remember(answer *unstructured.Unstructured, hash string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done[keyOf(answer)] = applied{answer.GetResourceVersion(), hash}
}

// Delete deletes an object that is seen, and forgets it. One that is not there is no error.
func (a *Applier) Delete(ctx context.Context, object client.Object) error {
	a.mu.Lock()
	delete(a.done, keyOf(object))
	a.mu.Unlock()
	err := a.client.Get(ctx, client.ObjectKeyFromObject(object), object)
	if err == nil && object.GetDeletionTimestamp().IsZero() {
		err = a.client.Delete(ctx, object, client.Preconditions{UID: uidOf(object)})
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s: %w", describe(object), err)
	}
	return nil
}

// intentOf returns the object as it is applied: without what was left empty, and with a hash of itself.
func intentOf(object client.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", describe(object), err)
	}
	delete(content, "status")
	prune(content)
	intent := &unstructured.Unstructured{Object: content}
	version := intent.GetResourceVersion()
	intent.SetResourceVersion("") // what it is to be does not depend on what it is
	text, err := json.Marshal(intent.Object)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", describe(object), err)
	}
	sum := sha256.Sum256(text)
	annotations := intent.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationApplied] = hex.EncodeToString(sum[:8])
	intent.SetAnnotations(annotations)
	intent.SetResourceVersion(version)
	return intent, nil
}

// prune takes out nulls, which Kubernetes' types write for times that are not set.
func prune(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if inner == nil {
				delete(value, key)
				continue
			}
			prune(inner)
		}
	case []any:
		for _, inner := range value {
			prune(inner)
		}
	}
}

// contains says that have holds all that want does. Lists must be as long, and hold it in the same order. A selector with
// more in it than was asked for selects something else.
func contains(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		actual, ok := have.(map[string]any)
		for key, inner := range want {
			if key == "selector" && !reflect.DeepEqual(actual[key], inner) {
				return false
			}
			ok = ok && (contains(actual[key], inner) || isEmpty(inner) && actual[key] == nil)
		}
		return ok
	case []any:
		actual, ok := have.([]any)
		ok = ok && len(actual) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = contains(actual[i], want[i])
		}
		return ok
	default:
		return have == want
	}
}

// isEmpty says of a value that leaving it out means the same.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

func copyInto(from *unstructured.Unstructured, object client.Object) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(from.Object, object)
}

func keyOf(object client.Object) string {
	return object.GetObjectKind().GroupVersionKind().Kind + " " + client.ObjectKeyFromObject(object).String()
}

func describe(object client.Object) string {
	if object.GetNamespace() == "" {
		return object.GetObjectKind().GroupVersionKind().Kind + " " + object.GetName()
	}
	return keyOf(object)
}

// isConflict says that somebody else was faster: what was decided on is no longer so. The next pass decides anew.
func isConflict(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// IgnoreConflict returns nil when somebody else was faster. Their change wakes the controller, which decides anew.
func IgnoreConflict(err error) error {
	if err != nil && isConflict(err) {
		return nil
	}
	return err
}

var errNotOurs = errors.New("somebody else has an object of this name")
