//go:build e2e

package images

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// monScript makes a mon and a mgr from nothing, the way notes for a person would say it.
const monScript = `set -e
cd /tmp
fsid=$(cat /proc/sys/kernel/random/uuid)
ceph-authtool -C admin --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mds 'allow *' --cap mgr 'allow *'
ceph-authtool -C mgr --gen-key -n mgr.a --cap mon 'allow profile mgr' --cap osd 'allow *' --cap mds 'allow *'
ceph-authtool -C seed --gen-key -n mon. --cap mon 'allow *'
ceph-authtool seed --import-keyring admin
ceph-authtool seed --import-keyring mgr
cat > ceph.conf <<END
[global]
fsid = $fsid
mon_host = $POD_IP
log_to_file = false
log_to_stderr = true
auth_allow_insecure_global_id_reclaim = false
mon_warn_on_too_few_osds = false
mon_data_avail_warn = 1
END
monmaptool --create --clobber --fsid $fsid --addv a "[v2:$POD_IP:3300,v1:$POD_IP:6789]" monmap
ceph-mon -c ceph.conf --mkfs -i a --monmap monmap --keyring seed --mon-data /tmp/mon
ceph-mgr -c ceph.conf -f -i a --keyring mgr --mgr-data /tmp/mgrdata &
exec ceph-mon -c ceph.conf -f -i a --mon-data /tmp/mon
`

// TestClientTalksToMonInPod runs our program, which is linked against an older
// librados and finds that of Ceph 20 in its image, against a mon in another pod.
func TestClientTalksToMonInPod(t *testing.T) {
	c, images := up(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, monPod(images["ceph-20"].Names[0]))
	c.Kubectl(t, "-n", namespace, "wait", "--for=condition=Ready", "--timeout=120s", "pod/mon")
	key := adminKey(t, c, namespace)
	c.Kubectl(t, "-n", namespace, "create", "secret", "generic", "admin", "--from-literal=key="+key)
	address := c.Kubectl(t, "-n", namespace, "get", "pod", "mon", "-o", "jsonpath={.status.podIP}")

	check := fmt.Sprintf(`command: [/usr/bin/seamount, ceph, check, --mon-host, "%s", --entity, client.admin, --key-file, /key/key]`, address)
	c.Apply(t, namespace, once("client", images["seamount"].Names[0], check, security("65532")))
	out, code := awaitEnd(t, c, namespace, "client")
	if code != "0" {
		t.Errorf("exit code %s, want 0", code)
	}
	for _, want := range []string{"HEALTH_OK", images["ceph-20"].Version} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, key) {
		t.Errorf("the output contains the key:\n%s", out)
	}
}

// adminKey waits for the mon to answer, which it can only do for that key.
func adminKey(t *testing.T, c *cluster.Cluster, namespace string) string {
	t.Helper()
	var key string
	c.Eventually(t, "a mon in quorum and an active mgr", func() error {
		status, err := c.TryKubectl("", "-n", namespace, "exec", "mon", "--",
			"ceph", "-c", "/tmp/ceph.conf", "-k", "/tmp/admin", "--connect-timeout=5", "status")
		if err == nil && !strings.Contains(status, "mgr: a(active") {
			err = fmt.Errorf("no active mgr yet:\n%s", status)
		}
		if err == nil {
			key, err = c.TryKubectl("", "-n", namespace, "exec", "mon", "--", "ceph-authtool", "/tmp/admin", "-n", "client.admin", "-p")
		}
		return err
	})
	return key
}

func monPod(image string) string {
	script := "        " + strings.ReplaceAll(strings.TrimSpace(monScript), "\n", "\n        ")
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: mon}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: %s
    imagePullPolicy: Never
    env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    command:
    - sh
    - -c
    - |
%s
`, image, script)
}
