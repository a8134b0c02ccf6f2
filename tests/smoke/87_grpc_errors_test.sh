#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Whatever goes wrong in lb7d or behind it reaches a gRPC client as status 200 and the right grpc-status: in the head if there was none,
# else in trailers behind what came; never as a reset, never as another status. Answers that end early and late pass as they are.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
# shellcheck source=tests/smoke/grpc.sh
. tests/smoke/grpc.sh

grpc_start bad 9001
grpc_start bad 9002
killed=$GRPC_PID
node_start 9003 origin.js
# shellcheck disable=SC2016 # variables of jq
l7_conf "$TMP/a.json" '
	def route($name; $more): {path: "/\($name).S", pool: $name} + $more;
	{services: [service("a"; 80), service("b"; 81)], l7: [
		{name: "a", limits: {body_kb: 64, header: 16384}, timeouts: {first_byte_ms: 1500}, routes: [
			route("bad"; {}), route("killed"; {}), route("down"; {}), route("empty"; {}), route("closed"; {}), route("old"; {}),
			{path: "/fixed.S", answer: {status: 404, body: "gone\n"}}, {path: "/busy.S", answer: {status: 503}},
			{path: "/moved.S", redirect: {location: "https://$host$uri"}}]},
		{name: "b", timeouts: {total_ms: 1500, stream_idle_ms: 300}, routes: [route("bad"; {})]}],
	pools: [pool("bad"; [9001]), pool("killed"; [9002]), pool("down"; [9001]), pool("empty"; []), pool("closed"; [9009]), pool("old"; [9003])] |
		map(. + {protocol: "http2"})}'
l7_start "$TMP/a.json" --grace 1

raw() { node tests/smoke/l7/grpc_raw.js "$1" || fail "a call has another end"; }
# says WANT CALL...: what a call by bare HTTP/2 gets (grpc_raw.js); checked by `all`
says() { printf '%s\t%s\t%s\n' "$1" "${PORT:-80}" "${*:2}" >>"$TMP/calls"; }
# all N: N at once
all() {
	raw "$1" <"$TMP/calls"
	: >"$TMP/calls"
}
only="only 200 application/grpc+proto"
later="head 200 application/grpc+proto mine, 8 octets, trailers"

# --- ours ---
says "$only 12 smoke: no route matches" /none.S/M
says "$only 12 smoke: gone%0A" /fixed.S/M
says "$only 14 smoke: the route answers 503" /busy.S/M
says "$only 2 smoke: the route answers 302" /moved.S/M
says "$only 14 smoke: no backend of the pool may take a request" /empty.S/M
says "$only 14 smoke: Connection refused" /closed.S/M
says "$only 8 smoke: content beyond limits.body_kb" size=100000 /bad.S/Mute
says "$later 8 smoke: content beyond limits.body_kb" hold after=100000 /bad.S/Hang
says "$only 8 smoke: head beyond limits.header or limits.headers" /bad.S/Mute "x-long=$(printf '%20000s' '' | tr ' ' x)"
says "$only 4 smoke: the backend did not begin to answer in time" /bad.S/Mute
says "$only 4 smoke: longer than the client's grpc-timeout" /bad.S/Mute grpc-timeout=100m
says "$only 4 smoke: longer than the client's grpc-timeout" hold /bad.S/Mute grpc-timeout=100000u
says "$later 4 smoke: longer than the client's grpc-timeout" /bad.S/Hang grpc-timeout=700m
PORT=81 says "$only 4 smoke: longer than timeouts.total_ms" /bad.S/Mute
PORT=81 says "$only 4 smoke: longer than timeouts.total_ms" /bad.S/Mute grpc-timeout=1H
PORT=81 says "$later 4 smoke: nothing moved for timeouts.stream_idle_ms" hold /bad.S/Hang

# --- the backend's answer is none of gRPC (http-grpc-status-mapping.md) ---
for pair in 400/13 401/16 403/7 404/12 418/2 429/14 500/2 502/14 503/14; do
	says "$only ${pair#*/} smoke: the backend's answer is no gRPC: status ${pair%/*}" "/bad.S/Html/${pair%/*}"
done
says "$only 2 smoke: the backend's answer is no gRPC: status 200" /bad.S/Plain
says "$only 13 smoke: the backend's answer has no grpc-status" /bad.S/BareHead
says "$later 13 the backend's answer ended without grpc-status" /bad.S/NoStatus

# --- it resets (PROTOCOL-HTTP2.md, "Errors"), breaks ---
while read -r error status name; do
	says "$later $status smoke: reset by the backend: $name" "/bad.S/ResetLater/$error"
	says "$only $status smoke: reset by the backend: $name" "/bad.S/Reset/$error"
done <<-END
	0 13 PROTOCOL_ERROR
	2 13 INTERNAL_ERROR
	7 14 REFUSED_STREAM
	8 1 CANCEL
	9 13 COMPRESSION_ERROR
	11 8 ENHANCE_YOUR_CALM
	12 7 INADEQUATE_SECURITY
END
all 8
# One after the other, as they would break the others' connection, too.
says "$only 14 smoke: Connection reset by peer" /bad.S/Break
says "$later 14 smoke: Connection reset by peer" /bad.S/BreakLater
says "head 200 application/grpc+proto mine, 6 octets, trailers 14 smoke: Connection reset by peer" /bad.S/CutMessage

all 1

# --- what is right passes ---
says "$only 5 not%20here %E2%98%BA mine q6ur" /bad.S/TrailersOnly
says "only 503 application/grpc+proto 9 mine" /bad.S/StatusWith503
says "$later 0 trailer" /bad.S/Early
says "$later 0 trailer" hold /bad.S/Early
all 8

# --- those that run when their backend, or lb7d, goes ---
# hangs WANT PORT CALL: one that goes on until something happens ($call)
hangs() {
	local n
	n=$(grep -c '^Hang$' "$TMP/9001.out" "$TMP/9002.out" | awk -F: '{ n += $2 } END { print n }')
	printf '%s\t%s\t%s\n' "$@" | raw 1 &
	call=$!
	wait_until 5 runs $((n + 1))
}
runs() { [ "$(cat "$TMP/9001.out" "$TMP/9002.out" | grep -c '^Hang$')" -ge "$1" ]; }
hangs "$later 14 smoke: Connection reset by peer" 80 "hold /killed.S/Hang"
kill -KILL "$killed"
wait "$call"
hangs "$later 14 smoke: the backend was taken down" 80 "hold /down.S/Hang"
"$BIN/lbctl" -s "$TMP/lb7d.sock" backends down down/b9001 >/dev/null
wait "$call"
hangs "$later 14 smoke: this node stops" 80 "hold /bad.S/Hang"
l7_stop
wait "$call"
logged '.end == "deadline" and .grpc_status == 4'
logged '.reason == "head beyond limits.header or limits.headers" and .end == "too_large" and .status == 200 and .grpc_status == 8'
jq -es 'all(.[]; .protocol == "grpc" and (.grpc_status | type) == "number")' "$TMP/access.log" >/dev/null || fail "a line without grpc_status"
[ "$(grep -c '^aborted Mute 8$' "$TMP/9001.out")" -ge 6 ] || fail "the backend is not told that nobody waits any more"
