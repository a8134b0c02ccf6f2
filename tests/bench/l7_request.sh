#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a request costs: CPU time of the proxy (user and kernel) for each, HTTP/1.1 on both sides, a 13-byte answer, lb7d
# beside nginx and haproxy. Clients keep their connections, but for the handshakes: there each request has a connection
# and a full TLS 1.3 handshake (ECDSA P-256) of its own. Each proxy on one core; wrk and the origin share the other.
# Cases and proxies run in turn, BENCH_ROUNDS times (5), BENCH_SECONDS each (1); medians.
#
#   bench h1_cpu ours=US yardstick=US ratio=R    microseconds a request in lb7d, in the better of the two, ours/yardstick
#
# All programs run with real-time priority where that is permitted, so that other work on this machine takes little from
# them: where there is any, the kernel keeps up to 50 ms of each second for it, which then is the p99 of all proxies. h1_1_cpu is with one connection instead of 32: no work is shared between requests there. Requests a second are
# what came through with one core for the proxy; "busy" is the part of it that was used: where it is far below 100%
# wrk and the origin were the limit, not the proxy.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

ROUNDS=${BENCH_ROUNDS:-5}
SECONDS_EACH=${BENCH_SECONDS:-1}
HANDSHAKE_THREADS=16
CASES=(h1 h1_1 h1_tls h1_tls_handshake)
declare -A title=(
	[h1]='clear, 32 connections' [h1_1]='clear, 1 connection' [h1_tls]='TLS, 32 connections' [h1_tls_handshake]='a handshake each'
)

# drive CASE PROXY SECONDS: "requests p99_us" on stdout; fails if an answer was not what it should be.
drive() {
	local url="http://127.0.0.1:${CLEAR[$2]}/" connections=32
	case $1 in
	h1_tls_handshake)
		on_load_cpu "$LOAD" handshakes "${TLS[$2]}" "$3" $HANDSHAKE_THREADS |
			sed -n 's/^requests=\([0-9]*\) errors=0$/\1 0/p'
		return
		;;
	h1_tls) url="https://127.0.0.1:${TLS[$2]}/" ;;
	h1_1) connections=1 ;;
	esac
	# wrk counts whole seconds.
	on_load_cpu timeout --preserve-status -s INT "$3" wrk -t 1 -c $connections -d 60 --latency "$url" >"$TMP/wrk.log"
	awk '/Non-2xx|Socket errors/ { bad = 1 } / requests in / { n = $1 }
		$1 == "99%" { p99 = $2; sub(/[a-z]+$/, "", p99); p99 *= $2 ~ /us$/ ? 1 : $2 ~ /ms$/ ? 1e3 : 1e6 }
		END { if (!bad && n) print n, p99 }' "$TMP/wrk.log"
}

# one CASE PROXY
one() {
	local before requests p99 used from
	before=$(cpu_ns "$2")
	from=$(date +%s%N)
	read -r requests p99 < <(drive "$1" "$2" "$SECONDS_EACH") || fail "$2, ${title[$1]}: $(cat "$TMP/wrk.log")"
	used=$(($(cpu_ns "$2") - before))
	awk -v ns=$used -v wall=$(($(date +%s%N) - from)) -v n="$requests" -v p99="$p99" -v out="$TMP/$1" -v proxy="$2" 'BEGIN {
		print ns / n / 1e3 >>(out "." proxy); print n * 1e9 / wall >>(out "_rate." proxy)
		print p99 >>(out "_p99." proxy); print 100 * ns / wall >>(out "_busy." proxy) }'
}

# row CASE PROXY
row() {
	awk -v title="${title[$1]}" -v proxy="$2" -v us="$(median "$TMP/$1.$2")" -v rate="$(median "$TMP/$1_rate.$2")" \
		-v p99="$(median "$TMP/$1_p99.$2")" -v busy="$(median "$TMP/$1_busy.$2")" 'BEGIN {
		printf "# %-24s %-8s %9.2f us %11.0f %9s us %5.0f%%\n", title, proxy, us, rate, p99 ? sprintf("%.0f", p99) : "-", busy }'
}

report() {
	local case proxy
	printf '# %-24s %-8s %12s %11s %12s %6s\n' '' '' 'CPU time' requests/s p99 busy
	for case in "${CASES[@]}"; do
		for proxy in "${PROXIES[@]}"; do
			row "$case" "$proxy"
		done
	done
	for case in "${CASES[@]}"; do
		l7_bench "${case}_cpu" "$case"
	done
}

! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
l7_begin wrk
l7_start
for proxy in "${PROXIES[@]}"; do # caches, tables and connections to the origin
	drive h1 "$proxy" 0.3 >/dev/null
	drive h1_tls "$proxy" 0.3 >/dev/null
done
for ((round = 0; round < ROUNDS; round++)); do
	for case in "${CASES[@]}"; do
		for proxy in "${PROXIES[@]}"; do
			one "$case" "$proxy"
		done
	done
done
say "a request's CPU time in the proxy, requests a second, p99, how busy the proxy's core was; medians of $ROUNDS rounds of $SECONDS_EACH s:"
report
