#!/usr/bin/env bash
# Generates from the API types: deep copies and apply configurations below api/, schemas in deploy/crds.
# It works on a copy, so that a type that does not compile leaves the tree as it was.
# Usage: tools/generate.sh <controller-gen> [--check]
#   --check  change nothing, fail when what is in the tree is not what would be generated
set -euo pipefail

generator=$1
check=${2:-}
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cd "$root"
# Without the old output: what no type stands behind any more must not stay.
cp -a go.mod go.sum api "$copy"
find "$copy/api" -type d -name applyconfiguration -prune -exec rm -rf {} +
cd "$copy"
"$generator" object paths=./api/...
"$generator" crd paths=./api/... output:crd:artifacts:config=deploy/crds
"$generator" applyconfiguration paths=./api/...

if [[ $check == --check ]]; then
	stale=0
	for tree in api deploy/crds; do
		diff -Nru "$root/$tree" "$copy/$tree" || stale=1
	done
	[[ $stale -eq 0 ]] || echo "Generated files are stale (see above): run 'make generate' and commit what it changes." >&2
	exit "$stale"
fi

cd "$root"
rm -rf deploy/crds
find api -type d -name applyconfiguration -prune -exec rm -rf {} +
cp -a "$copy/deploy/crds" deploy/crds
(cd "$copy" && find api \( -name 'zz_generated.*' -o -path '*/applyconfiguration/*' \) -type f -print0) |
	tar -C "$copy" --null -T - -c | tar -x
