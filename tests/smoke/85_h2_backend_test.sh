#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Backends that speak HTTP/2, rightly and wrongly: lb7d says of each fault what RFC 9113 wants, and its client gets a whole answer, 502
# or an answer that is seen to be cut, never what is malformed.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

l7_conf "$TMP/a.json" '{services: [service("site"; 80)], l7: [{name: "site", routes: [{path: "/", pool: "odd", retries: 0}]}],
	pools: [pool("odd"; [8001]) + {protocol: "http2"}]}'
l7_start "$TMP/a.json"
PYTHONDONTWRITEBYTECODE=1 $PYTHON tests/smoke/l7/h2_backend_cases.py 80 8001 >"$TMP/wrong" || fail "$(cat "$TMP/wrong")"
l7_stop
