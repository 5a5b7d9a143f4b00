package policytest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
)

// Request is a request that changes something, after authentication and authorization.
type Request struct {
	// Operation: CREATE, UPDATE or DELETE.
	Operation admission.Operation
	// Resource that is asked for, such as storagedisks in group seamount.dev.
	Resource schema.GroupVersionResource
	// Subresource, such as status; empty for the resource itself.
	Subresource string
	// Old is what is stored; nil for a create.
	Old *unstructured.Unstructured
	// New is what is to be stored; nil for a delete.
	New *unstructured.Unstructured
	// User that asks.
	User User
}

// User is who asks, as authentication found out.
type User struct {
	// Name, such as alice or system:serviceaccount:seamount:seamount-agent.
	Name string
	// Node that the user's token is bound to; empty for none.
	Node string
	// Permissions that the user has, beside that for the request itself.
	Permissions []Permission
}

// Permission is what a role allows: a verb on a resource, as in RBAC.
type Permission struct {
	Verb, Group, Resource string
	// Namespace that it is for; empty for every one.
	Namespace string
	// Name of the only object that it is for; empty for every one.
	Name string
}

// within says whether what is asked for is within an allowed permission.
func (p Permission) within(allowed Permission) bool {
	return p.Verb == allowed.Verb && p.Group == allowed.Group && p.Resource == allowed.Resource &&
		(allowed.Namespace == "" || p.Namespace == allowed.Namespace) && (allowed.Name == "" || p.Name == allowed.Name)
}

// NodeNameKey is where the API server says which node a token is bound to.
const NodeNameKey = "authentication.kubernetes.io/node-name"

// userInfo is a user as the API server knows it, with what askUser needs.
type userInfo struct {
	user.DefaultInfo
	permissions []Permission
}

func (u User) info() *userInfo {
	info := &userInfo{DefaultInfo: user.DefaultInfo{Name: u.Name, Groups: []string{user.AllAuthenticated}}}
	if u.Node != "" {
		info.Extra = map[string][]string{NodeNameKey: {u.Node}}
	}
	info.permissions = u.Permissions
	return info
}

// attributes returns the request as admission plugins see it.
func (r Request) attributes() admission.Attributes {
	subject := r.New
	if subject == nil {
		subject = r.Old
	}
	return admission.NewAttributesRecord(orNil(r.New), orNil(r.Old), subject.GroupVersionKind(), subject.GetNamespace(),
		subject.GetName(), r.Resource, r.Subresource, r.Operation, r.options(), false, r.User.info())
}

func (r Request) options() runtime.Object {
	switch r.Operation {
	case admission.Create:
		return &metav1.CreateOptions{}
	case admission.Delete:
		return &metav1.DeleteOptions{}
	default:
		return &metav1.UpdateOptions{}
	}
}

// orNil returns no object for no object, and not an interface that holds a nil pointer.
func orNil(obj *unstructured.Unstructured) runtime.Object {
	if obj == nil {
		return nil
	}
	return obj
}
