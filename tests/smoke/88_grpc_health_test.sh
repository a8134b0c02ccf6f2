#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Probes by grpc.health.v1, in clear and through TLS, against grpcio and grpc-js: who serves is used, who does not is not, and the reason
# says why; HTTP probes of a pool that speaks HTTP/2 speak it, too.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
# shellcheck source=tests/smoke/grpc.sh
. tests/smoke/grpc.sh

control() { grpc_call "127.0.0.1:$1" /smoke.Control/Serve "$2" >/dev/null; }

ca_make ca
certificate site ca localhost
grpc_start py 9001 &
grpc_start js 9002 &
CERTIFICATE=$TMP/site.pem grpc_start py 9003 &
CERTIFICATE=$TMP/site.pem grpc_start js 9004 &
NO_HEALTH=1 grpc_start py 9005 &
node_start 9006 origin.js
wait
# shellcheck disable=SC2016 # variables of jq
l7_conf "$TMP/a.json" '
	def checked($name; $ports; $health; $more): pool($name; $ports) + {protocol: "http2", when_unhealthy: "none",
		health: ($health + {interval_ms: 300, timeout_ms: 300, rise: 1, fall: 1})} + $more;
	{services: [service("a"; 80)], l7: [{name: "a", routes: [{path: "/", pool: "clear"}, {path: "/1", pool: "tls"},
		{path: "/2", pool: "always"}, {path: "/3", pool: "named"}, {path: "/4", pool: "http"}, {path: "/5", pool: "old"}]}],
	pools: [
		checked("clear"; [9001, 9002, 9003, 9005, 9006]; {type: "grpc"}; {}),
		checked("tls"; [9003, 9004, 9001]; {type: "grpc"}; {tls: {ca: "ca.pem", server_name: "localhost"}}),
		checked("always"; [9003]; {type: "grpcs"}; {}),
		checked("named"; [9001, 9002]; {type: "grpc", service: "grpc.testing.TestService"}; {}),
		checked("http"; [9001]; {type: "http"}; {}),
		checked("old"; [9006]; {type: "http", status: ["200-499"]}; {})]}'
l7_start "$TMP/a.json"

# is POOL BACKEND STATE REASON: as lbctl tells it
is() {
	"$BIN/lbctl" -s "$TMP/lb7d.sock" -o json backends >"$TMP/backends"
	jq -e --arg pool "$1" --arg name "b$2" --arg state "$3" --arg reason "$4" \
		'any(.. | objects | select(.pool? == $pool and .name? == $name); .health == $state and (.reason | test($reason)))' "$TMP/backends"
}
gets() {
	wait_until 5 is "$@" >/dev/null || { jq -c '.. | objects | select(.reason?)' "$TMP/backends" >&2; fail "pool $1, b$2: not $3, $4"; }
}
for port in 9001 9002; do gets clear $port healthy '^SERVING$'; done
for port in 9003 9004; do gets tls $port healthy '^SERVING$'; done
gets always 9003 healthy '^SERVING$'
gets clear 9003 unhealthy .
gets clear 9005 unhealthy '^UNIMPLEMENTED: the server has no grpc.health.v1.Health$'
gets clear 9006 unhealthy .
gets tls 9001 unhealthy '^tls: '
for port in 9001 9002; do gets named $port unhealthy '^NOT_FOUND: the server knows no service grpc.testing.TestService$'; done
gets http 9001 healthy '^status 200$'
gets old 9006 unhealthy .

for port in 9001 9002; do
	control $port grpc.testing.TestService=1
	gets named $port healthy '^SERVING$'
	control $port =2
	gets clear $port unhealthy '^NOT_SERVING$'
	is named $port healthy '^SERVING$' >/dev/null || fail "one service of $port is not another"
done
code=$(grpc_call 127.0.0.1:80 /grpc.testing.TestService/EmptyCall '') || true
expect '14 smoke: no backend of the pool may take a request' "$code" "a call while nobody serves"
control 9002 =1
gets clear 9002 healthy '^SERVING$'
expect 0 "$(grpc_call 127.0.0.1:80 /grpc.testing.TestService/EmptyCall '')" "a call when one serves again"
l7_stop
