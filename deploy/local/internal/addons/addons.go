package addons

import (
	"bytes"
	"context"
	_ "embed" // the manifests
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"text/template"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/controlplane"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

//go:embed manifests/coredns.yaml
var coreDNS string

var coreDNSTemplate = template.Must(template.New("coredns").Option("missingkey=error").Parse(coreDNS))

// fieldManager owns the applied fields in Kubernetes.
const fieldManager = "seamount-local"

// readyTimeout bounds the start of CoreDNS: 2 s on an idle machine.
const readyTimeout = 3 * time.Minute

// Addons are the addons of one cluster.
type Addons struct {
	Dir      state.Dir
	Config   state.Config
	Programs build.Artifacts
	API      controlplane.API
	Report   *progress.Reporter
}

// Apply applies the addons and returns when they serve. It is idempotent.
func (a Addons) Apply(ctx context.Context) error {
	return a.Report.Do(ctx, "start cluster DNS", func(ctx context.Context, step *progress.Step) error {
		manifests, err := render(a.Config)
		if err != nil {
			return err
		}
		if err := a.apply(ctx, manifests); err != nil {
			return err
		}
		return a.await(ctx, step)
	})
}

// render is the manifests of c.
func render(c state.Config) ([]byte, error) {
	var out bytes.Buffer
	err := coreDNSTemplate.Execute(&out, map[string]any{
		"Replicas": min(2, c.Nodes),
		"Image":    build.CoreDNSImage,
		"DNS":      c.Network.DNS().String(),
	})
	if err != nil {
		return nil, fmt.Errorf("render the manifests of cluster DNS: %w", err)
	}
	return out.Bytes(), nil
}

func (a Addons) apply(ctx context.Context, manifests []byte) error {
	cmd := exec.CommandContext(ctx, a.Programs.Program("kubectl"), "--kubeconfig="+a.Dir.Kubeconfig(),
		"apply", "--server-side", "--force-conflicts", "--field-manager="+fieldManager, "-f", "-")
	cmd.Stdin = bytes.NewReader(manifests)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (a Addons) await(ctx context.Context, step *progress.Step) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := a.available(ctx)
		if err == nil {
			return nil
		}
		step.Detail("%v", err)
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// available reports nil when one CoreDNS of the newest revision serves: names
// resolve then, whatever becomes of the other.
func (a Addons) available(ctx context.Context) error {
	var deployment struct {
		Metadata struct{ Generation int64 }
		Status   struct {
			ObservedGeneration int64
			UpdatedReplicas    int
			ReadyReplicas      int
		}
	}
	if err := a.API.Get(ctx, "/apis/apps/v1/namespaces/kube-system/deployments/coredns", &deployment); err != nil {
		return err
	}
	s := deployment.Status
	if s.ObservedGeneration < deployment.Metadata.Generation || s.UpdatedReplicas == 0 || s.ReadyReplicas == 0 {
		return fmt.Errorf("%d of %d CoreDNS pods are ready", s.ReadyReplicas, min(2, a.Config.Nodes))
	}
	return nil
}
