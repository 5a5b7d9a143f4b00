//go:build e2e

package images

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// TestImagesRun runs each image in a pod and looks at what it prints.
func TestImagesRun(t *testing.T) {
	c, images := up(t)
	namespace := c.Namespace(t)
	tests := []struct{ image, name, command, user, want string }{
		{"ceph-20", "mon", `["ceph-mon", "--version"]`, "", "ceph version 20."},
		{"ceph-20", "osd", `["ceph-osd", "--version"]`, "", "ceph version 20."},
		{"ceph-20", "cli", `["ceph", "--version"]`, "", "ceph version 20."},
		{"ceph-20", "user", `["sh", "-c", "id -u ceph; id -g ceph"]`, "", "167\n167"},
		{"ceph-18", "mon", `["ceph-mon", "--version"]`, "", "ceph version 18."},
		{"ceph-18", "user", `["sh", "-c", "id -u ceph; id -g ceph"]`, "", "167\n167"},
		{"seamount", "version", `["/usr/bin/seamount", "version"]`, "65532", "librados"},
		{"seamount-node", "version", `["/usr/bin/seamount-node", "version"]`, "65532", "seamount-node"},
		{"workload", "fio", `["fio", "--version"]`, "1000", "fio-3"},
		{"workload", "postgres", `["postgres", "--version"]`, "1000", "PostgreSQL"},
		{"workload", "user", `["id", "-u"]`, "", "1000"},
	}
	for _, tt := range tests {
		t.Run(tt.image+"/"+tt.name, func(t *testing.T) {
			i, ok := images[tt.image]
			if !ok {
				t.Fatalf("there is no image %s", tt.image)
			}
			pod := tt.image + "-" + tt.name
			c.Apply(t, namespace, once(pod, i.Names[0], "command: "+tt.command, security(tt.user)))
			out, code := awaitEnd(t, c, namespace, pod)
			if code != "0" || !strings.Contains(out, tt.want) {
				t.Errorf("exit code %s, output %q does not contain %q", code, out, tt.want)
			}
		})
	}
}

// security makes a pod run as an unprivileged user whose root file system is read-only.
func security(user string) string {
	if user == "" {
		return ""
	}
	return fmt.Sprintf(`securityContext: {runAsNonRoot: true, runAsUser: %s, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}`, user)
}

// once is the manifest of a pod that runs one command to its end.
func once(name, image string, container ...string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  volumes: [{name: key, secret: {secretName: admin, optional: true}}]
  containers:
  - name: main
    image: %s
    imagePullPolicy: Never
    volumeMounts: [{name: key, mountPath: /key, readOnly: true}]
    %s
`, name, image, strings.Join(container, "\n    "))
}

// awaitEnd waits until a pod has ended, and returns its output and exit code.
func awaitEnd(t *testing.T, c *cluster.Cluster, namespace, pod string) (out, code string) {
	t.Helper()
	c.Eventually(t, "the end of pod "+pod, func() error {
		state, err := c.TryKubectl("", "-n", namespace, "get", "pod", pod, "-o",
			"jsonpath={.status.containerStatuses[0].state.terminated.exitCode}")
		if err == nil && state == "" {
			err = fmt.Errorf("%s", c.Kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses}"))
		}
		code = state
		return err
	})
	return c.Kubectl(t, "-n", namespace, "logs", pod), code
}
