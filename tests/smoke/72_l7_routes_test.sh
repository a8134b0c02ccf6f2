#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Which backend gets a request, by host, path, method, header, cookie and query, and what is changed on its way there and back.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8000 origin.js
names=(any exact wild deep prefix method header cookie query long)
blocks=
for i in "${!names[@]}"; do
	blocks+="server { listen $((8001 + i)); location / { return 200 \"${names[i]} \$request_uri\\n\"; } } "
done
nginx_start names "$blocks"
# shellcheck disable=SC2016 # jq's and lb7d's variables
l7_conf "$TMP/a.json" '{services: [service("site"; 80)],
	l7: [{name: "site", routes: [
		{path: "/", pool: "any"},
		{host: "www.example.com", path: "/", pool: "exact"},
		{host: "*.example.com", path: "/", pool: "wild"},
		{host: "*.deep.example.com", path: "/", pool: "deep"},
		{path: "/prefix", pool: "prefix"},
		{path: "/prefix/long/", pool: "long"},
		{path: "/by", method: "PUT", pool: "method"},
		{path: "/by", headers: [{name: "X-Tier", value: "gold"}], pool: "header"},
		{path: "/by", cookies: [{name: "user"}, {name: "beta", value: "1"}], pool: "cookie"},
		{path: "/by", query: [{name: "v", value: "2"}], pool: "query"},
		{path: "/moved", redirect: {status: 308, location: "https://$host/new$uri"}},
		{path: "/teapot", match: "exact", answer: {status: 418, body: "short and stout\n", content_type: "text/x-tea"}},
		{path: "/api/", rewrite: "/v1/", pool: "any"},
		{path: "/seen", pool: "node", set_request_headers: [{name: "X-User", value: "gateway"}, {name: "Host", value: "inside"}],
			remove_request_headers: ["Authorization"]},
		{path: "/cookie", pool: "node", set_response_headers: [{name: "Server", value: "lb47"}], remove_response_headers: ["X-Internal"]}
	]}],
	pools: ([pool("node"; [8000])] + ["'"${names[*]}"'" | split(" ") | to_entries[] | pool(.value; [8001 + .key])])}'
wait_until 10 l7_listens 8010 || fail "nginx does not start"
l7_start "$TMP/a.json"
url=http://127.0.0.1
get() { curl -sS --max-time 10 "$@"; }

# goes WANT CURL-ARGS...: which backend answered, and what it was asked for.
goes() {
	expect "$1" "$(get "${@:2}")" "${*:2}"
}
goes 'any /' $url/
goes 'exact /' -H 'Host: www.example.com' $url/
goes 'exact /' -H 'Host: WWW.Example.Com:80' $url/
goes 'wild /' -H 'Host: a.example.com' $url/
goes 'deep /' -H 'Host: a.b.deep.example.com' $url/
goes 'wild /' -H 'Host: deep.example.com' $url/
goes 'any /' -H 'Host: example.com' $url/
goes 'prefix /prefix' $url/prefix
goes 'prefix /prefix/x?y=1' "$url/prefix/x?y=1"
goes 'any /prefixes' $url/prefixes
goes 'long /prefix/long/x' $url/prefix/long/x
goes 'any /by' $url/by
goes 'method /by' -X PUT $url/by
goes 'header /by' -H 'x-tier: gold' $url/by
goes 'any /by' -H 'x-tier: Gold' $url/by
goes 'cookie /by' -b 'a=b; user=7; beta=1' $url/by
goes 'any /by' -b 'user=7; beta=10' $url/by
goes 'query /by?a&v=2' "$url/by?a&v=2"
goes 'any /by?v=22' "$url/by?v=22"
goes 'any /v1/x?y=/api/' "$url/api/x?y=/api/"
goes 'short and stout' $url/teapot
expect '418 text/x-tea' "$(get -o /dev/null -w '%{http_code} %{content_type}' $url/teapot)" "fixed answer"
expect '308 https://shop.example/new/moved/x?y=z' "$(get -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: shop.example' "$url/moved/x?y=z")" "redirect"
headers=$(get -u me:secret -H 'X-User: root' -H 'X_User: root' $url/seen | jq -c '[.headers[] | select(.[0] | test("host|auth|x.user"; "i"))] | sort')
expect '[["Host","inside"],["X-Forwarded-Host","127.0.0.1"],["X-User","gateway"]]' "$headers" "headers of the request"
headers=$(get -D - -o /dev/null $url/cookie | tr -d '\r' | grep -iE '^(server|x-internal|set-cookie):' | sort | paste -sd'|')
expect 'Server: lb47|Set-Cookie: a=1|Set-Cookie: b=2' "$headers" "headers of the answer"
logged '.status == 418 and .end == "answered"'
l7_stop
