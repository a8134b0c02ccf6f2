#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A switch that does not know an address floods: what is addressed to another host's MAC is not the lanes', even
# if a service's packet is in it (a dsr node would forward its own packets again and again). A change of our
# own MAC is followed.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
EDGE_BACKENDS=1
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up 1
edge_conf "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

# syns MAC: five segments to the dsr service, in frames to that MAC.
syns() {
	in_ns client python3 - "$1" <<-'END'
		import socket, sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, 'scripts')
		from pkttext import compile_text
		text = f'eth 02:00:00:00:00:77 > {sys.argv[1]} / ip4 198.51.100.9 > 203.0.113.10 / tcp 40000 > 80 S / repeat 5 sport+1'
		link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		link.bind(('eth0', 0))
		for _, frame in compile_text(text, 'syns'):
		    link.send(frame)
	END
}

steered() { ctl -o json counters --all | jq --arg n "$1" '.steered[] | select(.port == "wan" and .name == $n) | .packets'; }
steered_is() { [ "$(steered "$1")" = "$2" ]; }
passed_at_least() { [ "$(steered passed)" -ge "$1" ]; }

mac=$(ip -n "$EDGE-lb" -j link show eth0 | jq -r '.[0].address')
service=$(steered service)
passed=$(steered passed)
syns 02:00:00:00:ff:fe
wait_until 5 passed_at_least $((passed + 5)) || fail "the flooded frames did not come: $(ctl counters)"
steered_is service "$service" || fail "a lane got frames that were flooded: $(ctl counters)"
syns "$mac"
wait_until 5 steered_is service $((service + 5)) || fail "a lane did not get its own frames: $(ctl counters)"

ip -n "$EDGE-lb" link set eth0 address 02:00:00:00:ff:fe
follows() { [ "$(ctl -o json status | jq -r '.ports[0].mac')" = 02:00:00:00:ff:fe ]; }
wait_until 5 follows || fail "the new MAC is not followed"
syns 02:00:00:00:ff:fe
wait_until 5 steered_is service $((service + 10)) || fail "a lane did not get the frames to the new MAC: $(ctl counters)"
syns "$mac"
wait_until 5 passed_at_least $((passed + 10)) || fail "the frames to the old MAC did not come"
steered_is service $((service + 10)) || fail "a lane got frames to the old MAC"
expect_identity
edge_stop
