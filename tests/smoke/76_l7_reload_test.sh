#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Twenty reloads under load that add and remove backends, with 200 WebSockets and 50 event streams open: none is cut, no request
# fails, memory is back at its level. A broken file is refused by name and place, and the running one stays.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

N_RELOADS=20
export L7_WORKERS=2
node_start 8001 ws_server.js
node_start 8002 ticks.js
nginx_start web 'server { listen 8003; listen 8004; listen 8005; location / { return 200 "web\n"; } }'
wait_until 10 l7_listens 8005 || fail "nginx does not start"
l7_conf "$TMP/all.json" '{services: [service("site"; 80)],
	l7: [{name: "site", routes: [{path: "/echo", pool: "chat"}, {path: "/ticks", pool: "ticks"}, {path: "/", pool: "web"}]}],
	pools: [pool("chat"; [8001]), pool("ticks"; [8002]), pool("web"; [8003, 8004, 8005])]}'
# configure N: the Nth configuration: web lacks one backend, in turn, and every other time chat and ticks have one more
configure() {
	jq --argjson n "$1" '.pools[2].backends |= del(.[$n % 3]) | if $n % 2 == 1 then .pools[0:2][].backends +=
		[{name: "new", address: "127.0.0.1", port: 8009}] else . end' "$TMP/all.json" >"$TMP/next.json"
	mv "$TMP/next.json" "$TMP/a.json"
}
configure 0
l7_start "$TMP/a.json"
reload() {
	kill -HUP "$LB7D_PID"
	wait_until 5 l7_reloaded "$1" || { cat "$TMP/lb7d.log" >&2; fail "reload $1 did not happen"; }
}
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$LB7D_PID/status"; }

node tests/smoke/l7/ws_many.js ws://127.0.0.1/echo 200 >"$TMP/sockets" 2>&1 &
sockets=$!
node tests/smoke/l7/ticks.js http://127.0.0.1/ticks 50 >"$TMP/ticks" 2>&1 &
ticks=$!
wait_until 10 grep -q open "$TMP/sockets" || fail "no WebSockets: $(cat "$TMP/sockets")"
wait_until 10 grep -q open "$TMP/ticks" || fail "no event streams: $(cat "$TMP/ticks")"
wrk -t 1 -c 20 -d 60 http://127.0.0.1/ >"$TMP/wrk" &
wrk=$!
for n in 1 2; do
	configure "$n"
	reload "$n"
done
before=$(memory_kb)
for n in $(seq 3 $N_RELOADS); do
	configure "$n"
	reload "$n"
	kill -0 $sockets $ticks || fail "cut by reload $n: $(cat "$TMP/sockets" "$TMP/ticks")"
done

# --- files that are refused ---
refused() { [ "$(grep -c 'reload refused' "$TMP/lb7d.log")" = "$1" ]; }
echo '{ "services": [' >"$TMP/a.json"
kill -HUP "$LB7D_PID"
wait_until 5 refused 1 || fail "broken JSON is not refused"
jq '.l7[0].routes[1].pool = "nowhere"' "$TMP/all.json" >"$TMP/a.json"
kill -HUP "$LB7D_PID"
wait_until 5 refused 2 || fail "a pool that is not there is not refused"
grep -q 'reload refused.*a.json.*l7\[0\].routes\[1\].pool.*nowhere' "$TMP/lb7d.log" || fail "the refusal does not say where: $(tail -n 1 "$TMP/lb7d.log")"
expect web "$(curl -sS http://127.0.0.1/)" "after refused reloads"

kill -INT $wrk
wait $wrk || fail "wrk: $(cat "$TMP/wrk")"
awk '/requests in/ { n = $1 } END { exit n < 1000 }' "$TMP/wrk" || fail "hardly a request: $(cat "$TMP/wrk")"
grep -qE 'Non-2xx|Socket errors' "$TMP/wrk" && fail "requests failed: $(cat "$TMP/wrk")"
kill -TERM $sockets $ticks
wait $sockets || fail "a WebSocket was cut: $(cat "$TMP/sockets")"
wait $ticks || fail "an event stream was cut: $(cat "$TMP/ticks")"
grown=$(($(memory_kb) - before))
[ $grown -lt 1000 ] || fail "$N_RELOADS reloads cost $grown KB"
l7_stop
