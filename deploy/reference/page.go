package reference

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

const origin = "<!-- Written by 'make generate' from api/v1alpha1 and api/conditions: change it there. -->\n"

// Pages are the pages by the names of their files. root is the repository, or a copy of its folders api and deploy/crds.
func Pages(root string) (map[string]string, error) {
	all, err := loaded(filepath.Join(root, "deploy", "crds"))
	if err != nil {
		return nil, err
	}
	meanings, err := said(filepath.Join(root, "api", "v1alpha1", "conditions.go"))
	if err != nil {
		return nil, err
	}
	pages := map[string]string{"README.md": index(all)}
	for _, k := range all {
		page, err := k.page(meanings)
		if err != nil {
			return nil, err
		}
		pages[k.file()] = page
	}
	return pages, nil
}

func (k kind) file() string { return strings.ToLower(k.name) + ".md" }

func index(all []kind) string {
	var text strings.Builder
	text.WriteString(origin + "# Reference of the API `" + v1alpha1.SchemeGroupVersion.String() + "`\n\n" +
		"One page a kind, from the comments of the types. How the API behaves as a whole is in [api.md](../api.md).\n\n")
	head(&text, "kind", "lives in", "is called", "is")
	for _, k := range all {
		first, _, _ := strings.Cut(k.about(), ". ")
		row(&text, "["+k.name+"]("+k.file()+")", k.scope(), k.names(), cell(strings.TrimSuffix(first, ".")))
	}
	return text.String()
}

func (k kind) about() string { return oneLine(k.version().Schema.OpenAPIV3Schema.Description) }

func (k kind) scope() string {
	if k.definition.Spec.Scope == "Namespaced" {
		return "a namespace"
	}
	return "the cluster"
}

// names are what kubectl takes for the kind.
func (k kind) names() string {
	names := k.definition.Spec.Names
	return "`" + strings.Join(append([]string{names.Plural, names.Singular}, names.ShortNames...), "`, `") + "`"
}

// page is the whole page of a kind.
func (k kind) page(meanings map[string]string) (string, error) {
	var text strings.Builder
	text.WriteString(origin + "# " + k.name + "\n\n" + prose(k.version().Schema.OpenAPIV3Schema.Description) + "\n\n")
	if k.guide != "" {
		text.WriteString("How it is used: [" + k.guide + "](../" + k.guide + "). ")
	}
	text.WriteString("All kinds: [reference](README.md).\n\n")
	k.overview(&text)
	constraints := rulesOf(k.version().Schema.OpenAPIV3Schema)
	for _, part := range []string{"spec", "status"} {
		fields, err := k.fields(part)
		if err != nil {
			return "", err
		}
		if part == "spec" {
			specification(&text, fields, constraints)
		} else {
			observation(&text, fields)
		}
	}
	k.conditions(&text, meanings)
	return text.String(), nil
}

// overview tells how the kind is named, shown and selected.
func (k kind) overview(text *strings.Builder) {
	head(text, "", "")
	row(text, "apiVersion, kind", "`"+v1alpha1.SchemeGroupVersion.String()+"`, `"+k.name+"`")
	row(text, "lives in", k.scope())
	row(text, "kubectl knows it as", k.names())
	if in := k.definition.Spec.Names.Categories; len(in) > 0 {
		row(text, "is part of `kubectl get`", "`"+strings.Join(in, "`, `")+"`")
	}
	row(text, "columns", k.columns(0))
	if wide := k.columns(1); wide != "" {
		row(text, "with `-o wide`", wide)
	}
	var selectable []string
	for _, by := range k.version().SelectableFields {
		selectable = append(selectable, "`"+strings.TrimPrefix(by.JSONPath, ".")+"`")
	}
	if len(selectable) > 0 {
		row(text, "`--field-selector` by", strings.Join(selectable, ", "))
	}
	if subresources := k.version().Subresources; subresources != nil && subresources.Scale != nil {
		row(text, "`kubectl scale` sets", "`"+strings.TrimPrefix(subresources.Scale.SpecReplicasPath, ".")+"`")
	}
	text.WriteString("\n")
}

// ofCondition finds the columns that show a condition.
var ofCondition = regexp.MustCompile(`^\.status\.conditions\[\?\(@\.type=="(\w+)"\)\]\.(\w+)$`)

func (k kind) columns(priority int32) string {
	var shown []string
	for _, column := range k.version().AdditionalPrinterColumns {
		if column.Priority != priority {
			continue
		}
		from := "`" + strings.TrimPrefix(column.JSONPath, ".") + "`"
		if match := ofCondition.FindStringSubmatch(column.JSONPath); match != nil {
			from = match[2] + " of condition " + match[1]
		}
		shown = append(shown, strings.ToUpper(column.Name)+" ("+from+")")
	}
	return strings.Join(shown, ", ")
}

