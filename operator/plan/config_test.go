package plan

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// What is declared, what was applied before and what Ceph has decide together.
func TestConfigDiff(t *testing.T) {
	t.Parallel()
	const none = "-"
	for name, test := range map[string]struct{ want, had, has, act, drift string }{
		"new":                               {"2", none, none, "set 2", ""},
		"changed in the spec":               {"3", "2", "2", "set 3", ""},
		"as it should be":                   {"2", "2", "2", "", ""},
		"written otherwise by Ceph":         {"4Gi", "4Gi", "4294967296", "", ""},
		"set already":                       {"2", none, "2", "record 2", ""},
		"set to what is declared by now":    {"8", "2", "8", "record 8", ""},
		"changed by hand":                   {"2", "2", "8", "", "2/8"},
		"taken out by hand":                 {"2", "2", none, "", "2/-"},
		"changed by hand and in the spec":   {"3", "2", "8", "set 3", ""},
		"taken out of the spec":             {none, "2", "2", "remove", ""},
		"taken out of the spec, other live": {none, "2", "8", "remove", ""},
		"gone from both":                    {none, "2", none, "forget", ""},
		"added by hand":                     {none, none, "8", "", "-/8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			option := func(value string) []v1alpha1.ConfigOption {
				if value == none {
					return nil
				}
				return []v1alpha1.ConfigOption{{Who: "osd", Option: "osd_max_backfills", Value: value}}
			}
			var live []ceph.ConfigOption
			if test.has != none {
				live = []ceph.ConfigOption{{Who: "osd", Option: "osd_max_backfills", Value: test.has}}
			}
			diff := ConfigDiff(option(test.want), option(test.had), live)
			act, drift := "", ""
			for _, action := range diff.Actions {
				act += actionText(action)
			}
			for _, entry := range diff.Drift {
				drift += fmt.Sprintf("%s/%s", orDash(entry.Declared), orDash(entry.Live))
			}
			if act != test.act || drift != test.drift {
				t.Errorf("%q with drift %q, want %q and %q", act, drift, test.act, test.drift)
			}
		})
	}
}

func actionText(action Action) string {
	switch a := action.(type) {
	case SetConfig:
		return "set " + a.Value
	case RemoveConfig:
		return "remove"
	case RecordConfig:
		if a.Forget {
			return "forget"
		}
		return "record " + a.Value
	}
	return fmt.Sprintf("%T", action)
}

func orDash(text *string) string {
	if text == nil {
		return "-"
	}
	return *text
}

// What daemons set by themselves is nobody's drift, unless it was declared. What is like it and set by hand is.
func TestConfigSetByCeph(t *testing.T) {
	t.Parallel()
	const measured = "osd_mclock_max_capacity_iops_hdd"
	for name, test := range map[string]struct {
		declared []v1alpha1.ConfigOption
		live     ceph.ConfigOption
		drift    bool
	}{
		"an OSD measured its disk":         {nil, ceph.ConfigOption{Who: "osd.3", Option: measured, Value: "315.640259"}, false},
		"and one with flash":               {nil, ceph.ConfigOption{Who: "osd.12", Option: "osd_mclock_max_capacity_iops_ssd", Value: "21500.0"}, false},
		"a module keeps its state":         {nil, ceph.ConfigOption{Who: "mgr", Option: "mgr/telemetry/leaderboard", Value: "x"}, false},
		"somebody said it for all OSDs":    {nil, ceph.ConfigOption{Who: "osd", Option: measured, Value: "315"}, true},
		"somebody said it for a class":     {nil, ceph.ConfigOption{Who: "osd/class:hdd", Option: measured, Value: "315"}, true},
		"somebody turned the scheduler on": {nil, ceph.ConfigOption{Who: "osd.3", Option: "osd_mclock_profile", Value: "custom"}, true},
		"it is declared otherwise": {[]v1alpha1.ConfigOption{{Who: "osd.3", Option: measured, Value: "400"}},
			ceph.ConfigOption{Who: "osd.3", Option: measured, Value: "315.640259"}, true},
	} {
		diff := ConfigDiff(test.declared, test.declared, []ceph.ConfigOption{test.live})
		if len(diff.Actions) != 0 || (len(diff.Drift) != 0) != test.drift {
			t.Errorf("%s: %+v, want drift %t", name, diff, test.drift)
		}
	}
}

