#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A port that the kernel cannot see (driver vdev here, pci with a NIC): the host lives on the punt interface.
# ARP, ND, ping and TCP to the host's own address pass through it both ways, neighbours are learned on it, and
# the services work beside.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
# The device loses its addresses and belongs to DPDK alone (af_packet stands for a NIC's driver).
ip -n "$EDGE-lb" addr flush dev eth0
in_ns lb sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
mac=$(ip -n "$EDGE-lb" -j link show eth0 | jq -r '.[0].address')
edge_conf "$TMP/edge.json"
jq --arg mac "$mac" '.ports[0] = {name: "wan", driver: "vdev", device: "net_af_packet0,iface=eth0", punt: "tap", mac: $mac}' \
	"$TMP/edge.json" >"$TMP/punt.json"
edge_start "$TMP/punt.json"

# What an operator's network configuration does once the interface appears.
for address in 198.51.100.1/24 10.0.0.1/24; do
	ip -n "$EDGE-lb" addr add $address dev wan
done
for address in 2001:db8:c::1/64 fd00:b::1/64; do
	ip -n "$EDGE-lb" addr add $address dev wan nodad
done
ip -n "$EDGE-lb" link set wan up
wait_until 10 all_resolved || fail "next hops are not resolved over the punt interface: $(ctl backends)"

in_ns client ping -c 2 -i 0.2 -W 2 198.51.100.1 >/dev/null || fail "the host does not answer a ping"
in_ns client ping -c 2 -i 0.2 -W 2 2001:db8:c::1 >/dev/null || fail "the host does not answer an IPv6 ping"
in_ns lb python3 -m http.server --bind 198.51.100.1 8080 --directory "$TMP/b1" >/dev/null 2>&1 &
wait_until 5 in_ns client curl -s -o /dev/null http://198.51.100.1:8080/big || fail "TCP to the host does not work"
for url in "${VIPS[@]}"; do
	[ "$(backends_of "$url" 40 | jq length)" = 3 ] || fail "$url does not work beside the punt interface"
done
[ "$(counter not_ip)" -gt 0 ] || fail "no ARP was punted"
[ "$(counter not_ours)" -gt 0 ] || fail "no packet to the host was punted"
expect_identity
edge_stop
ip -n "$EDGE-lb" link show wan >/dev/null 2>&1 && fail "the punt interface is still there"
exit 0
