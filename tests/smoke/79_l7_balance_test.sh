#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# How requests are shared: round robin to the one, also by weight; least_requests to the idle one; Maglev by header and by
# cookie to the same one, and those of a backend that goes to the others only.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

blocks=
for port in 8001 8002 8003; do
	blocks+="server { listen $port; location / { return 200 'b$port\\n'; } location /big { root $TMP; } } "
done
truncate -s 100000000 "$TMP/big"
nginx_start web "$blocks"
wait_until 10 l7_listens 8003 || fail "nginx does not start"
l7_conf "$TMP/a.json" '{services: [service("site"; 80)],
	l7: [{name: "site", routes: [(["even", "weights", "least", "header", "cookie"][] | {path: "/\(.)", rewrite: "/", pool: .}), {path: "/big", pool: "least"}]}],
	pools: [pool("even"; [8001, 8002, 8003]), (pool("weights"; [8001, 8002, 8003]) | .backends[0].weight = 10 | .backends[1].weight = 20 | .backends[2].weight = 0),
		pool("least"; [8001, 8002]) + {balance: "least_requests"},
		pool("header"; [8001, 8002, 8003]) + {balance: "maglev", hash: {by: "header", name: "X-User"}},
		pool("cookie"; [8001, 8002, 8003]) + {balance: "maglev", hash: {by: "cookie", name: "session"}}]}'
l7_start "$TMP/a.json" --grace 0

# shares N PATH: how many of N requests each backend got
shares() {
	curl -sS "http://127.0.0.1$2?[1-$1]" | sort | uniq -c | awk '{ print $2 "=" $1 }' | paste -sd' '
}
expect 'b8001=100 b8002=100 b8003=100' "$(shares 300 /even)" "round robin"
expect 'b8001=100 b8002=200' "$(shares 300 /weights)" "weights"

# One backend is kept busy by downloads that nobody reads.
mkfifo "$TMP/unread"
exec 8<>"$TMP/unread"
curl -sS http://127.0.0.1/big >&8 &
downloads() { [ "$(ss -Htn state established "sport = :$1" | awk '$2 > 1000000' | wc -l)" -gt 0 ]; }
busy_is() { for busy in 8001 8002; do ! downloads $busy || return 0; done; return 1; }
wait_until 5 busy_is || fail "no backend is busy"
busy_is
expect "b$((16003 - busy))=100" "$(shares 100 /least)" "least_requests, b$busy busy"

# by KIND: who serves each of 60 users
by() {
	local user
	for user in $(seq 60); do
		printf '%s ' "$user"
		curl -sS -H "X-User: u$user" -b "a=b; session=s$user" "http://127.0.0.1/$1"
	done
}
for kind in header cookie; do
	by $kind >"$TMP/$kind.1"
	by $kind >"$TMP/$kind.2"
	cmp -s "$TMP/$kind.1" "$TMP/$kind.2" || fail "by $kind: users moved: $(diff "$TMP/$kind.1" "$TMP/$kind.2")"
	expect 3 "$(cut -d' ' -f2 "$TMP/$kind.1" | sort -u | wc -l)" "by $kind: backends"
done
jq '.pools[3:5][].backends[1].state = "down"' "$TMP/a.json" >"$TMP/b.json"
cp "$TMP/b.json" "$TMP/a.json"
kill -HUP "$LB7D_PID"
wait_until 5 l7_reloaded 1 || fail "no reload"
for kind in header cookie; do
	by $kind >"$TMP/$kind.3"
	grep b8002 "$TMP/$kind.3" && fail "by $kind: a backend that is down serves"
	moved=$(join "$TMP/$kind.1" "$TMP/$kind.3" --nocheck-order | awk '$2 != "b8002" && $2 != $3' | wc -l)
	[ "$moved" -le 3 ] || fail "by $kind: $moved users of other backends moved"
done
l7_stop
