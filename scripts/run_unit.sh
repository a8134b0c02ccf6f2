#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run_unit.sh BINARY...: runs Criterion binaries, JOBS at a time, and adds up what their TAP output says.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

results=${O:-build}/results/unit
rm -rf "$results" && mkdir -p "$results"
export results

run_one() {
	local out rc=0
	out=$results/$(tr / . <<<"$1")
	timeout 120 "$1" --quiet --tap="$out.tap" >"$out.log" 2>&1 || rc=$?
	echo "$rc" >"$out.rc"
}
export -f run_one
# shellcheck disable=SC2016 # the shell that xargs starts expands it
launch='run_one "$1"'
[ $# -eq 0 ] || printf '%s\0' "$@" | xargs -0 -n 1 -P "${JOBS:-1}" bash -c "$launch" run_one

# A binary that died, or said less than its plan, has failed even if every line it wrote says ok.
for binary in "$@"; do
	out=$results/$(tr / . <<<"$binary")
	name=${binary#*/tests/unit/}
	touch "$out.tap"
	planned=$(sed -n 's/^1\.\.//p' "$out.tap")
	skipped=$(grep -c '^ok .*# SKIP' "$out.tap" || true)
	passed=$(($(grep -c '^ok ' "$out.tap" || true) - skipped))
	failed=$(grep -c '^not ok ' "$out.tap" || true)
	rc=$(<"$out.rc")
	if [ "$failed" -eq 0 ] && { [ "$rc" -ne 0 ] || [ "${planned:-0}" -ne $((passed + skipped)) ] || [ "${planned:-0}" -eq 0 ]; }; then
		failed=1
		echo "$name: exit status $rc, ${planned:-no} tests planned, $((passed + skipped)) finished"
	fi
	# A test that leaks has passed before the sanitizer looks: Criterion does not see its exit status.
	if [ "$failed" -eq 0 ] && grep -qE '(Address|Leak|Thread)Sanitizer|runtime error:' "$out.log"; then
		failed=1
	fi
	if [ "$failed" -gt 0 ]; then
		grep -A 12 '^not ok ' "$out.tap" || true
		tail -n 60 "$out.log"
	fi
	printf 'unit %-40s %d passed, %d failed, %d skipped\n' "$name" "$passed" "$failed" "$skipped"
	tally_add "$passed" "$failed" "$skipped"
done
if [ $# -eq 0 ]; then
	echo "no unit test was found"
	tally_add 0 1 0
fi
tally_close
