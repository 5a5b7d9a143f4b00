package house

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// textRule forbids a pattern in every text file. The patterns are written so that they do not match themselves.
type textRule struct {
	name    string
	pattern *regexp.Regexp
	message string
	foreign bool           // binds text that others wrote too
	except  *regexp.Regexp // matches that are fine
}

// textRules are what no file of the repository may say.
var textRules = []textRule{
	{"to-do", regexp.MustCompile(`\bTO(?:DO)\b|\bFIX(?:ME)\b`),
		"finish it, or say as a fact what is not there", false, nil},
	{"unimplemented", regexp.MustCompile(`(?i)(?:\w+ )?not (?:implemented)`),
		"build it, or refuse it with a reason that the user sees", false, regexp.MustCompile(`^Function `)}, // the text of ENOSYS
	{"registry", regexp.MustCompile(`(?i)\b(?:deb|security|ftp|snapshot)(?:\.[a-z]+)*\.debian\.org\b|\barchive\.ubuntu\.com\b|` +
		`\b(?:proxy|sum|index)\.golang\.org\b|\bgoproxy\.(?:io|cn)\b|\bregistry\.(?:npmjs\.org|yarnpkg\.com)\b|` +
		`\bpypi\.org\b|\bfiles\.pythonhosted\.org\b|\b(?:static|index)\.crates\.io\b|\bdownload\.ceph\.com\b`),
		"no host of a package registry: builds use the mirrors that the machine is configured with", true, nil},
	{"machine path", regexp.MustCompile(`/work/(?:main|shared)\b|/root/(?:go|\.cache)\b`),
		"no path of one machine: take it from the environment or from an argument", true, nil},
	{"history", regexp.MustCompile(`(?i)\bissue (?:[1-9])\b`),
		"speak of the software, not of how or when it was made", false, nil},
}

// find returns what a line says against the rule, "" for nothing.
func (r textRule) find(line string) string {
	match := strings.TrimSpace(r.pattern.FindString(line))
	if r.except != nil && r.except.MatchString(match) {
		return ""
	}
	return match
}

// CheckText holds the text rules against one file's content.
func CheckText(file string, content []byte) []Finding {
	if isBinary(content) {
		return nil
	}
	var found []Finding
	for number, line := range strings.Split(string(content), "\n") {
		for _, rule := range textRules {
			if match := rule.find(line); match != "" && (rule.foreign || !isForeign(file)) {
				found = append(found, Finding{file, number + 1, rule.name + " \"" + match + "\": " + rule.message})
			}
		}
	}
	return found
}

// CheckTexts reads every file of the repository, except this package's own bad examples.
func (r *Repo) CheckTexts() ([]Finding, error) {
	var found []Finding
	for _, file := range r.Files {
		if strings.HasPrefix(file, "tests/house/testdata/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.Root, file))
		if err != nil {
			return nil, err
		}
		found = append(found, CheckText(file, content)...)
	}
	return found, nil
}

// isForeign tells text that others wrote: recorded data, schemas generated from Kubernetes types, code that the plugins
// of protobuf wrote, the licence.
func isForeign(file string) bool {
	return inTestdata(file) || strings.HasPrefix(file, "deploy/crds/") || strings.HasPrefix(file, "deploy/crds-snapshot/") ||
		strings.HasPrefix(file, "deploy/helm/seamount/files/crds") ||
		strings.HasPrefix(path.Base(file), "zz_generated") || strings.HasSuffix(file, ".pb.go") || path.Base(file) == "LICENSE"
}

func isBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8<<10)], 0) >= 0
}
