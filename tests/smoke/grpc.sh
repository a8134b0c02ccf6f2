# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# gRPC's servers for smoke tests: Debian's grpcio and @grpc/grpc-js. Source it after l7.sh.
#
#   grpc_start NAME PORT...   starts py or js (grpc_server.*), quick or bad (grpc_NAME.js) and waits until all ports listen ($GRPC_PID; output
#                             in $TMP/PORT.out)
#   grpc_call HOST:PORT PATH TEXT   one call; says its status and message

grpc_start() {
	local program port
	case $1 in
	py) program=("$PYTHON" tests/smoke/l7/grpc_server.py) ;;
	js) program=(node tests/smoke/l7/grpc_server.js) ;;
	*) program=(node "tests/smoke/l7/grpc_$1.js") ;;
	esac
	"${program[@]}" "${@:2}" >"$TMP/$2.out" 2>&1 &
	# shellcheck disable=SC2034 # for the test
	GRPC_PID=$!
	disown # nobody is told of its end
	for port in "${@:2}"; do
		wait_until 10 l7_listens "$port" || { cat "$TMP/$2.out" >&2; fail "gRPC server $1 does not start"; }
	done
}

grpc_call() {
	"$PYTHON" tests/smoke/l7/grpc_call.py "$@"
}
