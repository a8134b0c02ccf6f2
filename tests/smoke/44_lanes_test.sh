#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Two lanes on two queues of one device. (af_packet with two sockets in a fanout group stands for a NIC with
# RSS: DPDK's af_xdp counts "combined" channels, and a veth has none.) Each flow's answers may come in on the other lane's queue: they are handed to the
# lane that owns the flow, so nat works without any help of the NIC.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT
[ "$(nproc)" -ge 2 ] || skip "two lanes need two CPUs"

edge_up
mac_of() { ip -n "$EDGE-$1" -j link show eth0 | jq -r '.[0].address'; }
EDGE_QUEUES=2 EDGE_LANES='[0, 1]' edge_conf "$TMP/af_xdp.json"
jq --arg b1 "$(mac_of b1)" --arg b2 "$(mac_of b2)" --arg b3 "$(mac_of b3)" '
	.ports[0] |= {name, driver: "vdev", device: "net_af_packet0,iface=eth0,qpairs=2", queues: 2} |
	.pools[].backends |= map(.mac = {$b1, $b2, $b3}[.name])' "$TMP/af_xdp.json" >"$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

steady_start --connections 40
ctl backends drain v4 b2 >/dev/null
ctl reload >/dev/null
steady_end || fail "connections were hurt: $STEADY"
for lane in 0 1; do
	packets=$(ctl -o json status | jq ".lanes[$lane].packets")
	[ "$packets" -gt 100 ] || fail "lane $lane saw only $packets packets"
done
[ "$(counter handover_in)" -gt 0 ] || fail "no answer came in on the other lane: the test tests nothing"
[ "$(counter handover_in)" = "$(counter handover_out)" ] || fail "packets were lost between lanes"
# The kernel sees the device too and answers ARP on it; there is no punt interface for the copies.
drops=$(($(ctl -o json counters | jq .dropped) - $(counter punt_none)))
[ "$drops" = 0 ] || fail "$drops packets were dropped: $(ctl counters)"
expect_identity
edge_stop
