#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What counting in the kernel costs: each line has the cost with it and, as the yardstick, without it; medians of rounds in
# turn. XDP: nanoseconds a packet, each service counted or not (BPF_PROG_TEST_RUN). TCP: microseconds of CPU time of lb7d,
# the client and the origin together, as the programs run in whose turn it is; the programs attached or not.
#   tcp_connection   a connection and a request each; the connection to the origin is kept
#   tcp_connections  a connection and a request each, and a connection to the origin for each as well
#   tcp_keepalive    requests over connections that are kept
# On a machine that others use, too, the difference of two such figures is lost in what comes and goes. Hence once more, as
# NAME_programs: what the kernel says that the programs themselves took (kernel.bpf_stats_enabled; it counts its own two
# readings of the clock for each run of a program, and both ends of each connection are on this host), on top of
# the yardstick.
# BENCH_ROUNDS times (9), BENCH_SECONDS each (1).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

ROUNDS=${BENCH_ROUNDS:-9}
SECONDS_EACH=${BENCH_SECONDS:-1}
PEERS=()
RUN=${BIN%/bin}/tests/smoke
NS=bench-${TMP##*-}
STORE=$TMP/bpffs/store
CASES=(tcp_connection tcp_connections tcp_keepalive)
WATCHER=
STATS=

clean() {
	[ -z "$STATS" ] || sysctl -qw "kernel.bpf_stats_enabled=$STATS"
	ip netns del "$NS" 2>/dev/null || true
	umount "$TMP/bpffs" 2>/dev/null || true
	l7_clean
}

configure_lb7d() {
	jq -n --arg tmp "$TMP" --argjson clear "${CLEAR[lb7d]}" --argjson tls "${TLS[lb7d]}" --argjson origin "$ORIGIN_PORT" '
		def service($name; $port): {name: $name, address: "127.0.0.1", port: $port, protocol: "tcp", l7: $name};
		def pool($name): {name: $name, balance: "round_robin", backends: [{name: "origin", address: "127.0.0.1", port: $origin}]};
		{node: "bench", control_l7: "\($tmp)/lb7d.sock", stats: "\($tmp)/stats", workers: 1, telemetry: {tcp: false},
			services: [service("clear"; $clear), service("tls"; $tls)],
			l7: [{name: "clear", routes: [{path: "/once/", rewrite: "/", pool: "once"}, {path: "/", pool: "kept"}]},
				{name: "tls", tls: [{certificate: "cert.pem", key: "key.pem"}], routes: [{path: "/", pool: "kept"}]}],
			pools: [pool("kept"), pool("once") + {keepalive: 0}]}' >"$TMP/lb7d.json"
}

xdp() {
	[ -x "$RUN/steer_run" ] || { say "xdp: skipped: no $RUN/steer_run (make smoke builds it)"; return; }
	ip netns add "$NS"
	ip -n "$NS" link add s0 type veth peer name p0
	nsenter --net="/run/netns/$NS" taskset -c "$PROXY_CPU" "$RUN/steer_run" s0 bench "$TMP/bpffs/xdp"
}

watch() {
	"$RUN/tcp_run" "$STORE" watch 127.0.0.1 "${CLEAR[lb7d]}" 127.0.0.1 "$ORIGIN_PORT" >"$TMP/watch.log" 2>&1 &
	WATCHER=$!
	helpers+=("$WATCHER")
	wait_for "the TCP programs" grep -q ready "$TMP/watch.log"
}

unwatch() {
	kill "$WATCHER"
	wait "$WATCHER" 2>/dev/null || true
	drop_helper "$WATCHER"
}

# origin_ns: CPU time of the origin, which is the first helper.
origin_ns() { awk '{ ns += $1 } END { printf "%.0f\n", ns }' "/proc/${helpers[0]}/task/"*/schedstat; }

# drive CASE: requests; their CPU time in the client, in seconds, goes to $TMP/client.
drive() {
	local url="http://127.0.0.1:${CLEAR[lb7d]}/" args=(-H 'Connection: close') TIMEFORMAT='%3U %3S'
	case $1 in
	tcp_connections) url+=once/ ;;
	tcp_keepalive) args=() ;;
	esac
	{ time on_load_cpu timeout --preserve-status -s INT "$SECONDS_EACH" wrk -t 1 -c 16 -d 60 "${args[@]}" "$url" \
		>"$TMP/wrk.log" 2>&1; } 2>"$TMP/client"
	awk '/Non-2xx|Socket errors/ { bad = 1 } / requests in / { n = $1 } END { if (!bad && n) print n }' "$TMP/wrk.log"
}

