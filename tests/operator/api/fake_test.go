//go:build e2e

package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// quick is an API server in memory, for sizes that a real one takes hours to be filled to on a small machine. It stores,
// lists, watches and merges. It checks nothing, has no owners of fields and no rights: what is right is held against the
// real one.
type quick struct {
	decoder runtime.Decoder

	mu      sync.Mutex
	changed *sync.Cond
	objects map[string]map[string]any // by path; an object is replaced, never changed
	log     []happened
}

// happened is a change; its place in the log, plus 1, is its version.
type happened struct {
	kind, path string
	object     map[string]any
}

// quickKinds are the kinds by group and version; those that are in no namespace have a star.
var quickKinds = map[string]string{
	"/api/v1":                      "Secret ConfigMap Service Pod *Node Event",
	"/apis/apps/v1":                "Deployment",
	"/apis/coordination.k8s.io/v1": "Lease",
	"/apis/events.k8s.io/v1":       "Event",
	"/apis/policy/v1":              "PodDisruptionBudget",
	"/apis/storage.k8s.io/v1":      "*StorageClass",
	"/apis/seamount.dev/v1alpha1":  "StorageCluster *StorageDisk StoragePool StorageFilesystem ObjectStore StorageOperation",
}

// quickServer starts one.
func quickServer(t testing.TB) *server {
	t.Helper()
	all := scheme(t)
	q := &quick{decoder: serializer.NewCodecFactory(all).UniversalDeserializer(), objects: map[string]map[string]any{}}
	q.changed = sync.NewCond(&q.mu)
	listener := httptest.NewServer(q)
	t.Cleanup(listener.CloseClientConnections) // watches end only so
	config := &rest.Config{Host: listener.URL, QPS: -1}
	api, err := client.NewWithWatch(config, client.Options{Scheme: all})
	must(t, err)
	return &server{config: config, api: api}
}

func plural(kind string) string {
	name := strings.ToLower(kind)
	if strings.HasSuffix(name, "s") {
		return name + "es"
	}
	return name + "s"
}

// place is what a request is about.
type place struct {
	all  string // path of all objects of the kind, in a namespace or anywhere
	name string
	sub  string
	in   string // namespace
	kind string
	base string // path of the kind, anywhere
}

// placeOf reads a path; false: it is about no objects.
func placeOf(path string) (place, bool) {
	for base, kinds := range quickKinds {
		rest, found := strings.CutPrefix(path, base+"/")
		if !found {
			continue
		}
		parts := strings.Split(rest, "/")
		var p place
		if len(parts) > 2 && parts[0] == "namespaces" {
			p.in, parts = parts[1], parts[2:]
		}
		for kind := range strings.FieldsSeq(kinds) {
			if kind = strings.TrimPrefix(kind, "*"); plural(kind) == parts[0] {
				p.kind, p.base = kind, base+"/"+parts[0]
			}
		}
		p.all = p.base + "/" + p.in
		parts = append(parts, "", "")
		p.name, p.sub = parts[1], parts[2]
		return p, p.kind != ""
	}
	return place{}, false
}

func (p place) path() string { return p.base + "/" + p.in + "/" + p.name }

// ServeHTTP implements http.Handler.
func (q *quick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, found := placeOf(r.URL.Path)
	switch query := r.URL.Query(); {
	case !found:
		answer(w, http.StatusOK, discovered(r.URL.Path))
	case r.Method == http.MethodGet && query.Get("watch") != "":
		q.watch(w, r, p)
	case r.Method == http.MethodGet && p.name == "":
		answer(w, http.StatusOK, q.list(r, p))
	default:
		code, object := q.one(r, p)
		answer(w, code, object)
	}
}

func answer(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object) // whoever asked is gone
}

