#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lb4d is killed (SIGKILL) under load and started again two seconds later. What is lost: the packets of those
# seconds, which TCP sends again; connections: none. dsr flows find the same backend by Maglev, nat flows
# get the snat port that they had, since it comes from a fixed hash of the flow. Counters go on.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
edge_conf "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

steady_start
before=$(counter rx_packets)
kill -KILL "$LB4D_PID"
wait "$LB4D_PID" 2>/dev/null || true
sleep 2 # the outage is the test
edge_start "$TMP/edge.json"
after=$(counter rx_packets)
[ "$after" -ge "$before" ] || fail "counters were lost: $before before, $after after"
sleep 3 # longer than the retransmission that was pending, so that every connection speaks again
steady_end || fail "connections did not survive: $STEADY"
slowest=$(jq .slowest_ms <<<"$STEADY")
[ "$slowest" -gt 1000 ] || fail "nobody noticed the outage: the test tests nothing"

# A clean stop leaves nothing behind; a socket of a killed daemon is no obstacle (above).
edge_stop
[ ! -e "$TMP/lb4d.sock" ] || fail "the socket is still there"
in_ns lb ip -d link show eth0 | grep -q xdp && fail "the XDP program is still there"
exit 0
