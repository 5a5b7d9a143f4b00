package cases

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	ownedOptionMessage = "config: this option is identity, address, key or CRUSH location and is set by Seamount"
	whoMessage         = "config.who: global, a daemon type or a daemon (osd.3), with an optional mask such as osd/class:hdd or osd/host:n3"
)

func config(who, option, value string) *unstructured.Unstructured {
	return cluster(fmt.Sprintf(`spec: {config: [{who: %q, option: %q, value: %q}]}`, who, option, value))
}

func configCases() []Case {
	cases := []Case{
		accept("an option that is empty", config("osd", "osd_max_backfills", "")),
		accept("an option of a mgr module", config("mgr", "mgr/balancer/upmap_max_deviation", "1")),
		accept("one option for two", cluster(`spec: {config: [{who: osd, option: debug_osd, value: "1"},
			{who: osd.3, option: debug_osd, value: "20"}]}`)),
		{Name: "one option twice", New: cluster(`spec: {config: [{who: osd, option: debug_osd, value: "1"},
			{who: osd, option: debug_osd, value: "20"}]}`), Want: []crdtest.Violation{
			{Field: "spec.config[1]", Message: `Duplicate value: {"option":"debug_osd","who":"osd"}`},
		}},
		{Name: "an option without a value", New: cluster(`spec: {config: [{who: osd, option: debug_osd}]}`),
			Want: []crdtest.Violation{{Field: "spec.config[0].value", Message: "Required value"}, notChecked}},
		rejectChange("an owned option is added", cluster(), config("global", "fsid", "x"),
			"spec.config[0].option", ownedOptionMessage),
	}
	for _, who := range []string{
		"global", "mon", "mgr", "osd", "mds", "client", "osd.3", "mon.a", "mds.main-a", "client.rgw.s3",
		"osd/class:hdd", "osd/host:n3", "osd/rack:r1.a", "global/region:eu", "osd/class:hdd/host:n3",
	} {
		cases = append(cases, accept("config for "+who, config(who, "debug_ms", "1")))
	}
	for _, who := range []string{
		"OSD", "osd3", "osd.", "rbd", "osd/hdd", "osd/class:", "osd/disk:sda", "osd/class:hdd/", "osd class:hdd", "osd/",
	} {
		cases = append(cases, reject("config for "+who, config(who, "debug_ms", "1"), "spec.config[0].who", whoMessage))
	}
	for _, option := range []string{
		"fsid", "mon_host", "keyring", "keyfile", "key", "public_addr", "cluster_addr", "public_network", "cluster_network",
		"crush_location", "crush_location_hook", "osd_uuid", "ms_bind_ipv6", "mon_initial_members",
	} {
		cases = append(cases, reject("option "+option, config("global", option, "x"),
			"spec.config[0].option", ownedOptionMessage))
	}
	for _, option := range []string{"mon-host", "mon host", "FSID", "_", "mgr/balancer"} {
		cases = append(cases, reject("option spelled "+option, config("global", option, "x"), "spec.config[0].option",
			"should match '^([a-z][a-z0-9_]*|mgr/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+)$'"))
	}
	return cases
}
