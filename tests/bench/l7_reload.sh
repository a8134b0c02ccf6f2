#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A hundred reloads, each of a changed file, under 1000 open WebSockets and 100 running event streams: how many of the 1100 were
# cut (a WebSocket that echoes no more, a stream that ended or lost an event), and the proxy's memory (PSS of all its
# processes): with the connections before and after the reloads, and when they are closed. lb7d reloads on SIGHUP,
# nginx on SIGHUP to its master, haproxy on SIGUSR2 to its master (-W).
#
#   bench reload_cut ours=N yardstick=N ratio=R       connections cut in lb7d, in the better of the two; 0 is what it must be
#   bench reload_growth ours=G yardstick=G ratio=R    memory after the reloads, in hundredths of that before
#
# The peers keep the process that serves old connections and start another, so they hold two.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

RELOADS=${BENCH_RELOADS:-100}
SOCKETS=1000
STREAMS=100
GAP_US=100000
BETWEEN_S=0.1 # from one reload to the next
SETTLE_S=1    # before memory is measured

reload() {
	"configure_$1" "$2"
	case $1 in
	haproxy) kill -USR2 "${PID[$1]}" ;;
	*) kill -HUP "${PID[$1]}" ;;
	esac
	sleep $BETWEEN_S
}

# streams_begin PORT: starts the event streams; streams_end says how many of them were cut or lost an event.
streams_begin() {
	mkfifo "$TMP/events.in"
	on_load_cpu "$LOAD" events "$1" /events $STREAMS 0 $GAP_US <"$TMP/events.in" >"$TMP/events.out" 2>"$TMP/events.log" &
	events=$!
	helpers+=("$events")
	exec {events_in}>"$TMP/events.in"
	wait_for "$STREAMS event streams" grep -qx "open $STREAMS" "$TMP/events.out"
}

streams_end() {
	echo quit >&"$events_in"
	exec {events_in}>&-
	wait "$events" || fail "event streams were silent: $(cat "$TMP/events.out")"
	drop_helper "$events"
	rm "$TMP/events.in"
	n_bad=$(sed -n "s/^streams=$STREAMS cut=\([0-9]*\) lost=\([0-9]*\) .*/\1 + \2/p" "$TMP/events.out")
	n_bad=$((n_bad)) # the sum
}

# one PROXY
one() {
	local i before after n_bad n_alive
	pss_kb "$1" >"$TMP/kb_start.$1"
	hold "${CLEAR[$1]}" $SOCKETS
	streams_begin "${CLEAR[$1]}"
	sleep $SETTLE_S
	before=$(pss_kb "$1")
	for ((i = 1; i <= RELOADS; i++)); do
		reload "$1" "$i"
	done
	sleep $SETTLE_S
	after=$(pss_kb "$1")
	n_alive=$(hold_check)
	hold_release
	streams_end
	wait_for "$1: the last file" answers "http://127.0.0.1:${CLEAR[$1]}/extra/$RELOADS"
	sleep $SETTLE_S
	pss_kb "$1" >"$TMP/kb_end.$1"
	echo "$before" >"$TMP/kb_before.$1"
	echo "$after" >"$TMP/kb_after.$1"
	echo $((SOCKETS - ${n_alive:-0} + n_bad)) >"$TMP/cut.$1"
	echo $((100 * after / before)) >"$TMP/growth.$1"
}

l7_begin
HAPROXY_MODE=-W
l7_start
for proxy in "${PROXIES[@]}"; do
	one "$proxy"
done
say "$RELOADS reloads under $SOCKETS WebSockets and $STREAMS event streams: connections cut, memory in KB:"
printf '# %-10s %8s %10s %15s %14s %10s\n' '' cut 'at first' 'before reloads' 'after reloads' closed
for proxy in "${PROXIES[@]}"; do
	printf '# %-10s %8d %10d %15d %14d %10d\n' "$proxy" "$(cat "$TMP/cut.$proxy")" "$(cat "$TMP/kb_start.$proxy")" \
		"$(cat "$TMP/kb_before.$proxy")" "$(cat "$TMP/kb_after.$proxy")" "$(cat "$TMP/kb_end.$proxy")"
done
l7_bench reload_cut cut
l7_bench reload_growth growth
