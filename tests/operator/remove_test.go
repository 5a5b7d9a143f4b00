//go:build e2e

package operator

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// removeAfter takes the cluster away when the test ends, and all that was kept of it.
func (c *ceph) removeAfter(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.report(t))
		}
		if err := c.remove(); err != nil {
			t.Error(err)
		}
	})
}

// remove takes the cluster away: first as a person would, who keeps its data, and then what is kept.
func (c *ceph) remove() error {
	fsid := ""
	if id, err := c.identity(context.Background()); err == nil {
		fsid = id.FSID
	}
	selector := v1alpha1.LabelCluster + "=" + v1alpha1.ClusterLabelValue(c.namespace, c.name)
	errs := []error{
		c.kubectl("delete", "storagecluster", c.name, "--ignore-not-found", "--timeout=150s"),
		c.kubectl("delete", "deployments", "-l", selector, "--ignore-not-found", "--timeout=150s"),
		c.kubectl("wait", "--for=delete", "pods", "-l", selector, "--timeout=150s"),
		c.release(selector),
		c.kubectl("delete", "secrets,configmaps,services", "-l", selector, "--ignore-not-found", "--timeout=150s"),
	}
	names, err := c.TryKubectl("", "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
	errs = append(errs, err)
	for node := range strings.FieldsSeq(names) {
		if fsid == "" {
			break
		}
		if out, err := c.Try("exec", node, "--", "rm", "-rf", handover.HostDir+"/"+fsid); err != nil {
			errs = append(errs, errors.New(out))
		}
	}
	return errors.Join(errs...)
}

func (c *ceph) kubectl(args ...string) error {
	_, err := c.TryKubectl("", append([]string{"-n", c.namespace}, args...)...)
	return err
}

// release takes off the finalizers that keep what a cluster is known by.
func (c *ceph) release(selector string) error {
	out, err := c.TryKubectl("", "-n", c.namespace, "get", "secrets,configmaps", "-l", selector, "-o", "name")
	errs := []error{err}
	for name := range strings.FieldsSeq(out) {
		errs = append(errs, c.kubectl("patch", name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`))
	}
	return errors.Join(errs...)
}
