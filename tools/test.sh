#!/usr/bin/env bash
# Runs every test, goes on after a failure, and says at the end what failed and where
# its log is. `make test` calls it, and `make test-long` with the argument "long", for what repeats often
# or is large. Logs go to $SEAMOUNT_TEST_LOGS, or to a new directory that it names.
#
# When the local Kubernetes is compiled, there are lanes, side by side: what a newcomer does with it, and then two with tests of it and of
# Seamount on it, which wait for pods most of the time; real daemons and disks without it, which wait too; and all that only computes,
# which takes the processors meanwhile, and then more real daemons. The last two have a lower priority each than the one before.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# Collecting garbage seldom saves compilers, linkers and tests a fifth of their time.
export GOGC=${GOGC:-800}

logs=${SEAMOUNT_TEST_LOGS:-$(mktemp -d "${TMPDIR:-/tmp}/seamount-test.XXXXXX")}
mkdir -p "$logs"
: >"$logs/summary"

# step <name> <command...>: the whole output goes to the log, its readable part to the screen.
step() {
	local name=$1 start=$SECONDS status verdict=ok
	shift
	echo "=== $name"
	"$@" 2>&1 | tee "$logs/$name.log" | readable "$name"
	status=${PIPESTATUS[0]}
	if [[ $status -ne 0 ]]; then
		verdict=FAIL
		echo "=== $name failed with status $status after $((SECONDS - start)) s"
		[[ $name != e2e-* ]] || { failures "$logs/$name.log"; echo "the end of $logs/$name.log:"; tail -n 50 "$logs/$name.log"; }
	fi
	printf '%-4s %6d s  %s\n' "$verdict" $((SECONDS - start)) "$name" >>"$logs/summary"
}

# readable drops packages without tests, and what "go test -v" says inside tests; that is in the log.
readable() {
	local noise='\[no test files\]$'
	[[ $1 != e2e-* ]] || noise+='|^ +(---|===) |^=== (PAUSE|CONT|NAME|RUN +[^ ]*/)|^ {4,}[A-Za-z_0-9]+\.go:[0-9]+: '
	grep --line-buffered -vE "$noise"
	return 0
}

# failures prints of a log what each test said that failed, subtests first, but no more than 60 lines of each.
failures() {
	awk 'function start(name) { at = name; if (!(name in n)) n[name] = 0 }
		/^=== (RUN|CONT|NAME) / { start($3); next }
		/^ *--- (FAIL|PASS|SKIP)/ { if ($2 == "FAIL:") failed[++fails] = $3; next }
		at != "" && n[at] < 60 { said[at, n[at]++] = $0 }
		END { for (f = fails; f > 0; f--) { name = failed[f]; print "--- FAIL: " name; for (i = 0; i < n[name]; i++) print said[name, i] } }' "$1"
}

# packages prints the directories of the current module whose tests have the tag e2e: with "kubernetes" those that start the local
# Kubernetes, but for the two that with_kubernetes names; with "ceph" those that need nothing but daemons of Ceph; with "alone" the others.
packages() {
	local where=$1 tests dir lane
	tests=$(go list -tags "$tags" -f '{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./... |
		{ xargs -r grep -lE '^//go:build .*\be2e\b' || true; } | xargs -rn1 dirname | sort -u) || return
	for dir in $tests; do
		lane=alone
		[[ $(go list -tags "$tags" -test -deps "$dir") != */tests/local/cluster* ]] || lane=kubernetes
		case $dir in
		*/tests/local | */tests/operator) lane=named ;;
		*/tests/cephtest | */tests/conformance | */tests/fence | */tests/rados) lane=ceph ;;
		esac
		[[ $lane != "$where" ]] || echo "$dir"
	done
}

# e2e <module> <alone|ceph|kubernetes|package and flags...> runs tagged tests of a module, one package after the other.
e2e() {
	local module=$1 tags=e2e,$TAGS packages=${*:2}
	cd "$module" || return
	case $2 in alone | ceph | kubernetes) packages=$(packages "$2") || return ;; esac
	[[ -n $packages ]] || { echo "module $module has no such test"; return 0; }
	# Vet looks at them by itself.
	# shellcheck disable=SC2086 # one word for each package
	go test -vet=off -tags "$tags" -count=1 -p 1 -v -timeout "${E2E_TIMEOUT:-60m}" $packages
}

count() { cat "$logs"/*.log | grep -cE "$1"; }

# summarize says what came of all, and ends.
summarize() {
	echo "=== summary"
	sort -k4 "$logs/summary"
	echo "packages: $(count $'^ok  \t') ok, $(count $'^FAIL\t') failed; logs in $logs"
	grep -hE $'^FAIL\t|^ *--- FAIL' "$logs"/*.log | sort -u
	! grep -q '^FAIL' "$logs/summary"
	exit
}


# without_kubernetes is what needs none.
without_kubernetes() {
	local computes
	(renice -n 15 "$BASHPID" >/dev/null; computing) &
	computes=$!
	{ step e2e-alone e2e . alone; step e2e-images e2e images alone; } &
	wait "$computes"
	step e2e-ceph e2e . ceph
	wait
}

computing() {
	step house make house
	# The race detector wants each library compiled once more. Here it is for what does much at once and needs few libraries; "make
	# check" has it for all.
	step unit make unit RACED='/(ceph|agent/(block|fault|fuse)|discover/uevent|operator/session)(/|$$)'
	# What differs in behaviour without cgo is Ceph's client.
	step unit-without-cgo make unit CGO_ENABLED=0 MODULES=. UNIT=./ceph/rados/...
}

# with_kubernetes begins with what a newcomer does, since what fails there matters most, and since it compares all of the machine before
# and after: no other cluster may come or go meanwhile. Then there are two clusters at once, for about as long. Last are the modules that
# make the local Kubernetes: they use the devices that it uses.
with_kubernetes() {
	local beside trial='^TestTrial$' failover='^TestMonFailover$'
	step e2e-trial e2e . ./tests/local -run="$trial"
	(SEAMOUNT_E2E_BESIDE=yes step e2e-operator e2e . ./tests/operator -skip="$failover") &
	beside=$!
	step e2e-local e2e . ./tests/local -skip="$trial"
	step e2e-kubernetes e2e . kubernetes
	step e2e-failover e2e . ./tests/operator -run="$failover"
	wait "$beside"
	for module in $MODULES; do
		[[ $module == . || $module == images ]] || step "e2e-$(tr / - <<<"$module")" e2e "$module" alone
	done
}

if [[ ${1:-} == long ]]; then
	unset GOGC # memory is measured too
	export SEAMOUNT_E2E_ROUNDS=${SEAMOUNT_E2E_ROUNDS:-20} SEAMOUNT_E2E_VOLUMES=${SEAMOUNT_E2E_VOLUMES:-200} SEAMOUNT_E2E_PODS=${SEAMOUNT_E2E_PODS:-20} E2E_TIMEOUT=${E2E_TIMEOUT:-8h}
	step e2e-long e2e . ./tests/block ./tests/sanity ./tests/csi ./tests/operator
	step unit-long make unit MODULES=. UNIT=./operator/app
	step fuzz make fuzz
	step scale make bench BENCH=Scale/quick BENCH_TAGS=e2e PKG=./tests/operator/api
	summarize
fi

# First what most waits for, and from which the product takes most of its libraries.
# While nothing else wants memory, compilers can have more.
GOGC=1200 step local-build make local-build
(renice -n 5 "$BASHPID" >/dev/null; without_kubernetes) &
with_kubernetes
wait
summarize
