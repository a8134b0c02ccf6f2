#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the libFuzzer targets parse and conf_json for FUZZ_SECONDS, http2 for twice and the others for a third of it, two at a time. What is found on the way goes to
# build-fuzz/fuzz/NAME; the corpus in tests/fuzz/corpus/NAME is only read.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

export work=build-fuzz/fuzz
mkdir -p "$work"

run_one() {
	local name=${1##*/fuzz_} rc=0
	local seeds=tests/fuzz/corpus/$name
	local seconds=${FUZZ_SECONDS:-30}
	case $name in
	parse | conf_json) ;;               # what strangers and operators send first
	http2) seconds=$((seconds * 2)) ;;  # the longest way in
	*) seconds=$(((seconds + 2) / 3)) ;;
	esac
	mkdir -p "$work/$name"
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # no seeds, no argument
	"$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$work/$name." "$work/$name" $seeds >"$work/$name.log" 2>&1 || rc=$?
	echo "$rc" >"$work/$name.rc"
}
export -f run_one

# shellcheck disable=SC2016 # the shell that xargs starts expands it
launch='run_one "$1"'
shopt -s nullglob
sources=(tests/fuzz/fuzz_*.c)
for source in "${sources[@]}"; do
	name=$(basename "$source" .c)
	printf 'build-fuzz/tests/fuzz/%s\0' "$name"
done | xargs -0 -r -n 1 -P 2 bash -c "$launch" run_one

for source in "${sources[@]}"; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
	if [ "$(<"$work/$name.rc")" -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
		printf 'fuzz %-40s ok, %s runs\n' "$name" "$runs"
		tally_add 1 0 0
	else
		tail -n 60 "$work/$name.log"
		printf 'fuzz %-40s FAILED, see %s\n' "$name" "$work/$name.log"
		tally_add 0 1 0
	fi
done
tally_close