// specification is the table of what people write, and what the API server refuses.
func specification(text *strings.Builder, fields []field, constraints rules) {
	text.WriteString("## spec\n\nA size is a Kubernetes quantity such as `200Gi`; `[]` stands for each element of a list.\n\n")
	head(text, "field", "type", "default", "limits", "may change", "what it is")
	for _, f := range fields {
		row(text, "`"+f.path+"`", f.typeText(), cell(f.defaultText()), cell(f.limits()),
			cell(constraints.change("spec."+f.path)), cell(f.aboutText()))
	}
	text.WriteString("\n")
	refusals(text, "The API server also refuses, with these words:", constraints.always)
	refusals(text, "It refuses new objects, and leaves those alone that are there already:", constraints.creation)
}

func refusals(text *strings.Builder, title string, refused []rule) {
	if len(refused) == 0 {
		return
	}
	text.WriteString(title + "\n\n")
	head(text, "at", "message")
	for _, one := range refused {
		at := "the object"
		if one.path != "" {
			at = "`" + one.path + "`"
		}
		row(text, at, cell(one.message))
	}
	text.WriteString("\n")
}

// observation is the table of what programs write.
func observation(text *strings.Builder, fields []field) {
	text.WriteString("## status\n\n")
	head(text, "field", "type", "limits", "what it is")
	for _, f := range fields {
		row(text, "`"+f.path+"`", f.typeText(), cell(f.limits()), cell(f.comment()))
	}
	text.WriteString("\n")
}

// conditions is the table of the kind's conditions with their reasons.
func (k kind) conditions(text *strings.Builder, meanings map[string]string) {
	text.WriteString("## Conditions\n\nEvery condition also has the status Unknown with the reason `NotObserved`: nothing is known yet, or no longer.\n\n")
	head(text, "condition", "meaning", "written by", "True", "False", "Unknown")
	for _, condition := range conditions.Of(k.name) {
		row(text, "`"+condition.Type+"`", cell(strings.TrimSuffix(meanings[condition.Type], ".")+reading[condition.Polarity]), condition.Owner,
			reasons(condition.True), reasons(condition.False), reasons(condition.Unknown))
	}
	if k.name == v1alpha1.KindStorageDisk {
		planReasons(text)
	}
}

// reading says how to take a condition that is not well when it is True.
var reading = map[conditions.Polarity]string{
	conditions.PolarityNegative: "; well when False",
	conditions.PolarityNeutral:  "; neither good nor bad",
}

func planReasons(text *strings.Builder) {
	text.WriteString("\n## Reasons of a plan\n\n`status.plan` says what the operator will do with a disk, and why.\n\n")
	head(text, "action", "reasons")
	for _, action := range []v1alpha1.PlanAction{
		v1alpha1.PlanAdd, v1alpha1.PlanProvide, v1alpha1.PlanKeep, v1alpha1.PlanWait, v1alpha1.PlanSkip,
	} {
		row(text, "`"+string(action)+"`", reasons(v1alpha1.PlanReasons(action)))
	}
}

func reasons(list []string) string {
	var shown []string
	for _, reason := range list {
		if reason != v1alpha1.ReasonNotObserved {
			shown = append(shown, "`"+reason+"`")
		}
	}
	return strings.Join(shown, ", ")
}

// head begins a table.
func head(text *strings.Builder, cells ...string) {
	row(text, cells...)
	text.WriteString("|" + strings.Repeat("---|", len(cells)) + "\n")
}

func row(text *strings.Builder, cells ...string) {
	fmt.Fprintf(text, "| %s |\n", strings.Join(cells, " | "))
}

// placeholder finds <words> outside of code, which Markdown would take for a tag.
var placeholder = regexp.MustCompile(`<(\w)`)

// cell is text as it may stand in a table.
func cell(text string) string {
	parts := strings.Split(text, "`")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "|", `\|`)
		if i%2 == 0 {
			parts[i] = placeholder.ReplaceAllString(parts[i], "&lt;$1")
		}
	}
	return strings.Join(parts, "`")
}

// prose keeps paragraphs, and gives each line its place.
func prose(description string) string {
	var paragraphs []string
	for _, paragraph := range strings.Split(description, "\n\n") {
		paragraphs = append(paragraphs, oneLine(paragraph))
	}
	return strings.Join(paragraphs, "\n\n")
}
