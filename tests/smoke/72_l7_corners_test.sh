#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What comes rarely: a backend that answers before it has the content, answers without content between others on one connection,
# ranges, large heads, connections that a backend closed, a client that ends its side.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 origin.js
head -c 20000000 /dev/urandom >"$TMP/big"
echo 0123456789 >"$TMP/digits"
nginx_start web "server { listen 8002; root $TMP; location /small { client_max_body_size 1k; proxy_pass http://127.0.0.1:8001; }
		location /none { return 204; } }
	server { listen 8003; keepalive_timeout 1s; keepalive_requests 3; location / { return 200 'short\\n'; } }"
wait_until 10 l7_listens 8003 || fail "nginx does not start"
l7_conf "$TMP/a.json" '{services: [service("site"; 80)],
	l7: [{name: "site", routes: [{path: "/node", rewrite: "/", pool: "node"}, {path: "/short", pool: "short"}, {path: "/", pool: "web"}]}],
	pools: [pool("node"; [8001]), pool("web"; [8002]), pool("short"; [8003])]}'
l7_start "$TMP/a.json"
url=http://127.0.0.1
get() { curl -sS --max-time 10 "$@"; }

# --- an answer before the content ---
for _ in 1 2 3 4 5; do
	expect 413 "$(get -o /dev/null -w '%{http_code}' -H Expect: --data-binary "@$TMP/big" $url/small)" "too large for nginx"
	expect 413 "$(get -o /dev/null -w '%{http_code}' -H Expect: -H 'Transfer-Encoding: chunked' --data-binary "@$TMP/big" $url/small)" "ditto, chunked"
done
expect 413 "$(get -o /dev/null -w '%{http_code}' -H 'Expect: 100-continue' --data-binary "@$TMP/big" $url/small)" "ditto, with Expect"
expect "8001 POST /early" "$(get -H Expect: --data-binary "@$TMP/big" $url/node/early)" "Node answers and takes no content"

# --- on one connection ---
etag=$(get -I $url/digits | tr -d '\r' | sed -n 's/^ETag: //Ip')
request() { printf '%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n' "$1" "$2" "${3:-}"; }
{ request HEAD /digits; request GET /none; request GET /digits "If-None-Match: $etag"$'\r\n'; request GET /digits; request HEAD /node/big-chunked
	request OPTIONS "http://a/digits"; request GET /digits "Range: bytes=2-4"$'\r\n'; request GET /digits "Connection: close"$'\r\n'; } >"$TMP/requests"
tests/smoke/l7/raw.py 80 <"$TMP/requests" | tr -d '\r' >"$TMP/answers"
expect "200 204 304 200 200 405 206 200" "$(sed -nE 's/.*HTTP\/1.1 ([0-9]+) .*/\1/p' "$TMP/answers" | paste -sd' ')" "statuses"
expect 2 "$(grep -c '^0123456789' "$TMP/answers")" "contents"
grep -q '^234HTTP' "$TMP/answers" || fail "no range"

# --- heads ---
cookie=$(printf '%7000s' '' | tr ' ' c)
expect "$cookie" "$(get -H "Cookie: $cookie" -H "X-A: $cookie" $url/node/seen | jq -r '.headers[] | select(.[0] == "Cookie") | .[1]')" "a large head"

# --- connections that the backend closes after three requests, or a second ---
expect 'short=100' "$(get "$url/short?[1-100]" | sort | uniq -c | awk '{ print $2 "=" $1 }')" "a backend that closes often"
wrk -t 1 -c 10 -d 1 $url/short >"$TMP/wrk" 2>&1
grep -qE 'Non-2xx|Socket errors' "$TMP/wrk" && fail "a backend that closes often: $(cat "$TMP/wrk")"
for _ in 1 2 3 4 5 6 7 8 9; do expect short "$(get -d x $url/short)" "POST to a backend that closes often"; done
l7_stop
