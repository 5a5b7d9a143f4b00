package cases

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	ruleNamesMessage = "storage.rules: two rules have the same name"
	matchMessage     = "match: name at least one property; to take every usable disk write media: [HDD, SSD, NVMe]"
	matchSizeMessage = "match: minSize is larger than maxSize"
	osdFieldsMessage = "deviceClass, osdsPerDisk, db, dbSpace and resources need use: OSD"
	dbRuleMessage    = "db.rule: must be another rule of this list with use: DB or with dbSpace"
)

// rules returns a StorageCluster with these disk rules, each a YAML flow mapping.
func rules(list ...string) *unstructured.Unstructured {
	return cluster(`spec: {storage: {rules: [` + strings.Join(list, ", ") + `]}}`)
}

// matching returns a StorageCluster with one disk rule that matches so.
func matching(match string) *unstructured.Unstructured {
	return rules(`{name: r, match: ` + match + `}`)
}

func diskRuleCases() []Case {
	var all []Case
	for _, table := range [][]Case{ruleNameCases(), matchCases(), ruleUseCases(), dbRuleCases(), ruleSizeCases()} {
		all = append(all, table...)
	}
	return all
}

func ruleNameCases() []Case {
	many := make([]string, 33)
	for i := range many {
		many[i] = fmt.Sprintf(`{name: r%d, match: {media: [HDD]}}`, i)
	}
	return []Case{
		accept("32 rules", rules(many[:32]...)),
		{Name: "33 rules", New: rules(many...), Want: []crdtest.Violation{
			{Field: "spec.storage.rules", Message: "must have at most 32 items"}, notChecked,
		}},
		reject("two rules of one name", rules(many[0], many[1], many[0]), "spec.storage.rules", ruleNamesMessage),
		reject("rule name with a capital letter", rules(`{name: Flash, match: {media: [SSD]}}`),
			"spec.storage.rules[0].name", "should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'"),
		acceptChange("rules change", rules(many[0]), rules(many[1], many[0])),
		rejectChange("a second rule of the same name", rules(many[0]), rules(many[0], many[0]),
			"spec.storage.rules", ruleNamesMessage),
	}
}

func matchCases() []Case {
	cases := []Case{
		reject("match of nothing", matching(`{}`), "spec.storage.rules[0].match", matchMessage),
		accept("match of one size", matching(`{minSize: 8Ti, maxSize: 8Ti}`)),
		accept("match of sizes in other units", matching(`{minSize: 8000G, maxSize: 8Ti}`)),
		accept("match of sizes as numbers", matching(`{minSize: 1000, maxSize: 2000}`)),
		reject("match of no size", matching(`{minSize: 20Ti, maxSize: 8Ti}`),
			"spec.storage.rules[0].match", matchSizeMessage),
		reject("match of no size as numbers", matching(`{minSize: 2000, maxSize: 1000}`),
			"spec.storage.rules[0].match", matchSizeMessage),
		reject("match of no size between text and number", matching(`{minSize: 2k, maxSize: 1000}`),
			"spec.storage.rules[0].match", matchSizeMessage),
		reject("match by an empty list", matching(`{media: []}`),
			"spec.storage.rules[0].match.media", "should have at least 1 items"),
		{Name: "the same medium twice", New: matching(`{media: [HDD, HDD]}`), Want: []crdtest.Violation{
			{Field: "spec.storage.rules[0].match.media[1]", Message: "Duplicate value: \"HDD\""},
		}},
		rejectChange("match becomes empty", cluster(), rules(`{name: flash, match: {}}`),
			"spec.storage.rules[0].match", matchMessage),
	}
	for _, match := range []string{
		`{ids: [wwn-5000c50093282dee]}`, `{media: [HDD]}`, `{transports: [SAS, Loop]}`, `{minSize: 8Ti}`, `{maxSize: 20Ti}`,
		`{models: ["ST*NM*"]}`, `{paths: ["pci-0000:3b:00.0-*"]}`,
	} {
		cases = append(cases, accept("match by "+match, matching(match)))
	}
	return cases
}

func ruleUseCases() []Case {
	var cases []Case
	fields := []string{
		"deviceClass: hdd", "osdsPerDisk: 1", "db: {rule: db, size: 200Gi}", "dbSpace: 900Gi", "resources: {}",
	}
	with := func(use, field string) *unstructured.Unstructured {
		return rules(`{name: r, match: {media: [HDD]}, use: `+use+`, `+field+`}`, `{name: db, match: {media: [NVMe]}, use: DB}`)
	}
	for _, field := range fields {
		cases = append(cases,
			accept("use OSD with "+field, with("OSD", field)),
			reject("use DB with "+field, with("DB", field), "spec.storage.rules[0]", osdFieldsMessage),
			reject("use Never with "+field, with("Never", field), "spec.storage.rules[0]", osdFieldsMessage),
		)
	}
	return append(cases, acceptChange("use changes", rules(`{name: r, match: {media: [HDD]}, use: DB}`),
		rules(`{name: r, match: {media: [HDD]}, use: Never}`)))
}

func dbRuleCases() []Case {
	data := `{name: hdd, match: {media: [HDD]}, db: {rule: db, size: 200Gi}}`
	refuse := func(name, other string) Case {
		return reject("db on "+name, rules(data, other), "spec.storage.rules", dbRuleMessage)
	}
	return []Case{
		accept("db on a rule of DB disks", rules(data, `{name: db, match: {media: [NVMe]}, use: DB}`)),
		accept("db on a rule of DB disks above", rules(`{name: db, match: {media: [NVMe]}, use: DB}`, data)),
		accept("db on a rule with dbSpace", rules(data, `{name: db, match: {media: [NVMe]}, dbSpace: 900Gi}`)),
		refuse("a rule that is not there", `{name: nvme, match: {media: [NVMe]}, use: DB}`),
		refuse("a rule of OSDs", `{name: db, match: {media: [NVMe]}}`),
		refuse("a rule of excluded disks", `{name: db, match: {media: [NVMe]}, use: Never}`),
		reject("db on its own rule", rules(`{name: hdd, match: {media: [HDD]}, dbSpace: 1Ti, db: {rule: hdd, size: 200Gi}}`),
			"spec.storage.rules", dbRuleMessage),
		rejectChange("the rule of the DB disks is taken away",
			rules(data, `{name: db, match: {media: [NVMe]}, use: DB}`), rules(data), "spec.storage.rules", dbRuleMessage),
	}
}

func ruleSizeCases() []Case {
	db := `{name: db, match: {media: [NVMe]}, use: DB}`
	return []Case{
		reject("minSize of nothing", matching(`{minSize: 0}`), "spec.storage.rules[0].match.minSize", sizeMessage),
		reject("maxSize below nothing", matching(`{maxSize: -8Ti}`), "spec.storage.rules[0].match.maxSize", sizeMessage),
		reject("maxSize of a fifth of a byte", matching(`{maxSize: 200m}`), "spec.storage.rules[0].match.maxSize", sizeMessage),
		accept("maxSize in halves", matching(`{maxSize: 1.5Ti}`)),
		reject("db of no size", rules(`{name: hdd, match: {media: [HDD]}, db: {rule: db, size: 0}}`, db),
			"spec.storage.rules[0].db.size", sizeMessage),
		reject("dbSpace of no size", rules(`{name: r, match: {media: [SSD]}, dbSpace: "0"}`),
			"spec.storage.rules[0].dbSpace", sizeMessage),
	}
}
