#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# slowhttptest's four modes with 500 connections each leave other clients served: each gets its answer within three
# seconds all the while, and lb7d's memory stays where it was.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

# Sockets' buffers are not to swallow whole answers.
sysctl -qw net.ipv4.tcp_rmem='4096 131072 262144' net.ipv4.tcp_wmem='4096 16384 262144'
head -c 2000000 /dev/urandom >"$TMP/big"
nginx_start web "server { listen 8001; root $TMP; location = / { return 200 'web'; } }"
node_start 8002 origin.js
wait_until 10 l7_listens 8001 || fail "nginx does not start"
l7_conf "$TMP/a.json" '{services: [service("site"; 80)],
	l7: [{name: "site", timeouts: {header_ms: 2000, client_idle_ms: 2000},
		routes: [{path: "/", pool: "web"}, {path: "/sum", pool: "node"}]}], pools: [pool("web"; [8001]), pool("node"; [8002])]}'
l7_start "$TMP/a.json" --grace 0
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$LB7D_PID/status"; }
before=$(memory_kb)

# attack PATH MODE...: slowhttptest, while a client asks again and again
attack() {
	local n=0 attacker n_before
	slowhttptest -c 500 -r 500 -l 5 -u "http://127.0.0.1$1" "${@:2}" >"$TMP/attack" 2>&1 &
	attacker=$!
	n_before=$(wc -l <"$TMP/access.log")
	connected() { [ "$(ss -Htn state established 'sport = :80' | wc -l)" -gt 250 ] || [ $(($(wc -l <"$TMP/access.log") - n_before)) -gt 250 ]; }
	wait_until 5 connected || fail "$2: slowhttptest does not connect: $(tail -n 20 "$TMP/attack")"
	while kill -0 $attacker 2>/dev/null; do
		[ "$(curl -sS --max-time 3 http://127.0.0.1/)" = web ] || fail "$2: request $n of another client is not served"
		n=$((n + 1))
	done
	[ $n -gt 5 ] || fail "$2: $n requests of another client"
	grep -q 'service available:.*YES' "$TMP/attack" || fail "$2: slowhttptest finds no service: $(tail -n 20 "$TMP/attack")"
	[ $(($(memory_kb) - before)) -lt 30000 ] || fail "$2 cost $(($(memory_kb) - before)) KB"
}
attack / -H -i 1 # slowloris
logged '.status == 408 and .end == "client_timeout"'
attack /sum -B -i 1 -s 8192 -t POST # slow body
attack /big -R -t HEAD -a 10 -b 1000 # ranges
attack /big -X -w 10 -y 20 -n 1 -z 32 -k 3 # slow read
l7_stop