func TestSameValue(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"", ""}, {"a b", "a b"}, {"yes", "true"}, {"On", "true"}, {"off", "false"}, {"4G", "4294967296"}, {"4GiB", "4294967296"},
		{"10K", "10000"}, {"10K", "10240"}, {"0.5", "0.500000"}, {"1m", "60"}, {"1h30m", "5400"}, {"-1", "-1"}, {"1.5Ki", "1536"},
	} {
		if !sameValue(pair[0], pair[1]) || !sameValue(pair[1], pair[0]) {
			t.Errorf("%q and %q are the same to Ceph", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"", "0"}, {"true", "1x"}, {"yes", "no"}, {"4G", "4000"}, {"4", "4G"}, {"1", "2"}, {"a", "b"}, {"true", "trueish"}, {"4Gx", "4294967296"},
	} {
		if sameValue(pair[0], pair[1]) {
			t.Errorf("%q and %q are not the same to Ceph", pair[0], pair[1])
		}
	}
}

func FuzzSameValue(f *testing.F) {
	f.Add("4G", "4294967296")
	f.Add("1h", "3600")
	f.Add("yes", "true")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !sameValue(a, a) || sameValue(a, b) != sameValue(b, a) {
			t.Errorf("%q and %q", a, b)
		}
	})
}

// Everything that a pod is made of makes a difference, and labels make none.
func TestRestartReason(t *testing.T) {
	t.Parallel()
	from := Template{partImage: "a:v1", partResources: "memory -2Gi", "command": "11"}
	for name, test := range map[string]struct {
		from, to Template
		want     string
	}{
		"the same":    {from, Template{partImage: "a:v1", partResources: "memory -2Gi", "command": "11"}, ""},
		"image":       {from, Template{partImage: "a:v2", partResources: "memory -2Gi", "command": "11"}, "image: a:v1 to a:v2"},
		"resources":   {from, Template{partImage: "a:v1", "command": "11"}, "resources: memory -2Gi to nothing"},
		"two":         {from, Template{partImage: "a:v2", partResources: "memory -2Gi", "command": "22"}, "command changed; image: a:v1 to a:v2"},
		"a new part":  {from, Template{partImage: "a:v1", partResources: "memory -2Gi", "command": "11", "x": "1"}, "x changed"},
		"not legible": {DecodeTemplate("{"), from, "it is not known what the pod was made of"},
	} {
		if got := RestartReason(test.from, test.to); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if diff := cmp.Diff(from, DecodeTemplate(from.Encode())); diff != "" {
		t.Errorf("after encoding (-want +got):\n%s", diff)
	}
}

func FuzzDecodeTemplate(f *testing.F) {
	f.Add(`{"image":"a:v1"}`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, text string) {
		decoded := DecodeTemplate(text)
		if decoded == nil {
			return
		}
		if diff := cmp.Diff(decoded, DecodeTemplate(decoded.Encode())); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzImageVersion(f *testing.F) {
	for image, want := range map[string]string{
		"quay.io/ceph/ceph:v20.2.4": "20.2.4", "ceph:v20": "20", "host:5000/ceph": "", "ceph:v18.2.7-20260101": "18.2.7",
		"ceph@sha256:aa": "", "ceph:v20.2.4@sha256:aa": "20.2.4", "ceph:main": "", "ceph:20.2": "20.2",
	} {
		if got := imageVersion(image).String(); got != want {
			f.Errorf("%s is %q, want %q", image, got, want)
		}
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image string) {
		if v := imageVersion(image); v != nil && (len(v) == 0 || v.below(v)) {
			t.Errorf("%q is %v", image, v)
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"ST*NM*", "ST16000NM002G", true}, {"ST*NM*", "WD16000", false}, {"abc", "abc", true}, {"abc", "abcd", false}, {"*", "", true},
		{"a*a", "a", false}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-c-b", false}, {"**", "x", true}, {"a.c", "abc", false}, {"*x", "xx", true},
	} {
		if got := glob(test.pattern, test.text); got != test.want {
			f.Errorf("glob(%q, %q) is %t", test.pattern, test.text, got)
		}
		f.Add(test.pattern, test.text)
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if glob(pattern, text) && !glob("*"+pattern+"*", "x"+text+"y") {
			t.Errorf("%q matches %q", pattern, text)
		}
	})
}

// testPod has something in every part of a template.
func testPod() *corev1.PodTemplateSpec {
	return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		NodeSelector:   map[string]string{corev1.LabelHostname: "n1"},
		InitContainers: []corev1.Container{{Name: "bring", Image: "node:v1"}},
		Containers: []corev1.Container{{
			Name: "osd", Image: "ceph:v20.2.4", Args: []string{"osd", "3"}, Resources: *memory("2Gi"), Env: []corev1.EnvVar{{Name: "A", Value: "1"}},
		}},
		Volumes: []corev1.Volume{{Name: "run"}}, Tolerations: []corev1.Toleration{{Key: "x"}},
	}}
}

