# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Sourced first by every *_test.sh, from the root or anywhere. Gives:
#   $BIN                      folder of the programs (build/bin)
#   $TMP                      a folder of the test's own, removed at its end
#   fail MESSAGE              ends the test: failed
#   skip REASON               ends the test: skipped (status 125)
#   wait_until SECONDS CMD... tries CMD until it succeeds; false if it never did
# A test that sets its own EXIT trap ends it with rm -rf "$TMP".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/lib.sh

BIN=$(realpath -m "${O:-build}")/bin
TMP=$(mktemp -d /tmp/lb47-smoke.XXXXXX)
trap 'rm -rf "$TMP"' EXIT
export BIN TMP PATH=$PATH:/usr/sbin:/sbin

skip() {
	echo "${0##*/}: skipped: $*" >&2
	exit 125
}
