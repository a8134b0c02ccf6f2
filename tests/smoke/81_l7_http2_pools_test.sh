#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Backends that speak HTTP/2, as they are: nghttpd in clear and over TLS, Caddy with both protocols on a port; 10 000 requests are shared
# evenly; "auto" follows what ALPN says, also when a backend is replaced by one that speaks another protocol; h2load as a client.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

mkdir "$TMP/www"
echo hello >"$TMP/www/index.html"
head -c 3000000 /dev/urandom >"$TMP/www/big"
ca_make ca
certificate backend ca backend.example
certificate site ca site.example
for port in 8001 8002 8003 8004; do
	nghttpd --no-tls -v -d "$TMP/www" $port >"$TMP/$port.log" 2>&1 &
done
nghttpd -d "$TMP/www" 8443 "$TMP/backend.key" "$TMP/backend.pem" >"$TMP/8443.log" 2>&1 &
auto=$!
cat >"$TMP/Caddyfile" <<END
{
	admin off
	auto_https off
	servers :8005 {
		protocols h1 h2c
	}
}
http://:8005 {
	respond "{http.request.proto} {http.request.host} {http.request.header.x-forwarded-for}"
}
END
XDG_DATA_HOME=$TMP XDG_CONFIG_HOME=$TMP caddy run --config "$TMP/Caddyfile" --adapter caddyfile >"$TMP/caddy.log" 2>&1 &
for port in 8001 8002 8003 8004 8005 8443; do
	wait_until 10 l7_listens $port || fail "no backend on $port"
done
l7_conf "$TMP/a.json" '{services: [service("site"; 80), (service("site"; 443) | .name = "tls" | .l7 = "tls")],
	l7: [{name: "site", routes: [(["tls", "auto", "caddy", "clear"][] | {path: "/\(.)", rewrite: "/", pool: .}), {path: "/", pool: "even"}]},
		{name: "tls", tls: [{certificate: "site.pem", key: "site.key"}], routes: [{path: "/", pool: "even"}]}],
	pools: [pool("even"; [8001, 8002, 8003, 8004]) + {protocol: "http2"},
		pool("tls"; [8443]) + {protocol: "http2", tls: {ca: "ca.pem", server_name: "backend.example"}},
		pool("auto"; [8443]) + {protocol: "auto", tls: {ca: "ca.pem", server_name: "backend.example"}},
		pool("caddy"; [8005]) + {protocol: "http2"}, pool("clear"; [8005]) + {protocol: "auto"}]}'
l7_start "$TMP/a.json" --grace 0

expect hello "$(curl -sS http://127.0.0.1/)" "in clear"
expect hello "$(curl -sS http://127.0.0.1/tls)" "over TLS"
expect hello "$(curl -sS http://127.0.0.1/auto)" "by ALPN"
expect "HTTP/2.0 a.example 127.0.0.1" "$(curl -sS -H 'Host: a.example' http://127.0.0.1/caddy)" "Caddy"
expect "HTTP/1.1 a.example 127.0.0.1" "$(curl -sS -H 'Host: a.example' http://127.0.0.1/clear)" "auto in clear"
for path in big tls/big auto/big; do
	curl -sS "http://127.0.0.1/$path" | cmp -s - "$TMP/www/big" || fail "$path came otherwise"
done
expect "200 6" "$(curl -sS -o /dev/null -w '%{http_code} %header{content-length}' -I http://127.0.0.1/)" "HEAD"

# By HTTP/1.1 and, on one connection, by HTTP/2.
served() { grep -c ':method: GET' "$TMP/$1.log" || true; }
# balanced N WHAT: since the last time each of the four had a quarter of N requests, give or take 1 %
declare -A before=([8001]=0 [8002]=0 [8003]=0 [8004]=0)
balanced() {
	local port n
	for port in "${!before[@]}"; do
		n=$(($(served "$port") - before[$port]))
		if [ $((n * 100)) -lt $(($1 * 24)) ] || [ $((n * 100)) -gt $(($1 * 26)) ]; then
			fail "$2: $port had $n of $1"
		fi
		before[$port]=$(served "$port")
	done
}
for port in "${!before[@]}"; do before[$port]=$(served "$port"); done
h2load --h1 -n 10000 -c 40 -t 1 http://127.0.0.1/ >"$TMP/h1.out" || fail "h2load --h1"
grep -q '10000 succeeded, 0 failed' "$TMP/h1.out" || fail "HTTP/1.1 clients: $(cat "$TMP/h1.out")"
balanced 10000 "40 clients of HTTP/1.1"
h2load -n 10000 -c 1 -m 20 https://127.0.0.1/ >"$TMP/h2.out" || fail "h2load"
grep -q '10000 succeeded, 0 failed' "$TMP/h2.out" || fail "HTTP/2 client: $(cat "$TMP/h2.out")"
balanced 10000 "one client of HTTP/2"
for port in "${!before[@]}"; do
	n=$(ss -Htn state established "sport = :$port" | wc -l)
	[ "$n" -le 2 ] || fail "$n connections to $port for 40 requests at once"
done

# A backend that leaves the configuration in the middle costs no call.
h2load -n 20000 -c 2 -m 20 https://127.0.0.1/ >"$TMP/leaving.out" 2>&1 &
load=$!
half_way() { [ $(($(served 8002) - before[8002])) -gt 1000 ]; }
wait_until 10 half_way || fail "no load"
jq 'del(.pools[0].backends[1])' "$TMP/a.json" >"$TMP/b.json"
cp "$TMP/b.json" "$TMP/a.json"
kill -HUP "$LB7D_PID"
wait $load || fail "h2load"
grep -q '20000 succeeded, 0 failed' "$TMP/leaving.out" || fail "a backend that leaves: $(cat "$TMP/leaving.out")"
n=$(($(served 8002) - before[8002]))
[ "$n" -lt 5000 ] || fail "the backend that left got $n of 20000 all the same"
gone() { [ -z "$(ss -Htn state established "sport = :8002")" ]; }
wait_until 5 gone || fail "connections to the backend that left stay"

# The backend behind "auto" is replaced by one of HTTP/1.1, and comes back.
kill $auto
wait $auto || true
mv "$TMP/www/index.html" "$TMP/www/index"
nginx_start web "server { listen 8443 ssl; ssl_certificate $TMP/backend.pem; ssl_certificate_key $TMP/backend.key;
	location / { return 200 'nginx \$server_protocol\\n'; } }"
wait_until 10 l7_listens 8443 || fail "nginx does not start"
expect "nginx HTTP/1.1" "$(curl -sS http://127.0.0.1/auto)" "auto, HTTP/1.1"
expect "nginx HTTP/1.1" "$(curl -sS http://127.0.0.1/auto)" "auto, HTTP/1.1 again"
expect 502 "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1/tls)" "http2 wants HTTP/2"
logged '.pool == "tls" and .end == "upstream_tls" and .reason == "tlsv1 alert no application protocol"'
kill "$(cat "$TMP/web/pid")"
mv "$TMP/www/index" "$TMP/www/index.html"
while l7_listens 8443; do sleep 0.02; done
nghttpd -d "$TMP/www" 8443 "$TMP/backend.key" "$TMP/backend.pem" >"$TMP/8443.log" 2>&1 &
wait_until 10 l7_listens 8443 || fail "nghttpd does not come back"
expect hello "$(curl -sS http://127.0.0.1/auto)" "auto, HTTP/2 again"
l7_stop
