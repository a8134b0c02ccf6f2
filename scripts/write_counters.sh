#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Writes conf/counters.md from l4/model/counters.h. A unit test fails while the page is out of date.
set -euo pipefail
cd "$(dirname "$0")/.."

test=build/tests/unit/l4/model/test_stats_list
make --no-print-directory -s "$test"
WRITE_COUNTERS=1 "$test" --quiet --filter 'stats_list/the_page_in_conf_says_what_the_list_says'
