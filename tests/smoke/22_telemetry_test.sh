#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the kernel counts for a whole edge: every packet that the XDP program steered to a service is one that its lanes
# have, every connection of an L7 service is one that a client made and every one to its backends one that lb7d made. It is
# all there after lb4d was killed, and begins anew in a folder that another version wrote.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

L7=http://203.0.113.30:82
STORE=/sys/fs/bpf/$EDGE

edge_up
edge_conf "$TMP/plain.json"
jq '.services += [{name: "api", address: "203.0.113.30", port: 82, protocol: "tcp", l7: "api"}] |
	.services += [{name: "udp4", address: "203.0.113.10", port: 80, protocol: "udp", forward: "dsr", pool: "v4"}] |
	.l7 = [{name: "api", routes: [{path: "/", pool: "rest"}]}] |
	.pools += [.pools[0] + {name: "rest", balance: "round_robin"}] | .workers = 1 | .admin = {address: "127.0.0.1", port: 9047}' "$TMP/plain.json" >"$TMP/edge.json"
ip -n "$EDGE-lb" addr add 203.0.113.30/32 dev lo

l7_runs() { [ "$(ctl -o json l7 | jq -r .state)" = running ]; }
start() {
	: >"$TMP/lb4d.log"
	edge_start "$1"
	wait_until 10 all_resolved || fail "next hops are not resolved"
	wait_until 10 l7_runs || fail "lb7d does not run: $(ctl l7; cat "$TMP/lb4d.log")"
}
# tcp SIDE COUNTER: what the kernel counted, over all of a side's names.
tcp() { ctl -o json counters -a | jq --arg s "$1" --arg c "$2" '[.tcp[] | select(.side == $s and .counter == $c) | .value] | add // 0'; }
tcp_is() { [ "$(tcp "$1" "$2")" = "$3" ]; }
steered() { ctl -o json counters -a | jq --arg s "$1" --arg c "$2" '.services_steered[] | select(.service == $s and .name == $c) | .value'; }
l7_counter() { "$BIN/lbctl" -s "$TMP/lb7d.sock" -o json counters -a | jq --arg n "$1" '.counters[] | select(.name == $n) | .value'; }
requests() {
	local n=$1
	shift
	for _ in $(seq "$n"); do
		in_ns client curl -s -m 5 "$@" >/dev/null || fail "no answer from $*"
	done
}
# Each service of the lanes: packets that were steered to it = packets that its lanes gave a verdict.
adds_up() {
	ctl -o json counters -a | jq -e '
		def sum($rows; $service; $names): [$rows[] | select(.service == $service and (.name | IN($names[]))) | .value] | add;
		. as $c | ["dsr4", "nat4", "dsr6", "nat6"] |
		all(.[]; sum($c.services_steered; .; ["packets", "icmp"]) == sum($c.services; .; ["packets"]) and
			sum($c.services_steered; .; ["packets"]) > 0)' >/dev/null
}

# --- all of it counted, twice ---
start "$TMP/edge.json"
grep -q 'tcp counted endpoints=4' "$TMP/lb4d.log" || fail "not one service and three backends: $(grep tcp "$TMP/lb4d.log")"
requests 6 "${VIPS[@]}"
requests 12 "$L7/"
wait_until 5 tcp_is service closed 12 || fail "connections of the L7 service: $(ctl counters)"
tcp_is service connections 12 || fail "twelve connections: $(ctl counters)"
connects=$(l7_counter upstream_connects)
tcp_is backend connections "$connects" || fail "$connects connections to backends: $(ctl counters)"
wait_until 5 adds_up || fail "steered and judged differ: $(ctl counters)"
expect_identity
# A request is a SYN, at least two more acknowledgements, the request and a FIN.
passed=$(steered api passed)
[ "$passed" -ge 60 ] || fail "only $passed packets to the L7 service"
[ "$(ctl -o json services | jq '.services[] | select(.name == "api") | .packets >= 60 and .new_flows == 12')" = true ] ||
	fail "services does not show them: $(ctl services)"
[ "$(steered api packets)" = 0 ] || fail "a lane got packets of the L7 service"
[ "$(ctl -o json counters | jq '[.tcp_histograms[] | select(.side == "service" and .values == 12)] | length')" = 4 ] ||
	fail "not four histograms with a value for each connection: $(ctl counters)"
