# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# gRPC's servers for smoke tests: Debian's grpcio and @grpc/grpc-js. Source it after l7.sh.
#
#   grpc_start py|js PORT...   starts grpc_server.* ($GRPC_PID; output in $TMP/PORT.out) and waits until all listen
#   grpc_call HOST:PORT PATH TEXT   one call; says its status and message

grpc_start() {
	local program=("$PYTHON" tests/smoke/l7/grpc_server.py) port
	[ "$1" = py ] || program=(node tests/smoke/l7/grpc_server.js)
	"${program[@]}" "${@:2}" >"$TMP/$2.out" 2>&1 &
	# shellcheck disable=SC2034 # for the test
	GRPC_PID=$!
	disown # nobody is told of its end
	for port in "${@:2}"; do
		wait_until 10 l7_listens "$port" || { cat "$TMP/$2.out" >&2; fail "grpc_server.$1 does not start"; }
	done
}

grpc_call() {
	"$PYTHON" tests/smoke/l7/grpc_call.py "$@"
}
