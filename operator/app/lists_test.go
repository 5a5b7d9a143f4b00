package app

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// lists remember what the API in memory answered until something of that kind is written: it makes each list anew by way of JSON,
// which was most of what these tests computed.
type lists struct {
	mu      sync.Mutex
	written map[string]int // writes of a kind
	known   map[string]knownList
}

type knownList struct {
	list    client.ObjectList
	written int
}

func newLists() *lists { return &lists{written: map[string]int{}, known: map[string]knownList{}} }

// funcs are to be called before any others, so that no write is missed.
func (l *lists) funcs() interceptor.Funcs {
	return interceptor.Funcs{
		List: l.read,
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			defer l.wrote(o)
			return c.Create(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			defer l.wrote(o)
			return c.Delete(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			defer l.wrote(o)
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			defer l.wrote(o)
			return c.Patch(ctx, o, p, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			defer l.wrote(o)
			return c.Apply(ctx, o, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			defer l.wrote(o)
			return c.SubResource(sub).Update(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			defer l.wrote(o)
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			defer l.wrote(o)
			return c.SubResource(sub).Apply(ctx, o, opts...)
		},
	}
}

// wrote is called after a write of o, also after one that failed.
func (l *lists) wrote(o any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[kindOf(o)]++
}

// read is List of c, or a copy of what that answered before.
func (l *lists) read(ctx context.Context, c client.WithWatch, into client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	kind := strings.TrimSuffix(kindOf(into), "List")
	key := fmt.Sprintf("%s %T %s %v %v", kind, into, options.Namespace, options.LabelSelector, options.FieldSelector)
	l.mu.Lock()
	known, written := l.known[key], l.written[kind]
	l.mu.Unlock()
	if known.list == nil || known.written != written {
		if err := c.List(ctx, into, opts...); err != nil {
			return err
		}
		known = knownList{into.DeepCopyObject().(client.ObjectList), written}
		l.mu.Lock()
		l.known[key] = known
		l.mu.Unlock()
		return nil
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(known.list.DeepCopyObject()).Elem())
	return nil
}

// kindOf is what an object says that it is, or else the name of its Go type, which is the same.
func kindOf(o any) string {
	if object, ok := o.(runtime.Object); ok {
		if kind := object.GetObjectKind().GroupVersionKind().Kind; kind != "" {
			return kind
		}
	}
	return reflect.TypeOf(o).Elem().Name()
}
