# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the scripts share. Every suite ends with one closing line, `N passed, N failed, N skipped`;
# these functions write it, read it and add it up.

n_passed=0 n_failed=0 n_skipped=0

# tally_add PASSED FAILED SKIPPED
tally_add() {
	n_passed=$((n_passed + $1)) n_failed=$((n_failed + $2)) n_skipped=$((n_skipped + $3))
}

# tally_read FILE: "PASSED FAILED SKIPPED" of the last closing line in FILE; nothing if there is none.
tally_read() {
	sed -nE 's/^(.*[^0-9])?([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?.*$/\2 \3 0\5/p' "$1" | tail -n 1
}

# tally_close: prints the closing line; false if anything failed.
tally_close() {
	echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
	[ "$n_failed" -eq 0 ]
}

# files PATTERN...: the project's files that match, tracked or about to be; deleted ones left out.
files() {
	git ls-files -co --exclude-standard -- "$@" | sort -u | while IFS= read -r path; do
		[ ! -f "$path" ] || printf '%s\n' "$path"
	done
}

# fail MESSAGE: ends the script, status 1.
fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# wait_until SECONDS CMD...: tries CMD until it succeeds; false if it never did.
wait_until() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# make started from here is a make of its own: without this it would look for the job server of a parent
# that did not pass it on, and say so on every call.
if [ -n "${MAKEFLAGS:-}" ]; then
	MAKEFLAGS=$(sed -E 's/ ?(-j[0-9]*|--jobserver-(auth|fds)=[^ ]*)//g' <<<"$MAKEFLAGS")
	export MAKEFLAGS
fi
