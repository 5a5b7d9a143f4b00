#!/usr/bin/env bash
# Makes sure that the Debian packages behind a group are installed, and is quick when they are.
# Usage: tools/packages.sh build|test...
set -euo pipefail

declare -A packages=(
	# What ceph/rados compiles against, and a C compiler for cgo and the race detector.
	[build]="gcc libc6-dev librados-dev librbd-dev libcephfs-dev"
	# The daemons that the tests start, and what makes the disks that discover must not take. The local Kubernetes says by
	# itself what it needs, and installs it.
	[test]="ceph-base ceph-common ceph-fuse ceph-mds ceph-mgr ceph-mon ceph-osd bcache-tools btrfs-progs cryptsetup-bin dosfstools e2fsprogs fio gdisk lvm2 ntfs-3g parted xfsprogs"
)

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

wanted=()
for group in "$@"; do
	[[ -v packages[$group] ]] || { echo "packages.sh: no group named \"$group\", only: ${!packages[*]}" >&2; exit 2; }
	read -ra names <<<"${packages[$group]}"
	wanted+=("${names[@]}")
done

if ! command -v dpkg-query >/dev/null; then
	echo "This is not a Debian system. Install what corresponds to: ${wanted[*]}" >&2
	echo "or do without Ceph's libraries: CGO_ENABLED=0 make check" >&2
	exit 1
fi

missing=()
for name in "${wanted[@]}"; do
	installed "$name" || missing+=("$name")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -ne 0 ]]; then
	echo "Missing packages: ${missing[*]}" >&2
	echo "Install them as root: sudo make deps. Or do without Ceph's libraries: CGO_ENABLED=0 make check" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -o DPkg::Lock::Timeout=900)
# The lists of a fresh machine are empty or too old to name what the mirror has.
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
