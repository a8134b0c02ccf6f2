#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What HTTP/2 costs, lb7d beside nginx and haproxy: CPU time of the proxy (user and kernel) for each request, and the memory of a
# connection that is idle.
#
# h2_tls is HTTP/2 over TLS 1.3 to an HTTP/1.1 origin, a 13-byte answer, 8 connections with 16 requests at once each; h2_tls_1 one
# connection with 100; h2_clear like h2_tls without TLS. grpc is a unary call of gRPC, HTTP/2 in clear on both sides, 32 bytes each way and
# a trailer, 8 connections with 16 calls at once; the origin is nghttpd. Each proxy on one core; h2load and the origin share the other. Cases
# and proxies run in turn, BENCH_ROUNDS times (5), BENCH_REQUESTS (20000) each; medians. Idle memory is PSS of all the proxy's processes
# with BENCH_CONNECTIONS (2000) less that before, for each; every connection has had an answer, and has one afterwards.
#
#   bench h2_tls_cpu ours=US yardstick=US ratio=R          microseconds a request in lb7d, in the better of the two, ours/yardstick
#   bench h2_idle_bytes ours=B yardstick=B ratio=R         bytes a connection
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

ROUNDS=${BENCH_ROUNDS:-5}
REQUESTS=${BENCH_REQUESTS:-20000}
CONNECTIONS=${BENCH_CONNECTIONS:-2000}
IDLE_S=2 # what is given back after a moment is not counted as held
CASES=(h2_tls h2_tls_1 h2_clear grpc)
declare -A title=(
	[h2_tls]='TLS, 8 x 16' [h2_tls_1]='TLS, 1 x 100' [h2_clear]='clear, 8 x 16' [grpc]='gRPC, clear, 8 x 16'
)

# A message of gRPC is a byte (not compressed), its length in four bytes, and it. The file's extension says the type.
start_grpc_origin() {
	mkdir "$TMP/site"
	{ printf '\0\0\0\0\33'; head -c 27 /dev/zero; } >"$TMP/site/bench.call"
	echo 'application/grpc call' >"$TMP/mime"
	take_port GRPC_ORIGIN_PORT
	on_load_cpu nghttpd --no-tls -a 127.0.0.1 -d "$TMP/site" --mime-types-file "$TMP/mime" --trailer 'grpc-status: 0' \
		"$GRPC_ORIGIN_PORT" >"$TMP/nghttpd.log" 2>&1 &
	helpers+=($!)
	wait_for nghttpd curl -sf --http2-prior-knowledge --max-time 2 "http://127.0.0.1:$GRPC_ORIGIN_PORT/bench.call" -o "$TMP/answer"
}

# drive CASE PROXY REQUESTS: requests a second; fails if an answer was not what it should be.
drive() {
	local how=(-c 8 -m 16) url
	case $1 in
	h2_tls) url="https://127.0.0.1:${TLS[$2]}/" ;;
	h2_tls_1) url="https://127.0.0.1:${TLS[$2]}/" how=(-c 1 -m 100) ;;
	h2_clear) url="http://127.0.0.1:${H2C[$2]}/" ;;
	grpc)
		url="http://127.0.0.1:${GRPC[$2]}/bench.call"
		how+=(-d "$TMP/site/bench.call" -H 'content-type: application/grpc' -H 'te: trailers')
		;;
	esac
	on_load_cpu h2load "${how[@]}" -n "$3" "$url" >"$TMP/h2load.log" 2>&1
	awk -v n="$3" '/^finished in/ { rate = $4 } /^requests:/ { ok = $8 == n } /^status codes:/ { ok = ok && $3 == n }
		END { if (!ok) exit 1; print rate }' "$TMP/h2load.log"
}

# one CASE PROXY
one() {
	local before rate used from
	before=$(cpu_ns "$2")
	from=$(date +%s%N)
	rate=$(drive "$1" "$2" "$REQUESTS") || fail "$2, ${title[$1]}: $(cat "$TMP/h2load.log")"
	used=$(($(cpu_ns "$2") - before))
	awk -v ns=$used -v wall=$(($(date +%s%N) - from)) -v n="$REQUESTS" -v rate="$rate" -v out="$TMP/$1" -v proxy="$2" 'BEGIN {
		print ns / n / 1e3 >>(out "." proxy); print rate >>(out "_rate." proxy); print 100 * ns / wall >>(out "_busy." proxy) }'
}

# row CASE PROXY
row() {
	printf '# %-24s %-8s %9.2f us %11.0f %5.0f%%\n' "${title[$1]}" "$2" "$(median "$TMP/$1.$2")" "$(median "$TMP/$1_rate.$2")" \
		"$(median "$TMP/$1_busy.$2")"
}

check() {
	[ "$(hold_check)" = "$1" ] || fail "not all of $1 connections live"
}

# idle CASE PROXY PORT [tls]
idle() {
	local before
	hold "$3" 8 "${@:4}" # what is built at the first connection is not memory of each
	check 8
	hold_release
	sleep 0.2
	before=$(pss_kb "$2")
	hold "$3" "$CONNECTIONS" "${@:4}"
	sleep $IDLE_S
	echo $((($(pss_kb "$2") - before) * 1024 / CONNECTIONS)) >>"$TMP/$1.$2"
	check "$CONNECTIONS"
	hold_release
}

report() {
	local case proxy
	say "a request's CPU time in the proxy, requests a second, how busy the proxy's core was; medians of $ROUNDS rounds of $REQUESTS requests:"
	for case in "${CASES[@]}"; do
		for proxy in "${PROXIES[@]}"; do
			row "$case" "$proxy"
		done
	done
	say "memory of an idle connection in bytes, $CONNECTIONS open:"
	for case in h2_idle h2_idle_tls; do
		for proxy in "${PROXIES[@]}"; do
			printf '# %-24s %-8s %9.0f\n' "$case" "$proxy" "$(median "$TMP/$case.$proxy")"
		done
	done
	for case in "${CASES[@]}"; do
		l7_bench "${case}_cpu" "$case"
	done
	l7_bench h2_idle_bytes h2_idle
	l7_bench h2_idle_tls_bytes h2_idle_tls
}

! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
l7_begin h2load nghttpd
(($(ulimit -n) > 2 * CONNECTIONS + 500)) || ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) > 2 * CONNECTIONS + 500)) || skip "$CONNECTIONS connections want $((2 * CONNECTIONS + 500)) files; ulimit -n says $(ulimit -n)"
start_grpc_origin
l7_start
for proxy in "${PROXIES[@]}"; do # caches, tables and connections to the origins
	for case in "${CASES[@]}"; do
		drive "$case" "$proxy" 2000 >/dev/null || fail "$proxy, ${title[$case]}: $(cat "$TMP/h2load.log")"
	done
done
for ((round = 0; round < ROUNDS; round++)); do
	for case in "${CASES[@]}"; do
		for proxy in "${PROXIES[@]}"; do
			one "$case" "$proxy"
		done
	done
done
HOLDER=(/usr/bin/python3 tests/bench/l7/h2_hold.py)
for proxy in "${PROXIES[@]}"; do
	restart_one "$proxy"
	idle h2_idle "$proxy" "${H2C[$proxy]}"
	restart_one "$proxy"
	idle h2_idle_tls "$proxy" "${TLS[$proxy]}" tls
done
report
