#!/usr/bin/env bash
# Finds every fuzz target of every module and runs one after the other, each for $FUZZTIME.
# `make fuzz` calls it. A crasher is left below the package's testdata/fuzz, to be committed with its fix.
set -euo pipefail
cd "$(dirname "$0")/.."

# targets prints the directory and the name of each fuzz target of the module in the working directory.
targets() {
	# shellcheck disable=SC2016 # the dollar signs are of Go's template
	go list -f '{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./... |
		{ xargs -r grep -HoE '^func Fuzz[A-Za-z0-9_]+' || true; } | sed -E 's|/[^/]*:func | |'
}

found=0
failed=()
for module in $MODULES; do
	pushd "$module" >/dev/null
	while read -r dir target; do
		found=$((found + 1))
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "$dir" </dev/null || failed+=("$target in $dir")
	done < <(targets)
	popd >/dev/null
done
echo "fuzz: $found targets, ${#failed[@]} failed"
[[ ${#failed[@]} -eq 0 ]] || { printf '  %s\n' "${failed[@]}"; exit 1; }
[[ $found -gt 0 ]] || { echo "fuzz: no target found" >&2; exit 1; }
