package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/seamount-dev/seamount/tests/validation/policytest"
)

// PolicyCase is a request that admission policies decide on.
type PolicyCase struct {
	// Name of the case, unique within its policy.
	Name string
	// Policy that the case is about.
	Policy string
	// Request that is decided on.
	Request policytest.Request
	// Message of the policy that denies it; empty when every policy admits it.
	Message string
	// Shadowed says that an API server never asks the policy: the schema refuses the request first, or prunes it.
	Shadowed bool
}

// Policies returns every case of an admission policy.
func Policies() []PolicyCase {
	var all []PolicyCase
	for _, table := range [][]PolicyCase{
		approveCases(), ownNodeDiskCases(), ownNodeMetadataCases(), ownNodeOperationCases(), ownNodeLeaseCases(), guardCases(),
	} {
		all = append(all, table...)
	}
	return all
}

var resources = map[string]schema.GroupVersionResource{
	"StorageCluster":           seamountResource("storageclusters"),
	"StorageDisk":              seamountResource("storagedisks"),
	"StoragePool":              seamountResource("storagepools"),
	"StorageFilesystem":        seamountResource("storagefilesystems"),
	"StorageOperation":         seamountResource("storageoperations"),
	"ObjectStore":              seamountResource("objectstores"),
	"ObjectUser":               seamountResource("objectusers"),
	"Lease":                    {Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
	"Namespace":                {Version: "v1", Resource: "namespaces"},
	"CustomResourceDefinition": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
}

func seamountResource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "seamount.dev", Version: "v1alpha1", Resource: name}
}

func create(user policytest.User, obj *unstructured.Unstructured) policytest.Request {
	return policytest.Request{Operation: admission.Create, Resource: resources[obj.GetKind()], New: obj, User: user}
}

func update(user policytest.User, old, obj *unstructured.Unstructured) policytest.Request {
	return policytest.Request{Operation: admission.Update, Resource: resources[obj.GetKind()], Old: old, New: obj, User: user}
}

func updateStatus(user policytest.User, old, obj *unstructured.Unstructured) policytest.Request {
	request := update(user, old, obj)
	request.Subresource = "status"
	return request
}

func remove(user policytest.User, old *unstructured.Unstructured) policytest.Request {
	return policytest.Request{Operation: admission.Delete, Resource: resources[old.GetKind()], Old: old, User: user}
}
