#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# How late events arrive because of a proxy: 150 events 20 ms apart, chunked by the origin, to one client of HTTP/1.1 in
# clear, then (in the first round) to 50 at once. The origin stamps each event as it writes it, the client sees how old
# it is when it has read it (one clock). "First" is from the client's connect() to its first event; of 50 it is the
# slowest. The same is measured without a proxy in every round, and that round's value is subtracted. lb7d, nginx and
# haproxy by default; "-tuned" are the peers set up for event streams (l7/proxies.sh). One after the other,
# BENCH_ROUNDS times (3); medians, and of the p99 the worst round, too.
#
# Twice: with CPUs that stay awake, as where latency matters they are set (proxies.sh, stay_awake()), and as this machine is. An event
# every 20 ms finds both CPUs asleep, and a proxy adds two wake-ups to the way: what those take is the machine's share, and one alone
# may have a p99 above 0.3 ms (proxies.sh).
#
#   bench sse_p99_us ours=US yardstick=US ratio=R         microseconds added in lb7d, in the best of the four others, ours/yardstick
#   bench sse_asleep_p99_us ...                           the same where CPUs sleep
#
# Origin, client and proxies all run with real-time priority where that is permitted, so that other work on this machine
# is not measured: without it, the p99 of one stream was 1 ms with any proxy. What is below the noise may come out negative.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

EVENTS=150
GAP_US=20000
METRICS=(p50 p99 first)
MODES=(awake asleep)

# measure PORT PATH STREAMS: "p50 p99 first" in microseconds; nothing if an event was lost or a stream cut.
measure() {
	on_load_cpu "$LOAD" events "$1" "$2" "$3" $EVENTS $GAP_US |
		sed -n "s/^streams=$3 cut=0 lost=0 events=$(($3 * EVENTS)) p50_us=\([^ ]*\) p99_us=\([^ ]*\) .* first_us=\(.*\)/\1 \2 \3/p"
}

# one NAME PORT PATH STREAMS: appends the difference to `direct`, or begins it. $mode: one of MODES
one() {
	local values i
	read -ra values < <(measure "$2" "$3" "$4") || fail "$1: events were lost"
	for i in "${!METRICS[@]}"; do
		if [ "$1" = direct ]; then
			direct[i]=${values[i]}
			echo "${values[i]}" >>"$TMP/${METRICS[i]}_$4_$mode.direct"
		else
			awk -v with="${values[i]}" -v without="${direct[i]}" 'BEGIN { printf "%.1f\n", with - without }' \
				>>"$TMP/${METRICS[i]}_$4_$mode.$1"
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

# measure_in MODE STREAMS
measure_in() {
	local mode=$1
	[ "$mode" = asleep ] || stay_awake
	measure_all "$2"
	[ "$mode" = asleep ] || sleep_again
}

# report MODE STREAMS PREFIX
report() {
	local name i
	printf '# %-7s %-14s' '' ''
	printf '%12s' "${METRICS[@]}" 'worst p99'
	echo
	for name in direct "${PROXIES[@]}" "${PEERS[@]/%/-tuned}"; do
		printf '# %-7s %3d %-10s' "$1" "$2" "$name"
		for i in "${METRICS[@]}"; do
			printf '%9.1f us' "$(median "$TMP/${i}_$2_$1.$name")"
		done
		printf '%9.1f us\n' "$(sort -g "$TMP/p99_$2_$1.$name" | tail -n 1)"
	done
	for i in "${METRICS[@]}"; do
		l7_bench "$3_${i}_us" "${i}_$2_$1" "${PEERS[@]}" "${PEERS[@]/%/-tuned}"
	done
}

! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
l7_begin
l7_start
if stay_awake; then sleep_again; else MODES=(asleep); fi
for ((round = 0; round < ROUNDS; round++)); do
	for mode in "${MODES[@]}"; do
		measure_in "$mode" 1
		((round)) || measure_in "$mode" 50
	done
done
say "age of events ($EVENTS of them, $GAP_US us apart) without a proxy, and what each proxy adds to it; medians of $ROUNDS rounds:"
for mode in "${MODES[@]}"; do
	prefix=sse
	[ "$mode" = awake ] || prefix=sse_asleep
	report "$mode" 1 "$prefix"
	report "$mode" 50 "${prefix}_50"
done
