#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Signals while lb4d starts: SIGTERM and SIGINT end it cleanly, without an XDP program left behind, SIGHUP is a reload
# once it runs. And the device it is given keeps the MTU that the operator chose.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
export EDGE_BACKENDS=1
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
edge_conf "$TMP/edge.json"

# begins: main() has begun. Before, the dynamic linker works, and nothing is open yet.
begins() {
	find "/proc/$LB4D_PID/fd" -lname '*eventpoll*' 2>/dev/null | grep -q .
}

# start_and_signal SIGNAL SECONDS: lb4d gets SIGNAL that long after main() began.
start_and_signal() {
	: >"$TMP/lb4d.log"
	nsenter --net="/run/netns/$EDGE-lb" "$BIN/lb4d" -c "$TMP/edge.json" 2>"$TMP/lb4d.log" &
	LB4D_PID=$!
	until begins || ! kill -0 "$LB4D_PID" 2>/dev/null; do
		sleep 0.002
	done
	sleep "$2"
	kill "-$1" "$LB4D_PID" || fail "SIG$1 after $2 s: lb4d is gone already"
}

for delay in 0.005 0.02 0.1 0.3; do
	for signal in TERM INT; do
		rc=0
		start_and_signal "$signal" "$delay"
		wait "$LB4D_PID" || rc=$?
		[ "$rc" = 0 ] || fail "SIG$signal after $delay s: status $rc: $(cat "$TMP/lb4d.log")"
		grep -q ' stopped' "$TMP/lb4d.log" || fail "SIG$signal after $delay s: no word of the stop"
		! ip -n "$EDGE-lb" link show eth0 | grep -q xdp || fail "SIG$signal after $delay s: the XDP program is still there"
	done
	start_and_signal HUP "$delay"
	wait_until 15 grep -q ' reloaded ' "$TMP/lb4d.log" || fail "SIGHUP after $delay s: no reload: $(cat "$TMP/lb4d.log")"
	edge_stop
done

ip -n "$EDGE-lb" link set eth0 mtu 1400
: >"$TMP/lb4d.log"
edge_start "$TMP/edge.json"
[ "$(ip -n "$EDGE-lb" -j link show eth0 | jq '.[0].mtu')" = 1400 ] || fail "lb4d changed the MTU of eth0"
grep -q 'mtu=1500 interface=eth0 interface_mtu=1400' "$TMP/lb4d.log" || fail "no word about the smaller MTU: $(cat "$TMP/lb4d.log")"
edge_stop
[ "$(ip -n "$EDGE-lb" -j link show eth0 | jq '.[0].mtu')" = 1400 ] || fail "lb4d changed the MTU of eth0 at its end"
