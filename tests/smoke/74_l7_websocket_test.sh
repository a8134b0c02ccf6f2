#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# WebSockets between Node's ws and Python's websockets, each as client and as backend, in clear and over TLS: all lengths,
# compression, pings of both and of lb7d, closes; handshakes refused; 1001 when lb7d stops.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 ws_server.js
node_start 8003 origin.js
"$PYTHON" tests/smoke/l7/ws_server.py 8002 2>"$TMP/8002.out" &
wait_until 10 l7_listens 8002 || fail "ws_server.py does not start"
ca_make ca
certificate site ca localhost
export SSL_CERT_FILE=$TMP/ca.pem NODE_EXTRA_CA_CERTS=$TMP/ca.pem
l7_conf "$TMP/a.json" '{services: [service("clear"; 80), service("tls"; 443), service("pings"; 81)],
	l7: ([{name: "clear"}, {name: "tls", tls: [{certificate: "site.pem", key: "site.key"}]}, {name: "pings", websocket_ping_ms: 50}] |
		map(.routes = [{path: "/", pool: "node"}, {path: "/python", rewrite: "/", pool: "python"}, {path: "/origin", pool: "origin"}])),
	pools: [pool("node"; [8001]), pool("python"; [8002]), pool("origin"; [8003])]}'
l7_start "$TMP/a.json" --grace 1

for url in ws://localhost wss://localhost ws://localhost:81; do
	for path in /echo /python/echo; do
		log_forget
		node tests/smoke/l7/ws_client.js $url$path || fail "Node's client, $url$path"
		"$PYTHON" tests/smoke/l7/ws_client.py echo $url$path || fail "Python's client, $url$path"
		logged '.protocol == "websocket" and .status == 101 and .end == "closed" and .bytes_in > 500000 and .bytes_out > 500000'
	done
done
said() { grep -cx "$1" "$TMP/8001.out"; }
wait_until 5 said 'closed 4000' || fail "the clients' close code does not reach the backend"
expect "open 4001" "$("$PYTHON" tests/smoke/l7/ws_client.py end ws://localhost/close | paste -sd' ')" "the backend's close code"
"$PYTHON" tests/smoke/l7/ws_client.py end ws://localhost:81/echo >"$TMP/pinged" &
client=$!
pongs() { [ "$(said 'pong lb47')" -ge 5 ]; }
wait_until 5 pongs || fail "lb7d's pings are not answered"

# --- handshakes ---
# refused STATUS PATH HEADER...: of a handshake that would be right without these
refused() {
	local key=(-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==') version=(-H 'Sec-WebSocket-Version: 13')
	[[ $3 != *Key* ]] || key=()
	[[ $3 != *Version* ]] || version=()
	curl -sS --max-time 5 -D "$TMP/head" -o /dev/null -H 'Connection: Upgrade' -H 'Upgrade: websocket' "${key[@]}" "${version[@]}" -H "$3" "http://localhost$2"
	grep -q "^HTTP/1.1 $1 " "$TMP/head" || fail "$3: $(head -n 1 "$TMP/head"), not $1"
}
refused 426 /echo 'Sec-WebSocket-Version: 8'
grep -qi '^sec-websocket-version: 13' "$TMP/head" || fail "426 does not say which version is spoken"
refused 400 /echo 'Sec-WebSocket-Key: dG9vIHNob3J0'
refused 400 /echo 'Sec-WebSocket-Key;'
refused 502 /origin 'X: backend whose Sec-WebSocket-Accept is wrong'
logged '.status == 426 and .end == "refused"'
logged '.status == 502 and .end == "upstream_malformed"'

# --- the end ---
for url in ws://localhost/echo wss://localhost/echo; do "$PYTHON" tests/smoke/l7/ws_client.py end $url >>"$TMP/ends" & done
opened() { [ "$(grep -c open "$TMP/ends")" = 2 ]; }
wait_until 10 opened || fail "no WebSockets to end"
l7_stop
wait $client || fail "a client broke"
ended() { [ "$(cat "$TMP/ends" "$TMP/pinged" | sort | paste -sd' ')" = "1001 1001 1001 open open open" ]; }
wait_until 5 ended || fail "how the clients ended: $(paste -sd' ' "$TMP/ends" "$TMP/pinged")"
wait_until 5 said 'closed 1001' || fail "the backend was not told"
logged '.end == "drained" and .protocol == "websocket"'
