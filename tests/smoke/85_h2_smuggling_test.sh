#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Requests in HTTP/2 that would be others, or several, as HTTP/1.1: they reach a strict backend as the one that they are, or not at all.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

l7_conf "$TMP/a.json" '{services: [service("site"; 80)], l7: [{name: "site", routes: [{path: "/", pool: "strict", retries: 0}]}],
	pools: [pool("strict"; [8001])]}'
l7_start "$TMP/a.json"
PYTHONDONTWRITEBYTECODE=1 $PYTHON tests/smoke/l7/h2_smuggle.py 80 8001 >"$TMP/wrong" || fail "$(cat "$TMP/wrong")"
[ "$(sed -n 's/^\([0-9]*\) requests.*/\1/p' "$TMP/wrong")" -gt 80 ] || fail "the test tests nothing"
l7_stop