func discovered(path string) any {
	switch path {
	case "/api":
		return metav1.APIVersions{Versions: []string{"v1"}}
	case "/apis":
		var groups metav1.APIGroupList
		for path := range quickKinds {
			if version, found := strings.CutPrefix(path, "/apis/"); found {
				group, v, _ := strings.Cut(version, "/")
				is := metav1.GroupVersionForDiscovery{GroupVersion: version, Version: v}
				groups.Groups = append(groups.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{is}, PreferredVersion: is})
			}
		}
		return groups
	}
	var list metav1.APIResourceList
	for kind := range strings.FieldsSeq(quickKinds[path]) {
		name, anywhere := strings.CutPrefix(kind, "*")
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: plural(name), Kind: name, Namespaced: !anywhere})
	}
	return list
}

func selects(r *http.Request) func(map[string]any) bool {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		return func(map[string]any) bool { return false }
	}
	return func(object map[string]any) bool {
		set := labels.Set{}
		have, _ := metaOf(object)["labels"].(map[string]any)
		for key, value := range have {
			set[key], _ = value.(string)
		}
		return selector.Matches(set)
	}
}

func metaOf(object map[string]any) map[string]any {
	m, _ := object["metadata"].(map[string]any)
	return m
}

func (q *quick) list(r *http.Request, p place) any {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, version := q.snapshot(p, selects(r))
	return map[string]any{
		"kind": p.kind + "List", "apiVersion": versionOf(p.base), "metadata": map[string]any{"resourceVersion": version}, "items": items,
	}
}

// snapshot is called with the lock held.
func (q *quick) snapshot(p place, wanted func(map[string]any) bool) (items []map[string]any, version string) {
	items = []map[string]any{}
	for path, object := range q.objects {
		if strings.HasPrefix(path, p.all) && strings.HasPrefix(path, p.base+"/") && wanted(object) {
			items = append(items, object)
		}
	}
	return items, strconv.Itoa(len(q.log))
}

func versionOf(base string) string {
	version := base[:strings.LastIndex(base, "/")]
	return strings.TrimPrefix(strings.TrimPrefix(version, "/apis/"), "/api/")
}

// watch answers what is there, when that is asked for, and then what happens.
func (q *quick) watch(w http.ResponseWriter, r *http.Request, p place) {
	wanted, encoder := selects(r), json.NewEncoder(w)
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		q.mu.Lock()
		items, version := q.snapshot(p, wanted)
		q.mu.Unlock()
		from, _ = strconv.Atoi(version)
		for _, item := range items {
			_ = encoder.Encode(map[string]any{"type": "ADDED", "object": item}) // noticed below
		}
		_ = encoder.Encode(map[string]any{"type": "BOOKMARK", "object": map[string]any{
			"kind": p.kind, "apiVersion": versionOf(p.base),
			"metadata": map[string]any{"resourceVersion": version, "annotations": map[string]any{metav1.InitialEventsAnnotationKey: "true"}},
		}})
	}
	flusher := w.(http.Flusher)
	flusher.Flush()
	go func() {
		<-r.Context().Done()
		q.changed.Broadcast()
	}()
	for {
		q.mu.Lock()
		for len(q.log) <= from && r.Context().Err() == nil {
			q.changed.Wait()
		}
		news := slices.Clone(q.log[min(from, len(q.log)):])
		q.mu.Unlock()
		if r.Context().Err() != nil {
			return
		}
		from += len(news)
		for _, h := range news {
			if strings.HasPrefix(h.path, p.all) && strings.HasPrefix(h.path, p.base+"/") && wanted(h.object) {
				_ = encoder.Encode(map[string]any{"type": h.kind, "object": h.object}) // the context ends with the connection
			}
		}
		flusher.Flush()
	}
}

