#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# How late events arrive because of a proxy: 150 events 20 ms apart, chunked by the origin, to one client of HTTP/1.1 in
# clear, then (in the first round) to 50 at once. The origin stamps each event as it writes it, the client sees how old
# it is when it has read it (one clock). "First" is from the client's connect() to its first event; of 50 it is the
# slowest. The same is measured without a proxy in every round, and that round's value is subtracted. lb7d, nginx and
# haproxy by default; "-tuned" are the peers set up for event streams (l7/proxies.sh). One after the other,
# BENCH_ROUNDS times (3); medians.
#
#   bench sse_p99_us ours=US yardstick=US ratio=R    microseconds added in lb7d, in the best of the four others, ours/yardstick
#
# Origin, client and proxies all run with real-time priority where that is permitted, so that other work on this machine
# is not measured: without it, the p99 of one stream was 1 ms with any proxy. What is below the noise may come out negative.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

EVENTS=150
GAP_US=20000
STREAMS=(1 50)
METRICS=(p50 p99 first)

# measure PORT PATH STREAMS: "p50 p99 first" in microseconds; nothing if an event was lost or a stream cut.
measure() {
	on_load_cpu "$LOAD" events "$1" "$2" "$3" $EVENTS $GAP_US |
		sed -n "s/^streams=$3 cut=0 lost=0 events=$(($3 * EVENTS)) p50_us=\([^ ]*\) p99_us=\([^ ]*\) .* first_us=\(.*\)/\1 \2 \3/p"
}

# one NAME PORT PATH STREAMS: appends the difference to `direct`, or begins it.
one() {
	local values i
	read -ra values < <(measure "$2" "$3" "$4") || fail "$1: events were lost"
	for i in "${!METRICS[@]}"; do
		if [ "$1" = direct ]; then
			direct[i]=${values[i]}
			echo "${values[i]}" >>"$TMP/${METRICS[i]}_$4.direct"
		else
			awk -v with="${values[i]}" -v without="${direct[i]}" 'BEGIN { printf "%.1f\n", with - without }' \
				>>"$TMP/${METRICS[i]}_$4.$1"
		fi
	done
}

# measure_all STREAMS
measure_all() {
	local name direct=()
	one direct "$ORIGIN_PORT" /events "$1"
	for name in "${PROXIES[@]}"; do
		one "$name" "${CLEAR[$name]}" /events "$1"
	done
	for name in "${PEERS[@]}"; do
		one "$name-tuned" "${CLEAR[$name]}" /tuned/events "$1"
	done
}

report() {
	local streams name i
	printf '# %-11s %-13s' '' ''
	printf '%12s' "${METRICS[@]}"
	echo
	for streams in "${STREAMS[@]}"; do
		for name in direct "${PROXIES[@]}" "${PEERS[@]/%/-tuned}"; do
			printf '# %3d %-7s %-13s' "$streams" "$( ((streams > 1)) && echo streams || echo stream)" "$name"
			for i in "${METRICS[@]}"; do
				printf '%9.1f us' "$(median "$TMP/${i}_$streams.$name")"
			done
			echo
		done
	done
	for i in "${METRICS[@]}"; do
		l7_bench "sse_${i}_us" "${i}_1" "${PEERS[@]}" "${PEERS[@]/%/-tuned}"
		l7_bench "sse_50_${i}_us" "${i}_50" "${PEERS[@]}" "${PEERS[@]/%/-tuned}"
	done
}

! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
l7_begin
l7_start
for ((round = 0; round < ROUNDS; round++)); do
	measure_all 1
	((round)) || measure_all 50
done
say "age of events ($EVENTS of them, $GAP_US us apart) without a proxy, and what each proxy adds to it; medians of $ROUNDS rounds:"
report
