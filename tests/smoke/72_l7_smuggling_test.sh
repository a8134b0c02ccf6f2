#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Requests of which one peer might see one and another two are refused, or are one for nginx and Node behind lb7d.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

# shellcheck disable=SC2016 # nginx's variables
nginx_start b1 'server { listen 8001; location / { return 200 "$request_method $request_uri\n"; } }'
node_start 8002 origin.js
wait_until 10 l7_listens 8001 || fail "nginx does not start"
l7_conf "$TMP/a.json" '{services: [service("nginx"; 80), service("node"; 81)],
	l7: [{name: "nginx", routes: [{path: "/", pool: "nginx"}]}, {name: "node", routes: [{path: "/", pool: "node"}]}],
	pools: [pool("nginx"; [8001]), pool("node"; [8002])]}'
l7_start "$TMP/a.json"
tests/smoke/l7/smuggle.py 80 >"$TMP/wrong" || fail "before nginx: $(cat "$TMP/wrong")"
tests/smoke/l7/smuggle.py 81 >"$TMP/wrong" || fail "before Node: $(cat "$TMP/wrong")"
grep evil "$TMP/b1/access.log" && fail "nginx saw a request that nobody sent"
vectors=$(grep -c '^GET /after-' "$TMP/b1/access.log")
[ "$vectors" -gt 40 ] || fail "nginx saw $vectors requests: the test tests nothing"
logged '.status == 400 and .reason == "Content-Length beside Transfer-Encoding"'
l7_stop