// one gets or changes one object.
func (q *quick) one(r *http.Request, p place) (int, any) {
	given, err := q.read(r)
	if err != nil {
		return failed(http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
	}
	if p.name == "" {
		p.name, _ = metaOf(given)["name"].(string)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	was, found := q.objects[p.path()]
	applies := r.Header.Get("Content-Type") == string(types.ApplyPatchType)
	version, asked := metaOf(given)["resourceVersion"].(string)
	switch {
	case r.Method == http.MethodPost && found:
		return failed(http.StatusConflict, metav1.StatusReasonAlreadyExists, p.path()+" already exists")
	case !found && r.Method != http.MethodPost && (!applies || p.sub != ""):
		return failed(http.StatusNotFound, metav1.StatusReasonNotFound, p.path()+" not found")
	case r.Method == http.MethodGet:
		return http.StatusOK, was
	case found && asked && version != "" && version != metaOf(was)["resourceVersion"]:
		return failed(http.StatusConflict, metav1.StatusReasonConflict, p.path()+" has changed")
	case r.Method == http.MethodDelete:
		q.store("DELETED", p, was)
		return http.StatusOK, was
	}
	is := given
	if r.Method == http.MethodPatch {
		is = merge(was, given).(map[string]any)
	}
	if p.sub != "" {
		is = merge(was, map[string]any{"status": is["status"]}).(map[string]any)
	} else {
		is = merge(is, map[string]any{"status": was["status"]}).(map[string]any)
	}
	return http.StatusOK, q.change(p, was, is)
}

func failed(code int32, reason metav1.StatusReason, message string) (int, any) {
	return int(code), metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}
}

// read reads what a request brings, which may be in Kubernetes' binary form.
func (q *quick) read(r *http.Request) (map[string]any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 || r.Method == http.MethodDelete {
		return map[string]any{}, err
	}
	if body[0] != '{' {
		object, _, err := q.decoder.Decode(body, nil, nil)
		if err == nil {
			body, err = json.Marshal(object)
		}
		if err != nil {
			return nil, err
		}
	}
	var given map[string]any
	return given, json.Unmarshal(body, &given)
}

// merge puts one value over another; null takes away. Neither is changed.
func merge(under, over any) any {
	upper, ok := over.(map[string]any)
	if !ok {
		return over
	}
	lower, _ := under.(map[string]any)
	merged := make(map[string]any, len(lower)+len(upper))
	for key, value := range lower {
		merged[key] = value
	}
	for key, value := range upper {
		if value == nil {
			delete(merged, key)
			continue
		}
		merged[key] = merge(lower[key], value)
	}
	return merged
}

// change stores an object, if it is another than it was.
func (q *quick) change(p place, was, is map[string]any) map[string]any {
	kind := "MODIFIED"
	given := map[string]any{"namespace": p.in, "generation": json.Number("1")}
	if p.in == "" {
		delete(given, "namespace")
	}
	if was == nil {
		kind = "ADDED"
		given["uid"], given["creationTimestamp"] = fmt.Sprintf("uid-%d", len(q.log)), "2026-01-01T00:00:00Z"
		if p.kind == "Service" {
			is = merge(map[string]any{"spec": map[string]any{"clusterIP": fmt.Sprintf("10.0.0.%d", 1+len(q.log)%250)}}, is).(map[string]any)
		}
	} else {
		for _, kept := range []string{"uid", "creationTimestamp", "resourceVersion", "generation"} {
			given[kept] = metaOf(was)[kept]
		}
	}
	is = merge(is, map[string]any{"kind": p.kind, "apiVersion": versionOf(p.base), "metadata": given}).(map[string]any)
	if reflect.DeepEqual(was, is) {
		return was
	}
	return q.store(kind, p, is)
}

func (q *quick) store(kind string, p place, object map[string]any) map[string]any {
	object = merge(object, map[string]any{"metadata": map[string]any{"resourceVersion": strconv.Itoa(len(q.log) + 1)}}).(map[string]any)
	q.objects[p.path()] = object
	if kind == "DELETED" {
		delete(q.objects, p.path())
	}
	q.log = append(q.log, happened{kind, p.path(), object})
	q.changed.Broadcast()
	return object
}
