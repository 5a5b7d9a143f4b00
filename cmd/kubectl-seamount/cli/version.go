package cli

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/operator/manifest"
)

// versions are what version prints.
type versions struct {
	Client clientVersion `json:"client"`
	// Operators that are installed; empty: none, or they could not be read.
	Operators []operatorVersion `json:"operators,omitempty"`
}

type clientVersion struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

type operatorVersion struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Image     string `json:"image"`
	// Version is the image's tag or digest.
	Version string `json:"version"`
	Ready   int32  `json:"ready"`
	Wanted  int32  `json:"wanted"`
}

func newVersion(a *App) *cobra.Command {
	var o output
	var onlyClient bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program, and of the operator",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versions{Client: clientVersion{a.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}}
			if !onlyClient {
				v.Operators = a.operators(cmd.Context())
			}
			return o.write(a.Out, v, func(p *paper) { drawVersions(p, v) })
		},
	}
	o.addTo(cmd)
	cmd.Flags().BoolVar(&onlyClient, "client", false, "only the version of this program: ask no API server")
	return cmd
}

// operators finds the operators that are installed. That none can be read is said, and is no failure.
func (a *App) operators(ctx context.Context) []operatorVersion {
	k, err := a.kubernetes()
	if err != nil {
		fmt.Fprintf(a.Err, "note: the operator's version is not known: %v\n", err)
		return nil
	}
	var list appsv1.DeploymentList
	err = k.List(ctx, &list, client.InNamespace(k.scope()), client.MatchingLabels{
		"app.kubernetes.io/name": "seamount", manifest.LabelComponent: "operator",
	})
	switch {
	case err != nil:
		fmt.Fprintf(a.Err, "note: the operator's version is not known: %v\n", err)
	case len(list.Items) == 0:
		fmt.Fprintln(a.Err, "note: no operator is installed")
	}
	var found []operatorVersion
	for _, d := range list.Items {
		found = append(found, describeOperator(d))
	}
	return found
}

func describeOperator(d appsv1.Deployment) operatorVersion {
	v := operatorVersion{Namespace: d.Namespace, Name: d.Name, Ready: d.Status.ReadyReplicas, Wanted: 1}
	if d.Spec.Replicas != nil {
		v.Wanted = *d.Spec.Replicas
	}
	if containers := d.Spec.Template.Spec.Containers; len(containers) > 0 {
		v.Image = containers[0].Image
		v.Version = tagOf(v.Image)
	}
	return v
}

// tagOf returns the tag or digest of an image. A colon before a slash is that of a port.
func tagOf(image string) string {
	if _, digest, found := strings.Cut(image, "@"); found {
		return digest
	}
	at := strings.LastIndex(image, ":")
	if at < 0 || strings.Contains(image[at:], "/") {
		return ""
	}
	return image[at+1:]
}

func drawVersions(p *paper, v versions) {
	p.linef("client:   %s (%s, %s)", v.Client.Version, v.Client.Go, v.Client.Platform)
	for _, o := range v.Operators {
		p.linef("operator: %s (%s/%s, %d of %d ready, %s)", orDash(o.Version), o.Namespace, o.Name, o.Ready, o.Wanted, o.Image)
	}
}
