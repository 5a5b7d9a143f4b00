package cases

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	clusterNameMessage = "metadata.name: at most 40 characters and no dots; Services, Secrets and Deployments are named after it"
	imageMessage       = `ceph.image: name a release by tag or digest, such as quay.io/ceph/ceph:v20.2.4; "latest" would upgrade Ceph whenever a pod restarts`
	monCountMessage    = "mon.count: 1, 3, 5 or 7; an even number of mons survives no more failures than one fewer"
	monVolumeMessage   = "mon.volume is chosen once: a mon's store does not move by itself"
	topologyMessage    = "topology.failureDomain cannot change: pools that name none rely on it; set failureDomain on the pool"
	sizeMessage        = "write a size in bytes above zero, such as 200Gi"
)

// cluster returns a StorageCluster with patches applied to it.
func cluster(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: StorageCluster
metadata: {name: main, namespace: seamount}
spec:
  ceph: {image: "quay.io/ceph/ceph:v20.2.4"}
  storage: {rules: [{name: flash, match: {media: [SSD, NVMe]}}]}
`, patches...)
}

func image(reference string) *unstructured.Unstructured {
	return cluster(`spec: {ceph: {image: "` + reference + `"}}`)
}

func clusterCases() []Case {
	var all []Case
	for _, table := range [][]Case{
		clusterSchemaCases(), clusterNameCases(), imageCases(), monCases(), topologyCases(),
	} {
		all = append(all, table...)
	}
	return all
}

func clusterSchemaCases() []Case {
	return []Case{
		accept("minimal", cluster()),
		accept("no rules: no disk is taken", cluster(`spec: {storage: {rules: null}}`)),
		{Name: "no storage", New: cluster(`spec: {storage: null}`), Want: []crdtest.Violation{
			{Field: "spec.storage", Message: "Required value"}, notChecked,
		}},
		{Name: "no ceph", New: cluster(`spec: {ceph: null}`), Want: []crdtest.Violation{
			{Field: "spec.ceph", Message: "Required value"}, notChecked,
		}},
		{Name: "unknown enum value", New: cluster(`spec: {resourceProfile: Fast}`), Want: []crdtest.Violation{
			{Field: "spec.resourceProfile", Message: `supported values: "Lean", "Balanced", "Performance"`}, notChecked,
		}},
		{Name: "unknown field", New: cluster(`spec: {mons: 3}`), Want: []crdtest.Violation{
			{Field: "spec.mons", Message: crdtest.UnknownField},
		}},
		{Name: "window without a clock time", New: cluster(
			`spec: {upgrade: {windows: [{start: "24:00", durationMinutes: 60}]}}`), Want: []crdtest.Violation{
			{Field: "spec.upgrade.windows[0].start", Message: `should match '^([01][0-9]|2[0-3]):[0-5][0-9]$'`},
		}},
		accept("all of upgrade", cluster(`spec: {upgrade: {windows: [{days: [Sat, Sun], start: "02:00",
			durationMinutes: 240, timeZone: Europe/Berlin}], soakSeconds: 0, onTrouble: Halt}}`)),
	}
}

func clusterNameCases() []Case {
	named := func(name string) *unstructured.Unstructured { return cluster(`metadata: {name: "` + name + `"}`) }
	return []Case{
		accept("name of 40 characters", named(strings.Repeat("a", 40))),
		reject("name of 41 characters", named(strings.Repeat("a", 41)), "", clusterNameMessage),
		reject("name with a dot", named("main.storage"), "", clusterNameMessage),
	}
}

func imageCases() []Case {
	digest := "@sha256:" + strings.Repeat("0f", 32)
	return []Case{
		accept("image by digest", image("quay.io/ceph/ceph"+digest)),
		accept("image by tag and digest", image("quay.io/ceph/ceph:latest"+digest)),
		accept("image in a registry with a port", image("localhost:5000/ceph/ceph:v20.2.4")),
		accept("image without a registry", image("ceph:v20.2.4")),
		reject("image without a tag", image("quay.io/ceph/ceph"), "spec.ceph.image", imageMessage),
		reject("image with a port and no tag", image("localhost:5000/ceph"), "spec.ceph.image", imageMessage),
		reject("image latest", image("quay.io/ceph/ceph:latest"), "spec.ceph.image", imageMessage),
		reject("image with half a digest", image("quay.io/ceph/ceph@sha256:0f"), "spec.ceph.image", imageMessage),
		reject("image with a space", image("quay.io/ceph/ceph:v20 "), "spec.ceph.image", imageMessage),
		acceptChange("another image is the upgrade", cluster(), image("quay.io/ceph/ceph:v20.2.5")),
		rejectChange("to latest", cluster(), image("quay.io/ceph/ceph:latest"), "spec.ceph.image", imageMessage),
	}
}

func monCases() []Case {
	mons := func(count string) *unstructured.Unstructured { return cluster(`spec: {mon: {count: ` + count + `}}`) }
	volume := func(spec string) *unstructured.Unstructured { return cluster(`spec: {mon: {volume: ` + spec + `}}`) }
	fast := `{storageClassName: fast, size: 20Gi}`
	return []Case{
		accept("one mon", mons("1")),
		accept("seven mons", mons("7")),
		reject("two mons", mons("2"), "spec.mon.count", monCountMessage),
		reject("six mons", mons("6"), "spec.mon.count", monCountMessage),
		reject("nine mons", mons("9"), "spec.mon.count", "should be less than or equal to 7"),
		acceptChange("from one mon to three", mons("1"), mons("3")),
		rejectChange("from three mons to four", mons("3"), mons("4"), "spec.mon.count", monCountMessage),
		accept("mon volume", volume(fast)),
		acceptChange("mon volume stays", volume(fast), cluster(`spec: {pause: All, mon: {volume: `+fast+`}}`)),
		rejectChange("mon volume added", cluster(), volume(fast), "spec.mon", monVolumeMessage),
		rejectChange("mon volume grows", volume(fast), volume(`{storageClassName: fast, size: 40Gi}`),
			"spec.mon", monVolumeMessage),
		rejectChange("mon volume taken away", volume(fast), cluster(), "spec.mon", monVolumeMessage),
		reject("mon volume of no size", volume(`{storageClassName: fast, size: 0}`), "spec.mon.volume.size", sizeMessage),
		reject("mon volume of a negative size", volume(`{storageClassName: fast, size: -1Gi}`),
			"spec.mon.volume.size", sizeMessage),
	}
}

func topologyCases() []Case {
	domain := func(level string) *unstructured.Unstructured {
		return cluster(`spec: {topology: {failureDomain: ` + level + `}}`)
	}
	return []Case{
		accept("failure domain", domain("Rack")),
		acceptChange("the default is written down", cluster(), domain("Host")),
		acceptChange("the default is left out again", domain("Host"), cluster()),
		acceptChange("an empty topology is the default", domain("Host"), cluster(`spec: {topology: {}}`)),
		rejectChange("from the default to another", cluster(), domain("Rack"), "spec.topology", topologyMessage),
		rejectChange("from one to another", domain("Rack"), domain("Zone"), "spec.topology", topologyMessage),
		rejectChange("from another to the default", domain("Rack"), cluster(), "spec.topology", topologyMessage),
	}
}

// notChecked stands beside errors for which the API server does not look at CEL rules at all.
var notChecked = crdtest.Violation{Message: "some validation rules were not checked because the object was invalid; " +
	"correct the existing errors to complete validation"}
