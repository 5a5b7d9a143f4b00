package render

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

// oldestKubernetes is the oldest version that the chart installs on, as its kubeVersion says.
const oldestKubernetes = "v1.34.0"

// Options of rendering. The zero value is an installation as seamount in namespace seamount, without a cluster to look at.
type Options struct {
	Release, Namespace string
	Values             map[string]any
	// Cluster answers lookups; nil: there is nothing.
	Cluster engine.ClientProvider
}

// Load reads a chart from its directory.
func Load(dir string) (*chart.Chart, error) {
	loaded, err := loader.LoadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("load the chart: %w", err)
	}
	return loaded, nil
}

// Chart renders a chart. It returns the text of each template by its path below templates/, without those that render
// nothing; values that the schema does not know are an error.
func Chart(of *chart.Chart, options Options) (map[string]string, error) {
	values, err := renderValues(of, options)
	if err != nil {
		return nil, err
	}
	rendered, err := renderer(options.Cluster)(of, values)
	if err != nil {
		return nil, fmt.Errorf("render the chart: %w", err)
	}
	files := map[string]string{}
	for name, text := range rendered {
		name = strings.TrimPrefix(name, path.Join(of.Name(), "templates")+"/")
		if strings.TrimSpace(text) != "" {
			files[name] = text
		}
	}
	return files, nil
}

func renderer(cluster engine.ClientProvider) func(*chart.Chart, common.Values) (map[string]string, error) {
	return func(of *chart.Chart, values common.Values) (map[string]string, error) {
		if cluster != nil {
			return engine.RenderWithClientProvider(of, values, cluster)
		}
		return engine.Engine{}.RenderWithContext(context.Background(), of, values)
	}
}

func renderValues(of *chart.Chart, options Options) (common.Values, error) {
	capabilities := common.DefaultCapabilities.Copy()
	oldest, err := common.ParseKubeVersion(oldestKubernetes)
	if err != nil {
		return nil, fmt.Errorf("parse the version of Kubernetes: %w", err)
	}
	capabilities.KubeVersion = *oldest
	release := common.ReleaseOptions{Name: orSeamount(options.Release), Namespace: orSeamount(options.Namespace), Revision: 1, IsInstall: true}
	return util.ToRenderValues(of, options.Values, release, capabilities)
}

func orSeamount(name string) string {
	if name == "" {
		return "seamount"
	}
	return name
}

// Names are the names of the rendered files, in order.
func Names(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }
