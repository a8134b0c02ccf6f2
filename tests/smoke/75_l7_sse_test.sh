#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Event streams of Node and Python through lb7d to curl: no byte waits for the next, whatever the framing; comments
# keep silent streams alive, between events only; the end of either side is the other's, and said in the access log.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 acked.js
"$PYTHON" tests/smoke/l7/acked.py 8002 2>/dev/null &
wait_until 10 l7_listens 8002 || fail "acked.py does not start"
ca_make ca
certificate site ca events.test
l7_conf "$TMP/a.json" '{services: [service("clear"; 80), service("tls"; 443), service("beats"; 81), service("idle"; 82)],
	l7: ([{name: "clear"}, {name: "tls", tls: [{certificate: "site.pem", key: "site.key"}]}, {name: "beats", sse_keepalive_ms: 50},
		{name: "idle", timeouts: {stream_idle_ms: 300}}] | map(.routes = [{path: "/", pool: "node"}, {path: "/python", rewrite: "/", pool: "python"}])),
	pools: [pool("node"; [8001]), pool("python"; [8002])]}'
l7_start "$TMP/a.json"

# --- not one byte is held ---
# listen ID ACK-PORT URL CURL-ARGS...
listen() {
	tests/smoke/l7/listen.py "$3id=$1" "http://127.0.0.1:$2/ack?id=$1" "${@:4}" || fail "stream $1 stopped"
	logged '.protocol == "sse" and .end == "completed" and (.target | endswith("id='"$1"'"))'
}
tls=(--cacert "$TMP/ca.pem" --connect-to events.test:443:127.0.0.1:443)
for how in chunked close; do
	listen "node-$how" 8001 "http://127.0.0.1/events?how=$how&"
	listen "node-$how-1.0" 8001 "http://127.0.0.1/events?how=$how&" --http1.0
	listen "node-$how-tls" 8001 "https://events.test/events?how=$how&" "${tls[@]}"
done
listen python 8002 'http://127.0.0.1/python/events?'
listen python-1.0 8002 'http://127.0.0.1/python/events?' --http1.0
listen python-tls 8002 'https://events.test/python/events?' "${tls[@]}"

# --- comments ---
curl -sN 'http://127.0.0.1:81/hold?id=inside' >"$TMP/inside" &
inside=$!
curl -sN 'http://127.0.0.1:81/hold?id=between' >"$TMP/between" &
between=$!
holds() { [ "$(cat "$TMP/inside" "$TMP/between")" = "data: halfdata: half" ]; }
wait_until 5 holds || fail "no half events"
ack() { curl -s -X POST "http://127.0.0.1:8001/ack?id=$1&n=0"; }
comments() { [ "$(grep -c '^: lb47$' "$TMP/$1")" -ge "$2" ]; }
ack between
wait_until 5 comments between 6 || fail "no comments between events"
expect 'data: half' "$(cat "$TMP/inside")" "a stream in the middle of an event"
ack inside
wait_until 5 comments inside 3 || fail "no comments after the event ended"
expect 'data: half||: lb47||: lb47|' "$(head -n 5 "$TMP/inside" | paste -sd'|')|" "comments"

# --- ends ---
origin_saw() { grep -qx "$1" "$TMP/8001.out"; }
kill $inside
wait_until 5 origin_saw 'aborted inside' || fail "the client's end does not reach the origin"
logged '.end == "client_abort" and .status == 200 and .protocol == "sse"'
curl -s 'http://127.0.0.1/silent?id=early' &
early=$!
wait_until 5 origin_saw 'asked early' || fail "no request"
kill $early
wait_until 5 origin_saw 'aborted early' || fail "the client's end does not reach the origin before the first byte"
logged '.end == "client_abort" and .status == null and (.target | endswith("early"))'
curl -sN -o /dev/null 'http://127.0.0.1:82/hold?id=idle' && fail "a stream cut for its silence looks whole"
logged '.end == "stream_idle" and .protocol == "sse"'
kill -KILL "$NODE_PID"
wait $between && fail "a stream that broke off looks whole"
logged '.end == "upstream_reset" and .status == 200 and .protocol == "sse"'
l7_stop
