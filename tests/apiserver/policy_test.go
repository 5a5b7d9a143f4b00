//go:build e2e

package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const people = `
apiVersion: v1
kind: Namespace
metadata: {name: seamount}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: seamount-discover, namespace: seamount}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: discover}
rules:
- {apiGroups: [seamount.dev], resources: [storagedisks, storagedisks/status], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: discover}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: discover}
subjects: [{kind: ServiceAccount, name: seamount-discover, namespace: seamount}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: storage, namespace: seamount}
rules:
- {apiGroups: [seamount.dev], resources: [storageoperations], verbs: [get, create, update, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: storage, namespace: seamount}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: storage}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}, {apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: approve, namespace: seamount}
rules:
- {apiGroups: [seamount.dev], resources: [storageoperations], verbs: [approve]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approve, namespace: seamount}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: approve}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}]
`

// askPolicies asks a server that has the admission policies, as users whom it
// authenticates and authorizes itself: service accounts with tokens bound to a
// node, and people with and without the verb "approve".
func (s *server) askPolicies(t *testing.T) {
	s.install(t, func(d *apiextensionsv1.CustomResourceDefinition) *apiextensionsv1.CustomResourceDefinition { return d })
	if _, err := s.TryKubectl(people, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	s.Kubectl(t, "apply", "--server-side", "--field-manager="+fieldOwner, "-f", filepath.Join(s.root, "deploy", "policies"))
	t.Run("own-node", s.ownNode)
	t.Run("approve", s.approve)
	t.Run("guard", s.guard)
}

// denied waits until a request is refused with the message: a policy takes
// effect some time after it is stored.
func (s *server) denied(t *testing.T, message string, request func() error) {
	t.Helper()
	s.Eventually(t, "refusal: "+message, func() error {
		err := request()
		if err == nil {
			return fmt.Errorf("the request was admitted")
		}
		if !strings.Contains(err.Error(), message) {
			return fmt.Errorf("refused with\n  %w\nwant\n  %s", err, message)
		}
		return nil
	})
}

// admitted waits until a request is admitted: what a role allows takes effect some time after it is stored, too.
func (s *server) admitted(t *testing.T, request func() error) {
	t.Helper()
	s.Eventually(t, "the request is admitted", request)
}

// patch makes a request that merges fields into an object.
func (s *server) patch(t *testing.T, c dynamic.Interface, obj *unstructured.Unstructured, subresource, fields string) func() error {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(fields))
	if err != nil {
		t.Fatal(err)
	}
	endpoint := s.resource(t, c, obj)
	var subresources []string
	if subresource != "" {
		subresources = append(subresources, subresource)
	}
	return func() error {
		_, err := endpoint.Patch(context.Background(), obj.GetName(), types.MergePatchType, data, metav1.PatchOptions{}, subresources...)
		return err
	}
}

