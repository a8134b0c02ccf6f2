#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What is wrong gets its status, its reason in the access log, and the connection closed where it cannot go on.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 origin.js
nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp dport 8003 drop'
l7_conf "$TMP/a.json" '{services: [service("site"; 80), service("short"; 81)],
	l7: [{name: "site", limits: {line: 1000, header: 4000, headers: 20, body_kb: 1},
			timeouts: {header_ms: 400, client_idle_ms: 600, connect_ms: 300, first_byte_ms: 500},
			routes: [({path: "/refused", pool: "refused"}, {path: "/dropped", pool: "dropped"}, {path: "/none", pool: "none"},
				{path: "/empty", pool: "empty"}, {path: "/", pool: "node"}) | .host = "known"]},
		{name: "short", timeouts: {total_ms: 400}, routes: [{path: "/", pool: "node"}]}],
	pools: [pool("node"; [8001]), pool("refused"; [8002, 8004]), pool("dropped"; [8003]),
		(pool("none"; [8001]) | .backends[].state = "down"), pool("empty"; [])]}'
l7_start "$TMP/a.json"

# refuses STATUS END REASON HEAD: the raw request gets STATUS, the connection is closed, the log has END and REASON
# (a regular expression). refuses_on PORT ... the same.
refuses_on() {
	local said
	log_forget
	# shellcheck disable=SC2059 # the request is a format
	said=$(printf "$5" | tests/smoke/l7/raw.py "$1" 2>&1 | head -n 1 | tr -d '\r')
	[[ $said == "HTTP/1.1 $2 "* ]] || fail "${5:0:60}: $said, not $2"
	logged ".status == $2 and .end == \"$3\" and ((.reason // \"\") | test(\"$4\"))"
}
refuses() {
	refuses_on 80 "$@"
}
long=$(printf '%5000s' '' | tr ' ' x)
refuses 400 refused 'blank before the colon' 'GET / HTTP/1.1\r\nHost : known\r\n\r\n'
refuses 400 refused 'no Host' 'GET / HTTP/1.1\r\n\r\n'
refuses 505 refused 'version' 'GET / HTTP/3.0\r\nHost: known\r\n\r\n'
refuses 501 refused 'coding' 'POST / HTTP/1.1\r\nHost: known\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'
refuses 405 refused 'CONNECT' 'CONNECT known:443 HTTP/1.1\r\nHost: known:443\r\nConnection: close\r\n\r\n'
refuses 414 too_large 'limits.line' "GET /$long HTTP/1.1\r\nHost: known\r\n\r\n"
refuses 431 too_large 'limits.header' "GET / HTTP/1.1\r\nHost: known\r\nX: $long\r\n\r\n"
refuses 431 too_large 'limits.headers' "GET / HTTP/1.1\r\nHost: known\r\n$(printf 'X%d: 1\\r\\n' {1..20})\r\n"
refuses 413 too_large 'body_kb' 'POST /sum HTTP/1.1\r\nHost: known\r\nContent-Length: 5000\r\n\r\n'
refuses 413 too_large 'body_kb' "POST /sum HTTP/1.1\r\nHost: known\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n$long\r\n0\r\n\r\n"
refuses 400 refused 'chunk size' 'POST /sum HTTP/1.1\r\nHost: known\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx\r\n'
refuses 408 client_timeout 'in time' 'GET / HTTP/1.1\r\nHost: kno'
refuses 408 client_timeout '' 'POST /sum HTTP/1.1\r\nHost: known\r\nContent-Length: 5\r\n\r\nabc'
last='HTTP/1.1\r\nHost: known\r\nConnection: close\r\n\r\n'
refuses 404 no_route 'no route' 'GET / HTTP/1.1\r\nHost: unknown\r\nConnection: close\r\n\r\n'
refuses 502 connect_failed 'refused' "GET /refused $last"
refuses 504 connect_timeout '' "GET /dropped $last"
refuses 503 no_backend 'no backend' "GET /none $last"
refuses 503 no_backend 'no backend' "GET /empty $last"
refuses 502 upstream_reset '' "GET /reset $last"
refuses 502 upstream_malformed '' "GET /nonsense $last"
refuses 504 first_byte_timeout '' "GET /silent $last"
refuses_on 81 504 total_timeout '' "GET /silent $last"

# An answer that breaks off cannot be taken for a whole one.
log_forget
rc=0
curl -sS -o /dev/null -H 'Host: known' http://127.0.0.1/half 2>/dev/null || rc=$?
[ $rc != 0 ] || fail "half an answer passes for a whole one"
logged '.status == 200 and .end == "upstream_reset" and .bytes_out == 10'
expect known "$(curl -sS -H 'Host: known' http://127.0.0.1/seen | jq -r '.headers[] | select(.[0] == "Host") | .[1]')" "after all that"
l7_stop