# What the programs of all ports gave to a service: by lbctl, which asks the kernel, and by /metrics, from lb4d's copy of it.
given() { ctl -o json counters -a | jq '[.steered[] | select(.name == "service") | .packets] | add'; }
shown() { in_ns lb curl -s -m 5 http://127.0.0.1:9047/metrics | awk '/^lb_xdp_port_packets_total\{.*class="service"/ { n += $NF } END { print n + 0 }'; }
are_shown() { [ "$(given)" -gt 0 ] && [ "$(given)" = "$(shown)" ]; }
wait_until 5 are_shown || fail "ports gave $(given) packets to services, /metrics says $(shown)"
# What an operator wants of an L4 pool's backend is there, too, with no probe and no request that lb7d saw.
page_has() { in_ns lb curl -s -m 5 http://127.0.0.1:9047/metrics >"$TMP/metrics" && grep -qxF "$1" "$TMP/metrics"; }
wait_until 5 page_has 'lb_backend_usable{pool="v4",backend="b1"} 1' || fail "/metrics has no backend of an L4 pool"
ctl backends drain v4/b1 >/dev/null
wait_until 5 page_has 'lb_backend_state{pool="v4",backend="b1",state="drain"} 1' || fail "/metrics does not see a drain by lb4d"
page_has 'lb_backend_usable{pool="v4",backend="b1"} 0' || fail "a draining backend counts as usable"
page_has 'lb_pool_usable_backends{pool="v4"} 2' || fail "/metrics does not say that two are left: $(grep '^lb_pool' "$TMP/metrics")"
ctl backends up v4/b1 >/dev/null
wait_until 5 page_has 'lb_backend_usable{pool="v4",backend="b1"} 1' || fail "/metrics does not see its end"
bpftool -j map dump pinned "$STORE/tcp_services" 2>/dev/null | grep -q '"connections":12' || fail "bpftool: no named counters"

# --- lb4d stands still, and its queue fills: what is lost between the program and the lanes has a name ---
burst() {
	in_ns client python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for _ in range(8000):
		    s.sendto(b'burst', ('203.0.113.10', 80))
	END
}
# lost: packets of the burst's service that no lane had, and those that the port has missed.
lost() {
	ctl -o json counters -a | jq -c '[
		([.services_steered[] | select(.service == "udp4" and .name == "packets") | .value] | add) -
		([.services[] | select(.service == "udp4" and .name == "packets") | .value] | add),
		([.steered[] | select(.name == "missed") | .packets] | add)]'
}
is_told() { [ "$(lost | jq '.[0] > 0 and .[0] == .[1]')" = true ]; }
kill -STOP "$LB4D_PID"
burst
kill -CONT "$LB4D_PID"
wait_until 5 is_told || fail "lost and missed are $(lost)"
[ "$(steered udp4 packets)" = 8000 ] || fail "$(steered udp4 packets) of 8000 packets were steered"
expect_identity

# --- lb4d is killed: the XDP program counts on, its successor too; the TCP programs are gone with it ---
ids=$(cat "/proc/$LB4D_PID/fdinfo/"* 2>/dev/null | sed -n 's/^prog_id:[[:space:]]*//p' | sort -u)
[ "$(wc -w <<<"$ids")" -ge 5 ] || fail "lb4d holds no programs: $ids"
kill -KILL "$LB4D_PID"
wait "$LB4D_PID" 2>/dev/null || true
LB4D_PID=
are_gone() {
	local id
	for id in $ids; do
		! bpftool prog show id "$id" 2>/dev/null | grep -q 'tcp_.*lb47' || return 1
	done
}
wait_until 5 are_gone || fail "TCP programs are left behind: $(bpftool prog show | grep tcp_)"
in_ns client curl -s -m 1 -o /dev/null http://203.0.113.10/ || true # nobody takes it: no_socket
requests 1 "$L7/"                                                   # lb7d serves on
start "$TMP/edge.json"
[ "$(steered dsr4 no_socket)" -ge 1 ] || fail "what came while lb4d was away was not counted: $(ctl counters)"
[ "$(steered api passed)" -gt "$passed" ] || fail "nor what went to lb7d"
tcp_is service connections 12 || fail "the counters of TCP did not survive: $(ctl counters)"
requests 3 "$L7/"
wait_until 5 tcp_is service connections 15 || fail "nobody counts any more: $(ctl counters)"
edge_stop

# --- switched off: all else works ---
jq '.telemetry = {tcp: false, steer: false}' "$TMP/edge.json" >"$TMP/off.json"
start "$TMP/off.json"
grep -q 'tcp not counted reason="telemetry.tcp is false"' "$TMP/lb4d.log" || fail "tcp: $(cat "$TMP/lb4d.log")"
grep -q 'steered services not counted reason="telemetry.steer is false"' "$TMP/lb4d.log" || fail "steer: $(cat "$TMP/lb4d.log")"
before=$(steered dsr4 packets)
requests 2 "${VIPS[@]}" "$L7/"
tcp_is service connections 15 || fail "counted although it is switched off: $(ctl counters)"
[ "$(steered dsr4 packets)" = "$before" ] || fail "steered packets were counted although that is switched off"
[ "$(ctl -o json counters -a | jq '[.steered[] | select(.name == "service") | .packets] | add')" -gt 0 ] || fail "ports are not counted"
edge_stop

# --- maps of another version: new ones, with programs that fit them ---
"${BIN%/bin}/tests/smoke/stats_run" "$STORE" age
start "$TMP/edge.json"
requests 2 "${VIPS[@]}" "$L7/"
wait_until 5 tcp_is service connections 2 || fail "new maps do not begin at zero: $(ctl counters)"
wait_until 5 adds_up || fail "steered and judged differ: $(ctl counters)"
edge_stop