func parse(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

// as is a client of the user that change makes of an anonymous one.
func (s *server) as(t *testing.T, change func(*rest.Config)) dynamic.Interface {
	t.Helper()
	config := rest.CopyConfig(s.config)
	change(config)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// discover is discover's service account, with a token bound to a node or to none.
func (s *server) discover(t *testing.T, node string) dynamic.Interface {
	t.Helper()
	args := []string{"-n", "seamount", "create", "token", "seamount-discover"}
	if node != "" {
		args = append(args, "--bound-object-kind=Node", "--bound-object-name="+node)
	}
	token := s.Kubectl(t, args...)
	return s.as(t, func(c *rest.Config) {
		anonymous := rest.AnonymousClientConfig(c)
		*c = *anonymous
		c.BearerToken = token
	})
}

func (s *server) person(t *testing.T, name string) dynamic.Interface {
	t.Helper()
	return s.as(t, func(c *rest.Config) { c.Impersonate = rest.ImpersonationConfig{UserName: name} })
}

const foundDisk = `{apiVersion: seamount.dev/v1alpha1, kind: StorageDisk, metadata: {name: wwn-5000c50093282d00}}`

func (s *server) ownNode(t *testing.T) {
	disk := parse(t, foundDisk)
	if _, err := s.TryKubectl(`{apiVersion: v1, kind: Node, metadata: {name: elsewhere}}`, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	here, elsewhere, nowhere := s.discover(t, "node1"), s.discover(t, "elsewhere"), s.discover(t, "")
	s.admitted(t, func() error {
		_, err := s.resource(t, here, disk).Create(t.Context(), disk, metav1.CreateOptions{})
		return err
	})
	s.denied(t, "this token is bound to no node", s.patch(t, nowhere, disk, "status", `status: {node: node1}`))
	s.admitted(t, s.patch(t, here, disk, "status", `status: {node: node1, presence: Present}`))
	s.denied(t, "this StorageDisk is in node node1: node elsewhere may add itself to status.otherNodes, and write the rest once node1 says presence: Missing",
		s.patch(t, elsewhere, disk, "status", `status: {node: elsewhere}`))
	s.admitted(t, s.patch(t, elsewhere, disk, "status", `status: {otherNodes: [elsewhere]}`))
	s.denied(t, "status.otherNodes: each node writes only its own entry", s.patch(t, here, disk, "status", `status: {otherNodes: []}`))
	s.denied(t, "spec belongs to people", s.patch(t, here, disk, "", `spec: {use: Never}`))
	s.denied(t, "these fields of status belong to others: state", s.patch(t, here, disk, "status", `status: {state: InService}`))
	s.admitted(t, s.patch(t, here, disk, "status", `status: {presence: Missing}`))
	s.admitted(t, s.patch(t, elsewhere, disk, "status", `status: {node: elsewhere, presence: Present}`))
}

func (s *server) approve(t *testing.T) {
	operation := parse(t, `
apiVersion: seamount.dev/v1alpha1
kind: StorageOperation
metadata: {name: remove-osd-12, namespace: seamount}
spec: {clusterRef: {name: main}, type: Remove, disks: [wwn-5000c50093282d00]}
`)
	alice, carol := s.person(t, "alice"), s.person(t, "carol")
	s.admitted(t, func() error {
		_, err := s.resource(t, alice, operation).Create(t.Context(), operation, metav1.CreateOptions{})
		return err
	})
	s.admitted(t, s.patch(t, s.client, operation, "status", `status: {plan: {id: 7f3a9c, risks: [RedundancyLoss]}}`))
	approval := func(who string) string {
		return `spec: {approval: {planID: 7f3a9c, approver: ` + who + `, acceptedRisks: [RedundancyLoss]}}`
	}
	s.denied(t, `you need the verb "approve" on storageoperations in namespace seamount`, s.patch(t, alice, operation, "", approval("alice")))
	s.denied(t, "approval.approver must be your own user name (carol)", s.patch(t, carol, operation, "", approval("alice")))
	s.admitted(t, s.patch(t, carol, operation, "", approval("carol")))
}

func (s *server) guard(t *testing.T) {
	cluster := parse(t, `
apiVersion: seamount.dev/v1alpha1
kind: StorageCluster
metadata: {name: main, namespace: seamount}
spec: {ceph: {image: "quay.io/ceph/ceph:v20.2.4"}, storage: {rules: [{name: all, match: {media: [SSD]}}]}}
`)
	disk := parse(t, foundDisk)
	s.admitted(t, func() error {
		_, err := s.resource(t, s.client, cluster).Create(t.Context(), cluster, metav1.CreateOptions{})
		return err
	})
	// What is to be refused is asked for as a dry run: before the policy takes effect it would be done.
	remove := func(obj *unstructured.Unstructured, dry []string) func() error {
		return func() error {
			return s.resource(t, s.client, obj).Delete(context.Background(), obj.GetName(), metav1.DeleteOptions{DryRun: dry})
		}
	}
	s.admitted(t, s.patch(t, s.client, cluster, "status", `status: {dependents: {volumes: 214, first: [pvc-1c2d]}}`))
	s.denied(t, "main still holds 214 volumes (pvc-1c2d, ...): delete them first", remove(cluster, dryRun))
	s.admitted(t, s.patch(t, s.client, disk, "status", `status: {claim: {namespace: seamount, name: main, fsid: 8b1c6d2e}}`))
	s.denied(t, "belongs to StorageCluster seamount/main: take it away with a StorageOperation of type Remove first", remove(disk, dryRun))
	s.Kubectl(t, "label", "namespace", "seamount", "seamount.dev/guard=data")
	for object, message := range map[string]string{
		"namespace/seamount":            "namespace seamount holds the keys of a Ceph cluster (label seamount.dev/guard=data): delete its StorageClusters first",
		"crd/storagedisks.seamount.dev": "deleting storagedisks.seamount.dev deletes every StorageDisk",
	} {
		s.denied(t, message, func() error {
			_, err := s.TryKubectl("", "delete", object, "--wait=false")
			return err
		})
	}
	s.admitted(t, s.patch(t, s.client, cluster, "status", `status: {dependents: {volumes: 0, first: []}}`))
	s.admitted(t, remove(cluster, nil))
	s.admitted(t, s.patch(t, s.client, disk, "status", `status: {claim: null}`))
	s.admitted(t, remove(disk, nil))
}
