#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lb4d and lb7d as a pair. lb7d killed: L4 loses nothing, and it is back within a second. lb4d killed: lb7d serves on,
# and the next lb4d adopts it. Health reaches the lanes, drains reach the workers, and what lb7d cannot
# serve is refused as a whole.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

L7=http://203.0.113.30:82 # a port that only root may bind, after lb4d has dropped most of root

edge_up
edge_conf "$TMP/plain.json"
jq '.services += [{name: "api", address: "203.0.113.30", port: 82, protocol: "tcp", l7: "api"}] |
	.l7 = [{name: "api", routes: [{path: "/", pool: "rest"}]}] |
	(.pools[] | select(.name == "v4")) += {health: {type: "http", interval_ms: 100, timeout_ms: 90, rise: 2, fall: 2}} |
	.pools += [.pools[0] + {name: "rest", balance: "round_robin"}] |
	.workers = 1' "$TMP/plain.json" >"$TMP/edge.json"
ip -n "$EDGE-lb" addr add 203.0.113.30/32 dev lo

l7() { ctl -o json l7 | jq -r "$1"; }
l7_runs() { [ "$(l7 .state)" = running ]; }
l7_answers() { [[ $(in_ns client curl -s -m 2 $L7/) == b[123] ]]; }
health_is() { [ "$(ctl -o json backends v4 | jq -r ".backends[] | select(.name == \"$1\") | .health")" = "$2" ]; }
all_healthy() { health_is b1 healthy && health_is b2 healthy && health_is b3 healthy; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
# l7_backends N: which backends N requests reach, in the order of their names.
l7_backends() {
	for _ in $(seq "$1"); do
		in_ns client curl -s -m 2 $L7/ || echo failed
	done | sort -u | xargs
}

edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"
wait_until 10 l7_runs || fail "lb7d does not run: $(ctl l7; cat "$TMP/lb4d.log")"
wait_until 10 all_healthy || fail "the backends are not found healthy: $(ctl backends)"
l7_answers || fail "no answer from the L7 service: $(ctl l7)"
knows_listener() { [[ $(ctl explain tcp 198.51.100.7:1 203.0.113.30:82) == *"lb7d runs, pid $(l7 .pid), and listens"* ]]; }
wait_until 3 knows_listener ||
	fail "explain does not know who answers: $(ctl explain tcp 198.51.100.7:1 203.0.113.30:82)"
caps=$((16#$(sed -n 's/^CapPrm:[[:space:]]*//p' "/proc/$(l7 .pid)/status")))
((caps == 1 << 10)) || fail "lb7d has other capabilities than CAP_NET_BIND_SERVICE: $caps"
grep -q 'lb7d counters home=bpf' "$TMP/lb4d.log" || fail "lb7d's counters are not in BPF maps: $(grep counters "$TMP/lb4d.log")"
l7_counted() { bpftool -j map dump pinned "/sys/fs/bpf/$EDGE/workers" | jq '[.[].formatted.value.requests] | add'; }

# lb7d is killed under L4 load.
steady_start
pid=$(l7 .pid)
counted=$(l7_counted)
at=$(milliseconds)
kill -KILL "$pid"
is_another() { l7_runs && [ "$(l7 .pid)" != "$pid" ]; }
wait_until 5 is_another || fail "lb7d is not back: $(ctl l7; cat "$TMP/lb4d.log")"
wait_until 5 l7_answers || fail "lb7d is back and does not answer"
took=$(($(milliseconds) - at))
echo "lb7d was away for $took ms"
[ "$(ctl -o json status | jq '.l7[0].restarts')" = 1 ] || fail "the restart was not counted: $(ctl status)"
grep -q 'lb7d down reason="killed by signal 9 (Killed)"' "$TMP/lb4d.log" || fail "the log does not say why"
((counted > 0 && $(l7_counted) > counted)) || fail "lb7d's counters did not outlive it: $counted, then $(l7_counted)"
steady_end || fail "L4 connections were hurt: $STEADY"
drops=$(ctl -o json counters | jq .dropped)
[ "$drops" = 0 ] || fail "$drops packets were lost: $(ctl counters)"
expect_identity

# Health: nginx in b1 goes away and comes back.
ip netns pids "$EDGE-b1" | xargs kill -KILL
wait_until 5 health_is b1 unhealthy || fail "b1 is not found unhealthy: $(ctl backends)"
[[ $(ctl -o json backends v4 | jq -r '.backends[0].reason') == connect* ]] || fail "no reason: $(ctl backends)"
lanes_avoid_b1() { [ "$(backends_of http://203.0.113.20 30 | jq 'has("b1")')" = false ]; }
lanes_avoid_b1 || fail "new flows still go to b1"
[ "$(l7_backends 9)" = "b2 b3" ] || fail "requests still go to b1"
_nginx b1
wait_until 5 health_is b1 healthy || fail "b1 is not found healthy again: $(ctl backends)"

# A drain by lbctl reaches both halves; so does its end.
ctl backends drain v4/b2 rest/b2 >/dev/null
[ "$(l7_backends 9)" = "b1 b3" ] || fail "requests still go to a draining backend"
[ "$(backends_of http://203.0.113.20 30 | jq 'has("b2")')" = false ] || fail "new flows go to a draining backend"
ctl backends up v4/b2 rest/b2 >/dev/null
[ "$(l7_backends 9)" = "b1 b2 b3" ] || fail "requests do not go to a backend that is up"
ctl save >/dev/null

# What only lb7d can find wrong is refused as a whole.
cp "$TMP/edge.json" "$TMP/good.json"
generation=$(ctl -o json status | jq .generation)
jq '.l7[0].tls = [{certificate: "no.pem", key: "no.key"}] | .pools[0].backends[0].weight = 7' "$TMP/good.json" >"$TMP/edge.json"
message=$(ctl reload 2>&1) && fail "a certificate that is not there was accepted"
[[ $message == *edge.json*no.pem* ]] || fail "the refusal does not name the certificate: $message"
[ "$(ctl -o json status | jq .generation)" = "$generation" ] || fail "a refused reload changed what is served"

# lb4d is killed while the file is broken; lb7d serves on, and the next lb4d adopts it.
pid=$(l7 .pid)
kill -KILL "$LB4D_PID"
wait "$LB4D_PID" 2>/dev/null || true
l7_answers || fail "lb7d does not serve without lb4d"
cp "$TMP/good.json" "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 l7_runs || fail "lb7d was not found again: $(ctl l7)"
[ "$(l7 .pid)" = "$pid" ] || fail "another lb7d was started: $(l7 .pid), not $pid"
grep -q "lb7d ready pid=$pid adopted=yes" "$TMP/lb4d.log" || fail "the log does not tell of the adoption"
wait_until 10 all_healthy || fail "health is not known again: $(ctl backends)"

# It can be started again while the file is broken: the running configuration is in memory.
echo '{' >"$TMP/edge.json"
kill -KILL "$pid"
wait_until 5 is_another || fail "no lb7d while the file is broken: $(ctl l7; cat "$TMP/lb4d.log")"
wait_until 5 l7_answers || fail "no answer while the file is broken"

pid=$(l7 .pid)
edge_stop
! kill -0 "$pid" 2>/dev/null || fail "lb7d outlived a clean stop"
