#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# gRPC's standard interoperability cases between Debian's grpcio and @grpc/grpc-js, each as client and as server, in clear and over TLS:
# empty and large unary, all kinds of streaming, metadata, status and message, unimplemented, cancellation, deadlines. Routing by service and by
# method. A cancelled call is cancelled at the server, too.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
# shellcheck source=tests/smoke/grpc.sh
. tests/smoke/grpc.sh

ca_make ca
certificate site ca localhost
grpc_start py 9001 &
grpc_start js 9002 &
CERTIFICATE=$TMP/site.pem grpc_start py 9003 &
CERTIFICATE=$TMP/site.pem grpc_start js 9004 &
wait
# shellcheck disable=SC2016 # variables of jq
l7_conf "$TMP/a.json" '
	def entry($name; $port): service($name; $port), service("\($name)-tls"; $port + 100);
	def l7($name; $pool): {name: $name, routes: [{path: "/", pool: $pool}]},
		{name: "\($name)-tls", tls: [{certificate: "site.pem", key: "site.key"}], routes: [{path: "/", pool: "\($pool)-tls"}]};
	def both($name; $port): pool($name; [$port]) + {protocol: "http2"},
		pool("\($name)-tls"; [$port + 2]) + {protocol: "http2", tls: {ca: "ca.pem", server_name: "localhost"}};
	{services: [entry("py"; 81), entry("js"; 82), service("parts"; 83)],
	l7: [l7("py"; "py"), l7("js"; "js"), {name: "parts", routes: [
		{path: "/grpc.testing.TestService", pool: "py"},
		{path: "/grpc.testing.TestService/UnaryCall", match: "exact", pool: "js"}]}],
	pools: [both("py"; 9001), both("js"; 9002)]}'
l7_start "$TMP/a.json"

python() { "$PYTHON" tests/smoke/l7/grpc_client.py "$@"; }
javascript() { node tests/smoke/l7/grpc_client.js "$@"; }
# cases CLIENT: against both servers, in clear and over TLS
cases() {
	local port
	for port in 81 82; do
		"$1" "127.0.0.1:$port" || fail "$1 to $port"
		AUTHORITY=$TMP/ca.pem "$1" "localhost:$((port + 100))" || fail "$1 to $port over TLS"
	done
}
cases javascript 2>"$TMP/javascript" &
other=$!
cases python
wait $other || fail "$(cat "$TMP/javascript")"

cancelled() { [ "$(grep -c "^cancelled $1" "$TMP/9001.out")" -ge "$2" ]; }
wait_until 5 cancelled input 1 || fail "a call that the client cancels goes on at the server"
wait_until 5 cancelled duplex 2 || fail "a stream that the client cancels, or whose time is over, goes on at the server"
logged '.protocol == "grpc" and .grpc_status == 0 and .end == "completed" and .status == 200 and .tls == "TLSv1.3"'
logged '.grpc_status == 1 and .end == "client_abort"'
logged '.grpc_status == 2 and (.target | endswith("/UnaryCall"))'
logged '.grpc_status == 12 and (.target | endswith("/UnimplementedCall"))'
jq -es 'all(.[]; (.status // 200) == 200)' "$TMP/access.log" >/dev/null || fail "an answer that is not status 200"

# --- routing ---
python 127.0.0.1:83 large_unary client_streaming || fail "calls by routes"
logged '.l7 == "parts" and .backend == "b9002" and (.target | endswith("/UnaryCall"))'
logged '.l7 == "parts" and .backend == "b9001" and (.target | endswith("/StreamingInputCall"))'
expect '12 smoke: no route matches' "$(grpc_call 127.0.0.1:83 /grpc.testing.Other/UnaryCall '')" "a service without a route"
l7_stop
