#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lint.sh [CHECK...]: runs all checks, or those named. Each is silent when all is well.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

per_file() { command make --no-print-directory -s -k -j"${JOBS:-$(nproc)}" "$1"; }

# One line per file: `make format` mends it all.
check_format() {
	local verdicts
	verdicts=$(files '*.c' '*.h' | xargs -r clang-format --dry-run --Werror 2>&1 | sed -nE 's/^([^ :]+:[0-9]+):.*/\1/p' |
		sort -t: -k1,1 -s -u | sed 's/$/: not as clang-format has it (make format)/')
	[ -z "$verdicts" ] || { echo "$verdicts"; return 1; }
}
check_tidy() { per_file lint-tidy; }
check_cppcheck() { per_file lint-cppcheck; }
check_sparse() { per_file lint-sparse; }
check_shellcheck() {
	files '*' | xargs -r -d '\n' grep -lIE -m 1 '^#!.*[/ ](ba)?sh$|^# shellcheck shell=' | xargs -r shellcheck -x
}
check_layers() { scripts/check_layers.sh; }
check_names() { scripts/check_names.sh; }

[ $# -gt 0 ] || set -- format tidy cppcheck sparse shellcheck layers names
for check in "$@"; do
	if "check_$check"; then
		tally_add 1 0 0
	else
		echo "lint $check FAILED"
		tally_add 0 1 0
	fi
done
echo "lint: $(tally_close)"
[ "$n_failed" -eq 0 ]
