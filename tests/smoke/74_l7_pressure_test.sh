#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Who does not read stops who sends: 200 MB over a WebSocket that nobody takes cost lb7d no memory, either way, and
# arrive once they are taken. The same for an answer, in clear and over TLS.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

# Far less than what is sent lies in sockets' buffers, and in the clients (websockets queues 32 messages).
sysctl -qw net.ipv4.tcp_rmem='4096 131072 1000000' net.ipv4.tcp_wmem='4096 16384 1000000'
node_start 8001 ws_server.js
truncate -s 200000000 "$TMP/big"
nginx_start files "server { listen 8002; root $TMP; }"
wait_until 10 l7_listens 8002 || fail "nginx does not start"
ca_make ca
certificate site ca localhost
export SSL_CERT_FILE=$TMP/ca.pem
l7_conf "$TMP/a.json" '{services: [service("clear"; 80), service("tls"; 443)],
	l7: ([{name: "clear"}, {name: "tls", tls: [{certificate: "site.pem", key: "site.key"}]}] |
		map(.routes = [{path: "/", pool: "node"}, {path: "/big", pool: "files"}])),
	pools: [pool("node"; [8001]), pool("files"; [8002])]}'
l7_start "$TMP/a.json" --grace 0 # what is stalled would last

memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$LB7D_PID/status"; }
before=$(memory_kb)
expect_no_memory() {
	local kb=$(($(memory_kb) - before))
	[ $kb -lt 6000 ] || fail "$1 cost $kb KB"
}

# For wait_until, which tries every 50 ms: what CMD prints has been the same ten times.
was='' n_same=0
is_stuck() {
	local now
	now=$("$@")
	[ "$now" = "$was" ] && n_same=$((n_same + 1)) || n_same=0
	was=$now
	[ -n "$now" ] && [ $n_same -ge 10 ]
}

sent() { sed -n 's/^sent //p' "$TMP/8001.out" | tail -n 1; }
for url in ws://localhost/flood wss://localhost/flood; do
	: >"$TMP/8001.out"
	mkfifo "$TMP/go"
	"$PYTHON" tests/smoke/l7/ws_client.py slow $url <"$TMP/go" >"$TMP/slow" &
	exec 7>"$TMP/go"
	wait_until 10 is_stuck sent || fail "$url: $(sent) MB are on their way to a client that takes nothing"
	[ "$(sent)" -lt 100 ] || fail "$url: the backend sent $(sent) MB to a client that takes nothing"
	expect_no_memory $url
	echo go >&7
	exec 7>&-
	wait $! || fail "$url: the client broke"
	expect "open 200000000 1000" "$(paste -sd' ' "$TMP/slow")" "$url"
	rm "$TMP/go"
	pushed=$("$PYTHON" tests/smoke/l7/ws_client.py push ${url/flood/stall})
	[[ $pushed -gt 0 && $pushed -lt 100 ]] || fail "the client sent $pushed MB to a backend that takes nothing"
	expect_no_memory ${url/flood/stall}
done
queued() { ss -Htn state established "sport = :$1" | awk '$2 > 0 { print $2 }'; }
for port in 80 443; do
	mkfifo "$TMP/answer"
	curl -sS --cacert "$TMP/ca.pem" --connect-to "::localhost:$port" "http$([ $port = 80 ] || echo s)://localhost/big" >"$TMP/answer" &
	exec 8<"$TMP/answer"
	wait_until 10 is_stuck queued $port || fail "port $port: the answer does not stop"
	expect_no_memory "port $port"
	expect 200000000 "$(wc -c <&8)" "port $port"
	rm "$TMP/answer"
done
l7_stop
