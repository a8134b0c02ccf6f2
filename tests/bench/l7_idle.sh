#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What an open WebSocket costs while nobody says anything: the memory of the proxy (PSS of all its processes) with BENCH_SOCKETS
# (4000) of them less that before, for each; in clear and over TLS, lb7d beside nginx and haproxy, by default buffers. Each
# WebSocket has been opened through the proxy, and has echoed a text before and after it was idle.
#
#   bench websocket_idle_bytes ours=B yardstick=B ratio=R    bytes a connection in lb7d, in the better of the two, ours/yardstick
#
# It is the programs' memory. The kernel's for the two sockets of a connection is the same for all and is not in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

SOCKETS=${BENCH_SOCKETS:-4000}
IDLE_S=2 # what is given back after a moment is not counted as held

check() {
	[ "$(hold_check)" = "$1" ] || fail "not all of $1 WebSockets live"
}

# one CASE PROXY PORT [tls]
one() {
	local before
	hold "$3" 8 "${@:4}" # what is built at the first connection is not memory of each
	check 8
	hold_release
	sleep 0.2
	before=$(pss_kb "$2")
	hold "$3" "$SOCKETS" "${@:4}"
	check "$SOCKETS"
	sleep $IDLE_S
	echo $((($(pss_kb "$2") - before) * 1024 / SOCKETS)) >>"$TMP/$1.$2"
	check "$SOCKETS"
	hold_release
}

# row TITLE CASE
row() {
	local proxy
	printf '# %-12s' "$1"
	for proxy in "${PROXIES[@]}"; do
		printf '%12s' "$(median "$TMP/$2.$proxy")"
	done
	echo
}

l7_begin
(($(ulimit -n) > 2 * SOCKETS + 500)) || ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) > 2 * SOCKETS + 500)) || skip "$SOCKETS WebSockets want $((2 * SOCKETS + 500)) files; ulimit -n says $(ulimit -n)"
l7_start
for proxy in "${PROXIES[@]}"; do
	one websocket_idle "$proxy" "${CLEAR[$proxy]}"
	restart_one "$proxy"
	one websocket_idle_tls "$proxy" "${TLS[$proxy]}" tls
done
say "memory of an idle WebSocket in bytes, $SOCKETS open:"
{ printf '# %-12s' ''; printf '%12s' "${PROXIES[@]}"; echo; }
row clear websocket_idle
row TLS websocket_idle_tls
l7_bench websocket_idle_bytes websocket_idle
l7_bench websocket_idle_tls_bytes websocket_idle_tls
