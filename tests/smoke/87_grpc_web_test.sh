#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# gRPC-Web in binary and base64, by HTTP/1.1 and HTTP/2, to a gRPC server: unary and streaming, requests in pieces, trailers in the last frame,
# errors of the server, of what is between and of lb7d; a preflight request that a route answers.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
# shellcheck source=tests/smoke/grpc.sh
. tests/smoke/grpc.sh

grpc_start py 9001
grpc_start bad 9002
# shellcheck disable=SC2016 # variables of jq
l7_conf "$TMP/a.json" '
	{name: "Access-Control-Allow-Origin", value: "https://page.example"} as $origin |
	[{name: "Access-Control-Allow-Methods", value: "POST"}, {name: "Access-Control-Allow-Headers", value: "content-type,x-grpc-web"}] as $more |
	{services: [service("a"; 80)], l7: [{name: "a", timeouts: {first_byte_ms: 1500}, routes: [
		{path: "/grpc.testing.TestService", pool: "good", set_response_headers: [$origin]},
		{path: "/grpc.testing.TestService", method: "OPTIONS", answer: {status: 204}, set_response_headers: ([$origin] + $more)},
		{path: "/empty.S", pool: "empty", set_response_headers: [$origin]}, {path: "/bad.S", pool: "bad"}]}],
	pools: [pool("good"; [9001]), pool("bad"; [9002]), pool("empty"; [])] | map(. + {protocol: "http2"})}'
l7_start "$TMP/a.json"

stream=/grpc.testing.TestService/StreamingOutputCall
# says WANT CALL...: what a call gets (grpc_web_client.js)
says() { printf '%s\t%s\n' "$1" "${*:2}"; }
everywhere() {
	local way type
	for way in '1 web' '2 web' '1 text' '2 text'; do
		type=web
		[ "${way#* }" = web ] || type=web-text
		"$1" "$way" "$type"
	done
}
good() {
	says "$2 [3,0,100000,7] 0 q6ur" "$1" $stream 3,0,100000,7
	says "$2 [31415,9,2653,58979] 0 q6ur" "$1" $stream 31415,9,2653,58979 piece=1
	says "$2 [31] 0 q6ur" "$1" $stream 31 piece=5
	says "$2 [0] 0 q6ur" "$1" /grpc.testing.TestService/EmptyCall -
	says "$2 [] 12 Method not found!" "$1" /grpc.testing.TestService/None -
	says "$2+proto [] 12 smoke: no route matches" "$1" /none.S/None -
	says "$2+proto [] 14 smoke: no backend of the pool may take a request" "$1" /empty.S/None -
	says "$2+proto [] 5 not%20here %E2%98%BA" "$1" /bad.S/TrailersOnly -
	says "$2+proto [] 14 smoke: the backend's answer is no gRPC: status 503" "$1" /bad.S/Html/503 -
	says "$2+proto [0] 13 the backend's answer ended without grpc-status" "$1" /bad.S/NoStatus -
	says "$2+proto [] 13 smoke: the backend's answer has no grpc-status" "$1" /bad.S/BareHead -
	says "$2+proto [0] 8 smoke: reset by the backend: ENHANCE_YOUR_CALM" "$1" /bad.S/ResetLater/11 -
	says "$2+proto [] 4 smoke: the backend did not begin to answer in time" "$1" /bad.S/Mute -
}
# Where a message is cut, a last frame would be taken for the rest of it.
cut() { says "$2+proto [] no last frame and 6 octets broken" "$1" /bad.S/CutMessage -; }
{
	everywhere good
	for version in 1 2; do
		says 'web-text [] 13 smoke: gRPC-Web: malformed base64' $version web $stream 3 type=application/grpc-web-text
		says 'web-text [3,4] 0 q6ur' $version web $stream 3,4 'accept=*/*,application/grpc-web-text'
		says 'web [3,4] 0 q6ur' $version text $stream 3,4 accept=application/grpc-web+proto
	done
} >"$TMP/calls"
node tests/smoke/l7/grpc_web_client.js 80 <"$TMP/calls" || fail "calls"
everywhere cut >"$TMP/calls"
while IFS= read -r line; do
	node tests/smoke/l7/grpc_web_client.js 80 <<<"$line" || fail "an answer that is cut in a message"
done <"$TMP/calls"

preflight=$(curl -sS -D- -X OPTIONS -H 'Origin: https://page.example' -H 'Access-Control-Request-Method: POST' "http://127.0.0.1$stream" | tr -d '\r')
for line in 'HTTP/1.1 204 No Content' 'Access-Control-Allow-Origin: https://page.example' 'Access-Control-Allow-Headers: content-type,x-grpc-web'; do
	grep -qxF "$line" <<<"$preflight" || fail "preflight: no $line in $preflight"
done
for path in "$stream" /empty.S/M; do
	curl -sS -D- -o /dev/null -X POST -H 'Content-Type: application/grpc-web' --data-binary '' "http://127.0.0.1$path" | tr -d '\r' |
		grep -qxF 'Access-Control-Allow-Origin: https://page.example' || fail "$path: a script may not read it"
done
logged '.protocol == "grpc-web" and .grpc_status == 0 and .end == "completed"'
l7_stop
