#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# HTTP/1.1 between curl and nginx, caddy and Node: connections kept, requests pipelined, content both ways by length
# and in chunks, trailers, 1xx, HTTP/1.0, what backends see of the client, PROXY v2 in and out.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 origin.js
# shellcheck disable=SC2016 # nginx's variables
nginx_start proxied 'server { listen 8002 proxy_protocol;
	location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $remote_addr\n"; } }'
head -c 20000000 /dev/urandom >"$TMP/file"
nginx_start files "server { listen 8003; root $TMP; location /chunked/ { alias $TMP/; ssi on; ssi_types *; } }"
caddy run --adapter caddyfile --config - >"$TMP/caddy.log" 2>&1 <<<'{
	admin off
}
http://:8004 {
	respond "{http.request.method} {http.request.uri} {http.request.header.X-Forwarded-For}"
}' &
l7_conf "$TMP/a.json" '{services: [service("plain"; 80), service("proxied"; 81)],
	l7: [{name: "plain", routes: [{path: "/proxied", pool: "proxied"}, {path: "/file", pool: "files"}, {path: "/chunked", pool: "files"},
			{path: "/caddy", pool: "caddy"}, {path: "/", pool: "node"}]},
		{name: "proxied", proxy_protocol: true, routes: [{path: "/proxied", pool: "proxied"}, {path: "/", pool: "node"}]}],
	pools: [pool("node"; [8001]), pool("proxied"; [8002]) + {proxy_protocol: true}, pool("files"; [8003]), pool("caddy"; [8004])]}'
for port in 8002 8003 8004; do wait_until 10 l7_listens $port || fail "nothing listens on $port"; done
l7_start "$TMP/a.json"
url=http://127.0.0.1
get() { curl -sS --max-time 15 "$@"; }

# --- connections: of clients and to backends ---
expect 1 "$(get -w '%{num_connects}\n' -o /dev/null -o /dev/null -o /dev/null $url/a $url/b $url/c | jq -s add)" "connections for three requests"
expect 1 "$(for _ in 1 2 3 4; do get $url/seen | jq .port; done | sort -u | wc -l)" "connections to the backend"
printf 'GET /%d HTTP/1.1\r\nHost: a\r\n\r\n' 1 2 3 4 5 6 7 8 9 >"$TMP/pipeline"
printf 'GET /10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' >>"$TMP/pipeline"
expect "$(seq -s ' ' 10)" "$(tests/smoke/l7/raw.py 80 <"$TMP/pipeline" | sed -n 's/^8001 GET .//p' | paste -sd' ')" "pipelined"
expect 20000000 "$(get -I $url/file | tr -d '\r' | sed -n 's/^content-length: //Ip')" "HEAD"
expect 'GET /caddy?x=1 127.0.0.1' "$(get "$url/caddy?x=1")" "caddy saw"

# --- content ---
sum=$(sha256sum <"$TMP/file" | cut -d' ' -f1)
sum_of() { get "$@" | sha256sum | cut -d' ' -f1; }
expect "$sum" "$(sum_of $url/file)" "download by length"
expect "$sum" "$(sum_of $url/chunked/file)" "download in chunks"
get -D - -o /dev/null $url/chunked/file | grep -qi '^transfer-encoding: chunked' || fail "nginx sent no chunks: the test tests nothing"
expect "$(sum_of $url/big-length)" "$(sum_of $url/big-chunked)" "Node's content in chunks"
expect "$sum length " "$(get -T "$TMP/file" $url/sum)" "upload by length"
expect "$sum chunked " "$(get -T - $url/sum <"$TMP/file")" "upload in chunks"
expect "$sum length " "$(get -H 'Expect: 100-continue' --expect100-timeout 600 --data-binary "@$TMP/file" $url/sum)" "100-continue"
printf 'POST /sum HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n' >"$TMP/trailers"
tests/smoke/l7/raw.py 80 <"$TMP/trailers" | grep -q "^$(printf a | sha256sum | cut -d' ' -f1) chunked X-Sum=7" || fail "a trailer of the request is lost"
printf 'GET /trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n' | tests/smoke/l7/raw.py 80 | grep -q '^X-Sum: 42' || fail "a trailer of the answer is lost"
get -i $url/hints | tr -d '\r' | paste -sd'|' | grep -qi '^HTTP/1.1 103 Early Hints|link: </style.css>; rel=preload|.*HTTP/1.1 200 OK|.*hinted' || fail "no 103 before the answer"
get --http1.0 -i $url/big-chunked >"$TMP/1.0"
grep -aqi '^transfer-encoding' "$TMP/1.0" && fail "chunks for HTTP/1.0"
expect "$(sum_of $url/big-length)" "$(sed '1,/^\r$/d' "$TMP/1.0" | sha256sum | cut -d' ' -f1)" "HTTP/1.0"

# --- who the client is ---
seen() { jq -r --arg n "$1" '[.headers[] | select((.[0] | ascii_downcase) == $n) | .[1]] | join("|")' "$TMP/seen"; }
get -H 'X-Forwarded-For: 1.2.3.4' -H 'Forwarded: for=1.2.3.4' -H 'X-Request-Id: mine' -H 'Connection: X-Hop' -H 'X-Hop: 1' -H 'TE: gzip' -H 'Host: www.example' $url/seen >"$TMP/seen"
for want in x-forwarded-for=127.0.0.1 x-forwarded-proto=http x-forwarded-host=www.example host=www.example x-request-id=mine \
	'forwarded=for=127.0.0.1;host=www.example;proto=http' 'via=1.1 smoke' x-hop= te=; do
	expect "${want#*=}" "$(seen "${want%%=*}")" "a backend's ${want%%=*}"
done
request='GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
# shellcheck disable=SC2059 # the request is a format
printf "$request" | tests/smoke/l7/raw.py 81 -2 | sed '1,/^\r$/d' >"$TMP/seen"
expect 198.51.100.7 "$(seen x-forwarded-for)" "the client that a PROXY header names"
expect "127.0.0.1 4711" "$(get $url/proxied --local-port 4711 | cut -d' ' -f1,2)" "PROXY v2 to nginx"
# shellcheck disable=SC2059 # the request is a format
printf "${request/seen/proxied}" | tests/smoke/l7/raw.py 81 -2 | grep -q '^198.51.100.7 4711 127.0.0.1' || fail "PROXY v2 is not passed on"
# shellcheck disable=SC2059 # the request is a format
printf "$request" | tests/smoke/l7/raw.py 81 2>/dev/null | grep . && fail "answered without the PROXY header that is required"
logged '.client == "198.51.100.7:4711"'
l7_stop
