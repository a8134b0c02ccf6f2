#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Packets that no device takes are dropped for the reason that says so, and the books still balance: punt_none,
# punt_full, tx_full, handover_full, each from a real lb4d.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
EDGE_BACKENDS=0
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

# capture NAME: makes NAME.pcap of packets as text.
capture() {
	cat >"$TMP/$1.txt"
	scripts/pkttext.py compile "$TMP/$1.txt" "$TMP/$1.pcap"
}

# conf DEVICE QUEUES LANES [PUNT]: $TMP/drops.json with a dsr and a nat service on DPDK's device DEVICE.
conf() {
	cat >"$TMP/drops.json" <<-END
		{
		  "control": "$TMP/lb4d.sock", "stats": "/sys/fs/bpf/$EDGE", "flows": 4096, "lanes": $3,
		  "ports": [{ "name": "wan", "driver": "vdev", "device": "$1", "queues": $2, "punt": "${4:-none}" }],
		  "snat": { "addresses": ["10.0.9.1"], "port_first": 2000, "port_last": 2999 },
		  "services": [
		    { "name": "dsr", "address": "203.0.113.10", "port": 80, "protocol": "tcp", "forward": "dsr", "pool": "web" },
		    { "name": "nat", "address": "203.0.113.20", "port": 80, "protocol": "tcp", "forward": "nat", "pool": "web" }
		  ],
		  "pools": [{ "name": "web", "backends": [
		    { "name": "b1", "address": "10.0.0.11", "port": 80, "mac": "02:00:00:00:00:0b" } ] }]
		}
	END
}

# is_dropped REASON: for wait_until.
is_dropped() {
	[ "$(counter "$1")" -gt 0 ]
}

edge_up

# punt_none: ARP on a port without a punt interface. tx_full: a device that refuses frames, here since they are longer
# than its MTU.
capture in <<-END
	eth ff:ff:ff:ff:ff:ff > 02:00:00:00:00:01 type=0x0806 / raw 0001080006040001020000000001c6336407000000000000c6336401
	eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 40000 > 80 A / payload len=200 / repeat 3 sport+1
END
ip -n "$EDGE-lb" link add short type veth peer name other
ip -n "$EDGE-lb" link set other up
ip -n "$EDGE-lb" link set short mtu 100 up
conf "net_pcap7,rx_pcap=$TMP/in.pcap,tx_iface=short" 1 '[0]'
edge_start "$TMP/drops.json"
wait_until 5 is_dropped punt_none || fail "no punt_none: $(ctl counters --all)"
wait_until 5 is_dropped tx_full || fail "no tx_full: $(ctl counters --all)"
[ "$(counter punt_none) $(counter tx_full)" = '1 3' ] || fail "not 1 punt_none and 3 tx_full: $(ctl counters --all)"
expect_identity
edge_stop

# punt_full: the host has taken its interface down.
ip -n "$EDGE-lb" addr flush dev eth0
conf "net_af_packet0,iface=eth0" 1 '[0]' tap
edge_start "$TMP/drops.json"
ip -n "$EDGE-lb" link set wan down
in_ns client ping -c 3 -i 0.2 -W 1 198.51.100.1 >/dev/null && fail "an interface that is down answers a ping"
wait_until 5 is_dropped punt_full || fail "no punt_full: $(ctl counters --all)"
expect_identity
edge_stop

# handover_full: lane 1 gets all that lane 0 receives, as fast as that can read a capture, beside its own.
[ "$(nproc)" -ge 2 ] || skip "handover_full: two lanes need two CPUs"
capture replies <<-END
	eth / ip4 10.0.0.11 > 10.0.9.1 / tcp 80 > 2001 A / repeat 32 dport+2
END
capture requests <<-END
	eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 40000 > 80 A
END
conf "net_pcap7,rx_pcap=$TMP/replies.pcap,rx_pcap=$TMP/requests.pcap,infinite_rx=1" 2 '[0, 1]'
edge_start "$TMP/drops.json"
wait_until 20 is_dropped handover_full || fail "no handover_full: $(ctl counters --all)"
edge_stop
