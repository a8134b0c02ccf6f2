#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run_tests.sh check|all: runs the suites one after the other and ends with the sum of their closing
# lines. Exit status 1 if anything failed or if no test ran.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

log=build/results
mkdir -p "$log"
jobs=${JOBS:-$(nproc)}
summary=()

# run NAME COMMAND...: shows what COMMAND says and keeps it in $log/NAME.log; $rc is its exit status.
run() {
	printf '\n== %s\n' "$1"
	rc=0
	"${@:2}" 2>&1 | tee "$log/$1.log" || rc=$?
}

# step NAME COMMAND...: must succeed, but is not a test: only its failure counts.
step() {
	local start=$SECONDS
	run "$@"
	local outcome="done"
	if [ "$rc" -ne 0 ]; then
		outcome=FAILED
		tally_add 0 1 0
	fi
	summary+=("$(printf '%-12s %4d s  %s' "$1" $((SECONDS - start)) "$outcome")")
}

# suite NAME COMMAND...: its closing line counts. None, or a bad exit status that the line does not
# admit to, is one failure more.
suite() {
	local start=$SECONDS counts passed failed skipped
	run "$@"
	counts=$(tally_read "$log/$1.log")
	read -r passed failed skipped <<<"${counts:-0 1 0}"
	[ "$rc" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	# 10#: the closing line may write the skipped ones as 00.
	skipped=$((10#$skipped))
	summary+=("$(printf '%-12s %4d s  %d passed, %d failed, %d skipped' "$1" $((SECONDS - start)) "$passed" "$failed" "$skipped")")
	tally_add "$passed" "$failed" "$skipped"
}

make() { command "${MAKE:-make}" --no-print-directory "$@"; }

step build make -j"$jobs" programs tests
suite lint make lint
suite unit make unit
suite pcap make pcap
if [ "${1:?check or all}" = all ]; then
	step asan-build make -j"$jobs" BUILD=asan programs tests
	suite asan-unit make BUILD=asan unit
	suite asan-pcap make BUILD=asan pcap
	suite pcap-daemon make pcap-daemon
	step clang-build make -j"$jobs" CC=clang programs tests
	suite fuzz make fuzz
	suite smoke make smoke
fi

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
if [ $((n_passed + n_failed)) -eq 0 ]; then
	echo "no test ran"
	n_failed=1
fi
tally_close
