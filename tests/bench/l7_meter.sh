#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What measuring a stream costs: CPU time of lb7d (user and kernel) for each event of 100 event streams, a chat completion's chunk
# of 300 bytes each, with l7[].streams.measure "events" and "tokens" beside "off"; and for each request that is no stream. Chunked HTTP/1.1
# in clear on both sides, one lb7d on a core, origin and client on the other. In turn, BENCH_ROUNDS times (25), CPUs kept awake: what a
# machine does beside changes slower than a round takes, so that the median of the rounds' ratios says more than the ratio of medians.
#
#   bench meter_events_cpu ours=US yardstick=US ratio=R    microseconds an event, measured / off
#   bench meter_request_cpu ...                            likewise a request without a stream
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

ROUNDS=${BENCH_ROUNDS:-25}
STREAMS=100
EVENTS=80
GAP_US=3000
MODES=(off events tokens)
declare -A PORT

configure_lb7d() {
	local mode services='' entries='' route='"routes": [ { "path": "/", "pool": "origin" } ]'
	for mode in "${MODES[@]}"; do
		services+=", { \"name\": \"$mode\", \"address\": \"127.0.0.1\", \"port\": ${PORT[$mode]}, \"protocol\": \"tcp\", \"l7\": \"$mode\" }"
		entries+=", { \"name\": \"$mode\", \"streams\": { \"measure\": \"$mode\" }, $route }"
	done
	cat >"$TMP/lb7d.json" <<-END
		{
		  "node": "bench", "control_l7": "$TMP/lb7d.sock", "stats": "/sys/fs/bpf/${TMP##*/}", "workers": 1,
		  "services": [
		    { "name": "clear", "address": "127.0.0.1", "port": ${CLEAR[lb7d]}, "protocol": "tcp", "l7": "clear" },
		    { "name": "tls", "address": "127.0.0.1", "port": ${TLS[lb7d]}, "protocol": "tcp", "l7": "tls" }
		    $services
		  ],
		  "l7": [
		    { "name": "clear", $route },
		    { "name": "tls", "tls": [ { "certificate": "cert.pem", "key": "key.pem" } ], $route }
		    $entries
		  ],
		  "pools": [ { "name": "origin", "balance": "round_robin",
		    "backends": [ { "name": "origin", "address": "127.0.0.1", "port": $ORIGIN_PORT } ] } ]
		}
	END
}

# events MODE, requests MODE: how many there were.
events() {
	on_load_cpu "$LOAD" events "${PORT[$1]}" /chat $STREAMS $EVENTS $GAP_US |
		sed -n "s/^streams=$STREAMS cut=0 lost=0 events=\([0-9]*\) .*/\1/p"
}

requests() {
	on_load_cpu timeout --preserve-status -s INT 0.25 wrk -t 1 -c 32 -d 60 "http://127.0.0.1:${PORT[$1]}/" >"$TMP/wrk.log"
	awk '/Non-2xx|Socket errors/ { bad = 1 } / requests in / { n = $1 } END { if (!bad && n) print n }' "$TMP/wrk.log"
}

# one WHAT MODE: appends microseconds of CPU for each.
one() {
	local before n
	before=$(cpu_ns lb7d)
	n=$("$1" "$2")
	[ -n "$n" ] || fail "$1 with measure $2 were lost"
	awk -v ns=$(($(cpu_ns lb7d) - before)) -v n="$n" 'BEGIN { printf "%.4f\n", ns / n / 1e3 }' >>"$TMP/$1.$2"
}

# bench NAME WHAT MODE
bench() {
	awk -v name="$1" -v ours="$(median "$TMP/$2.$3")" -v off="$(median "$TMP/$2.off")" \
		-v ratio="$(median <(paste "$TMP/$2.$3" "$TMP/$2.off" | awk '{ print $1 / $2 }'))" \
		'BEGIN { printf "bench %s ours=%.2f yardstick=%.2f ratio=%.3f\n", name, ours, off, ratio }'
}

! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
l7_begin wrk
PROXIES=(lb7d)
for mode in "${MODES[@]}"; do
	take_port "PORT[$mode]"
done
l7_start
stay_awake || say "CPUs sleep between events: no /dev/cpu_dma_latency"
for ((round = -1; round < ROUNDS; round++)); do
	for mode in "${MODES[@]}"; do
		one events "$mode"
		one requests "$mode"
	done
	((round >= 0)) || rm "$TMP/events".* "$TMP/requests".* # the first one warms up
done
say "CPU time of an event and of a request, in us; medians of $ROUNDS rounds:"
for mode in "${MODES[@]}"; do
	say "$(printf 'measure %-7s event %7.3f   request %7.3f' "$mode" "$(median "$TMP/events.$mode")" "$(median "$TMP/requests.$mode")")"
done
bench meter_events_cpu events events
bench meter_tokens_cpu events tokens
bench meter_request_cpu requests tokens