// Every part of a pod that matters shows in its template, under the name of that part; labels do not.
func TestTemplateOf(t *testing.T) {
	t.Parallel()
	from := TemplateOf(testPod())
	for want, change := range map[string]func(pod *corev1.PodTemplateSpec){
		"": func(pod *corev1.PodTemplateSpec) {
			pod.Labels, pod.Annotations = map[string]string{"a": "b"}, map[string]string{"c": "d"}
		},
		"image: ceph:v20.2.4 to ceph:v20.2.5":       func(pod *corev1.PodTemplateSpec) { pod.Spec.Containers[0].Image = "ceph:v20.2.5" },
		"bring image: node:v1 to node:v2":           func(pod *corev1.PodTemplateSpec) { pod.Spec.InitContainers[0].Image = "node:v2" },
		"command changed":                           func(pod *corev1.PodTemplateSpec) { pod.Spec.Containers[0].Args[1] = "4" },
		"environment changed":                       func(pod *corev1.PodTemplateSpec) { pod.Spec.Containers[0].Env[0].Value = "2" },
		"resources: memory -2Gi to memory -3Gi":     func(pod *corev1.PodTemplateSpec) { pod.Spec.Containers[0].Resources = *memory("3Gi") },
		"tolerations changed":                       func(pod *corev1.PodTemplateSpec) { pod.Spec.Tolerations = nil },
		"volumes changed":                           func(pod *corev1.PodTemplateSpec) { pod.Spec.Volumes[0].Name = "log" },
		"pod changed":                               func(pod *corev1.PodTemplateSpec) { pod.Spec.HostNetwork = true },
		"node: kubernetes.io/hostname=n1 to other=": func(pod *corev1.PodTemplateSpec) { pod.Spec.NodeSelector = map[string]string{"other": ""} },
	} {
		pod := testPod()
		change(pod)
		got := RestartReason(from, TemplateOf(pod))
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if diff := cmp.Diff(testPod(), func() *corev1.PodTemplateSpec { pod := testPod(); TemplateOf(pod); return pod }()); diff != "" {
		t.Errorf("the pod was changed:\n%s", diff)
	}
}

// A daemon that is the same is not rendered again, and one that is not is.
func TestRenders(t *testing.T) {
	t.Parallel()
	built := 0
	renders := NewRenders(func(d Daemon) Template { built++; return renderForTest(d) })
	r := reserved(3, "wwn-1")
	d := Daemon{ID: DaemonID{DaemonOSD, "3"}, Image: "a:v1", OSD: &r}
	first := renders.Render(d)
	again := r
	d.OSD = &again
	if diff := cmp.Diff(first, renders.Render(d)); diff != "" || built != 1 {
		t.Errorf("built %d times:\n%s", built, diff)
	}
	again.UUID = "another"
	if diff := cmp.Diff(first, renders.Render(d)); diff == "" || built != 2 {
		t.Errorf("built %d times, and the template is the same", built)
	}
}
