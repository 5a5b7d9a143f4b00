#!/usr/bin/env bash
# Generates from the API types: deep copies and apply configurations below api/, schemas in deploy/crds. From the agent's
# .proto: its messages and its gRPC service, in agent/api. From the module of external-snapshotter: the schemas of volume
# snapshots, in deploy/crds-snapshot, as the version that go.mod names has them. From the Helm chart: the manifests for kubectl
# in deploy/manifests; and in the chart its copies of the schemas and policies, and the table of its values. From the schemas and
# the table of conditions: the pages of docs/reference.
# It works on a copy, so that a type that does not compile leaves the tree as it was.
# Usage: tools/generate.sh <directory of the tools> [--check]
#   --check  change nothing, fail when what is in the tree is not what would be generated
set -euo pipefail

tools=$1
generator=$tools/controller-gen
check=${2:-}
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cd "$root"
# Without the old output: what no type stands behind any more must not stay.
cp -a go.mod go.sum api "$copy"
mkdir -p "$copy/agent" && cp -a agent/api "$copy/agent"
mkdir -p "$copy/deploy" && cp -a deploy/reference "$copy/deploy"
find "$copy/api" -type d -name applyconfiguration -prune -exec rm -rf {} +
find "$copy/agent" -name '*.pb.go' -delete
snapshotter=$(go mod download -json github.com/kubernetes-csi/external-snapshotter/client/v8 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
mkdir -p "$copy/deploy/crds-snapshot"
install -m 644 "$snapshotter"/config/crd/snapshot.storage.k8s.io_*.yaml "$copy/deploy/crds-snapshot"
cd "$copy"
"$generator" object paths=./api/...
"$generator" crd paths=./api/... output:crd:artifacts:config=deploy/crds
"$generator" applyconfiguration paths=./api/...
go run -trimpath ./deploy/reference/cmd/seamount-reference .
"$tools/protogen" . agent/api/v1/agent.proto "$tools/protoc-gen-go" "$tools/protoc-gen-go-grpc"
cp -a "$root/deploy/policies" deploy/
mkdir -p deploy/helm && cp -a "$root/deploy/helm/seamount" deploy/helm/
go run -C "$root/deploy/helm" ./cmd/seamount-chart "$copy/deploy"

if [[ $check == --check ]]; then
	stale=0
	for tree in api agent/api deploy/crds deploy/crds-snapshot deploy/helm/seamount deploy/manifests docs/reference; do
		diff -Nru "$root/$tree" "$copy/$tree" || stale=1
	done
	[[ $stale -eq 0 ]] || echo "Generated files are stale (see above): run 'make generate' and commit what it changes." >&2
	exit "$stale"
fi

cd "$root"
rm -rf deploy/crds deploy/crds-snapshot deploy/manifests docs/reference deploy/helm/seamount/files/{crds,crds-snapshot,policies}
find api -type d -name applyconfiguration -prune -exec rm -rf {} +
cp -a "$copy/deploy/crds" "$copy/deploy/crds-snapshot" "$copy/deploy/manifests" deploy/
cp -a "$copy/docs/reference" docs/
cp -a "$copy/deploy/helm/seamount/." deploy/helm/seamount/
cp -a "$copy"/agent/api/. agent/api/
(cd "$copy" && find api \( -name 'zz_generated.*' -o -path '*/applyconfiguration/*' \) -type f -print0) |
	tar -C "$copy" --null -T - -c | tar -x
