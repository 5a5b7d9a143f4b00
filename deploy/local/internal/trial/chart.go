package trial

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

const (
	// release is the name of the installation in Helm, and Helm's program in the checkout.
	release = "seamount"
	helm    = "helm"
	// history is how many revisions of it Helm keeps: each `make up` makes one.
	history = 3
)

// workloads are what runs when the chart is installed.
var workloads = []string{
	"daemonset/seamount-discover", "daemonset/seamount-agent", "deployment/seamount-operator",
	"daemonset/seamount-csi-node", "deployment/seamount-csi-controller",
}

// namespaceManifest is the namespace as docs/install.md has it made: Helm makes none with labels, and the DaemonSets need them.
const namespaceManifest = `{apiVersion: v1, kind: Namespace, metadata: {name: ` + Namespace + `, labels: {
  pod-security.kubernetes.io/enforce: privileged, pod-security.kubernetes.io/audit: privileged, pod-security.kubernetes.io/warn: privileged}}}`

// chart installs the chart of the checkout, or brings what is installed to its state.
func (t Trial) chart(ctx context.Context, step *progress.Step) error {
	step.Detail("namespace")
	if err := t.Apply(ctx, namespaceManifest); err != nil {
		return err
	}
	if err := t.forgetInterrupted(ctx); err != nil {
		return err
	}
	argv, err := t.helmArguments()
	if err != nil {
		return err
	}
	return t.run(ctx, step, "install", argv...)
}

// forgetInterrupted forgets a revision in whose middle Helm was killed: it refuses every other one while there is such a
// one. What of it was made is the next one's.
func (t Trial) forgetInterrupted(ctx context.Context) error {
	_, err := t.Run(ctx, "", "-n", Namespace, "delete", "secrets", "-l",
		"owner=helm,name="+release+",status in (pending-install,pending-upgrade,pending-rollback)")
	return err
}

func (t Trial) helmArguments() ([]string, error) {
	argv := []string{
		filepath.Join("bin", helm), "upgrade", release, filepath.Join("deploy", "helm", "seamount"), "--install", "--kubeconfig", t.Kubeconfig, "--namespace", Namespace,
		"--take-ownership", "--force-conflicts", fmt.Sprintf("--history-max=%d", history),
	}
	for value, definition := range map[string]string{"seamount": imageSeamount, "node": imageNode} {
		repository, tag, err := splitName(t.Images[definition])
		if err != nil {
			return nil, err
		}
		argv = append(argv, "--set-string", fmt.Sprintf("images.%s.repository=%s,images.%s.tag=%s", value, repository, value, tag))
	}
	return argv, nil
}

// splitName parts the name of an image at its tag. The port of a registry is none.
func splitName(image string) (repository, tag string, err error) {
	colon := strings.LastIndex(image, ":")
	if colon <= strings.LastIndex(image, "/") {
		return "", "", fmt.Errorf("the image %q has no tag: build it again", image)
	}
	return image[:colon], image[colon+1:], nil
}