# one CASE on|off: microseconds a request and requests a second, to $TMP/CASE.on and $TMP/CASE_rate.on, or off.
one() {
	local before requests from
	before=$(($(cpu_ns lb7d) + $(origin_ns)))
	from=$(date +%s%N)
	requests=$(drive "$1")
	[ -n "$requests" ] || fail "$1: $(cat "$TMP/wrk.log")"
	awk -v ns="$(($(cpu_ns lb7d) + $(origin_ns) - before))" -v wall="$(($(date +%s%N) - from))" -v n="$requests" -v out="$TMP/$1" -v is="$2" '
		{ us = (ns / 1e3 + ($1 + $2) * 1e6) / n
			print us >>(out "." is); print n * 1e9 / wall >>(out "_rate." is) }' "$TMP/client"
}

# programs_ns: what the programs took since they were attached.
programs_ns() { cat "/proc/$WATCHER/fdinfo/"* 2>/dev/null | awk '/^run_time_ns:/ { ns += $2 } END { printf "%.0f\n", ns }'; }

programs() {
	local case before requests
	watch
	STATS=$(sysctl -n kernel.bpf_stats_enabled)
	sysctl -qw kernel.bpf_stats_enabled=1
	for case in "${CASES[@]}"; do
		before=$(programs_ns)
		requests=$(drive "$case")
		awk -v name="$case" -v off="$(median "$TMP/$case.off")" -v ns=$(($(programs_ns) - before)) -v n="$requests" 'BEGIN {
			printf "bench %s_programs ours=%.2f yardstick=%.2f ratio=%.3f\n", name, off + ns / n / 1e3, off, 1 + ns / n / 1e3 / off }'
	done
	unwatch
}

report() {
	local case
	for case in "${CASES[@]}"; do
		say "$case: requests a second $(median "$TMP/${case}_rate.on") counted, $(median "$TMP/${case}_rate.off") not"
		awk -v name="$case" -v on="$(median "$TMP/$case.on")" -v off="$(median "$TMP/$case.off")" 'BEGIN {
			printf "bench %s ours=%.2f yardstick=%.2f ratio=%.3f\n", name, on, off, on / off }'
	done
}

tcp() {
	local round case is
	[ -x "$RUN/tcp_run" ] || { say "tcp: skipped: no $RUN/tcp_run (make smoke builds it)"; return; }
	l7_start
	for case in "${CASES[@]}"; do
		drive "$case" >/dev/null
	done
	for ((round = 0; round < ROUNDS; round++)); do
		for is in $( ((round % 2)) && echo on off || echo off on); do
			[ "$is" = off ] || watch
			for case in "${CASES[@]}"; do
				one "$case" "$is"
			done
			[ "$is" = off ] || unwatch
		done
	done
	report
	programs
	# Otherwise the programs were not there, and nothing was measured.
	"$RUN/tcp_run" "$STORE" show | grep -qE '^backend.connections=[1-9][0-9]{2}' || fail "nothing was counted"
}

[ "$(id -u)" -eq 0 ] || skip "needs root to load BPF programs"
PATH=$PATH:/usr/sbin
! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
l7_begin wrk jq ip
trap clean EXIT
mkdir "$TMP/bpffs"
mount -t bpf bpf "$TMP/bpffs" || skip "no bpffs"
xdp
tcp
