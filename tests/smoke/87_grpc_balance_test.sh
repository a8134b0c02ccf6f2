#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Calls are balanced by themselves: 10 000 on one client connection reach each of four backends with 25 % within one point. A backend that
# is removed, drained or restarted under load costs no call; one that is added gets calls at once, over the connection that was there.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
# shellcheck source=tests/smoke/grpc.sh
. tests/smoke/grpc.sh

grpc_start quick 9001 9002 9003 9004
l7_conf "$TMP/a.json" '{services: [service("a"; 80)], l7: [{name: "a", routes: [{path: "/", pool: "p"}]}],
	pools: [pool("p"; [9001, 9002, 9003, 9004]) + {protocol: "http2"}]}'
l7_start "$TMP/a.json"
lbctl() { "$BIN/lbctl" -s "$TMP/lb7d.sock" "$@" >/dev/null || fail "lbctl $*"; }

node tests/smoke/l7/grpc_load.js 127.0.0.1:80 10000 >"$TMP/shares" 2>"$TMP/failed"
expect '' "$(cat "$TMP/failed")" "calls that failed"
tail -n 1 "$TMP/shares" | jq -e 'length == 4 and add == 10000 and all(.[]; . >= 2400 and . <= 2600)' >/dev/null ||
	fail "shares: $(tail -n 1 "$TMP/shares")"

# --- under load ---
node tests/smoke/l7/grpc_load.js 127.0.0.1:80 >"$TMP/shares" 2>"$TMP/failed" &
load=$!
answered() { tail -n 1 "$TMP/shares" | jq -e --arg by "$1" '.[$by] // 0'; }
# more N BY: BY answers N more from now on
more() {
	local from
	from=$(answered "$2" || true)
	wait_until 10 _more "$1" "$2" "${from:-0}" || fail "$2 gets no calls"
}
_more() { [ "$(answered "$2" || true)" -ge $(($1 + $3)) ]; }
# none BY: BY answers none while another answers 500
none() {
	local from
	more 50 9001 # what is on its way ends
	from=$(answered "$1")
	more 500 9001
	expect "$from" "$(answered "$1")" "calls of $1 that has none any more"
}
more 100 9004
lbctl backends remove p/b9004
none 9004
lbctl backends add p/b9004 127.0.0.1:9004
more 100 9004
lbctl backends drain p/b9003
none 9003
lbctl backends up p/b9003
more 100 9003
expect 1 "$(ss -Htn state established 'sport = :80' | wc -l)" "client connections"
kill -TERM "$load"
wait "$load"
expect '' "$(cat "$TMP/failed")" "calls that failed while backends came and went"
l7_stop
