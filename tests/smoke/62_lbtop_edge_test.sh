#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lbtop beside a live edge: what it shows is what clients did and what the daemons say; it tells a backend that is drained
# from one that is dead, and a daemon that was killed from one that runs.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
EDGE=lb47top
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
# shellcheck source=tests/smoke/tmux.sh
. tests/smoke/tmux.sh

[ "$(id -u)" -eq 0 ] || skip "needs root for network namespaces"
export LC_ALL=C.UTF-8 LB47_STATS=/sys/fs/bpf/$EDGE
trap 'tmux_close; edge_down; rm -rf "$TMP"' EXIT

edge_up
ip -n "$EDGE-lb" addr add 203.0.113.30/32 dev lo
for n in 1 2 3; do
	ip netns exec "$EDGE-b$n" tests/smoke/l7/events.py 8000 "b$n" 2>/dev/null &
	disown
done
edge_conf "$TMP/plain.json"
jq '
	def pool($name; $port): {name: $name, balance: "round_robin", health: {type: "tcp", interval_ms: 100, timeout_ms: 80},
		backends: [range(1; 4) | {name: "b\(.)", address: "10.0.0.1\(.)", port: $port}]};
	.workers = 1 | .services += [{name: "http", address: "203.0.113.30", port: 80, protocol: "tcp", l7: "http"}]
	| .l7 = [{name: "http", routes: [{path: "/events", match: "exact", pool: "events"}, {path: "/", pool: "web"}]}]
	| .pools += [pool("web"; 80), pool("events"; 8000)]' "$TMP/plain.json" >"$TMP/edge.json"
edge_start "$TMP/edge.json"

all_healthy() { [ "$(ctl -o json backends | jq '[.backends[] | select(.health == "healthy")] | length')" = 6 ]; }
wait_until 10 all_healthy || fail "backends are not healthy: $(ctl backends)"

# value FILTER: of a sample.
value() { "$BIN/lbtop" --json -n 1 | jq "$1"; }
service='.l7_services[] | select(.name == "http") | .counters'

# --- what clients did ---
in_ns client curl -sf --max-time 10 -H 'Connection: close' 'http://203.0.113.10/?[1-20]' >/dev/null || fail "dsr4 does not answer"
in_ns client curl -sf --max-time 10 'http://203.0.113.30/?[1-30]' >/dev/null || fail "http does not answer"
[ "$(in_ns client curl -sN --max-time 10 'http://203.0.113.30/events?25' | grep -c '^data')" = 25 ] || fail "no events"
counted() {
	value "[.services[] | select(.name == \"dsr4\") | .counters.new_flows] + [$service | .requests, .streams_sse, .events, .responses_2xx] == [20, 31, 1, 25, 31]"
}
is_counted() { [ "$(counted)" = true ]; }
wait_until 5 is_counted || fail "not what clients did: $(value "$service")"

# --- what the daemons say ---
agree() {
	[ "$("$BIN/lbtop" --json -n 1 | jq -c '[([.lanes[].counters.rx_packets] | add), ([.lanes[].reasons | .[]] | add)]')" = \
		"$(ctl -o json counters | jq -c '[.received, .received]')" ]
}
wait_until 5 agree || fail "lbtop and lbctl differ: $(ctl counters)"

# --- pages ---
ip netns exec "$EDGE-client" curl -sN --max-time 60 'http://203.0.113.30/events?2000' >/dev/null & # no function: this is to be killed
stream=$!
steady_start --connections 4
tmux_open 100x30 "$BIN/lbtop" -i 0.3
sees "^packets in/s .*█"
sees '^streams +1 '
sees "lbtop $EDGE  lb4d up .*  lb7d up "
keys 2
sees '^http +203\.0\.113\.30:80 +tcp +local +[1-9]'
sees '^nat4 .* nat +[1-9]'
keys 3
sees '^events +b1 .* up +healthy'
keys 4
sees '^http +1 +0 +0 .* [1-5][0-9] +[2-9][0-9]\.[0-9]ms +[2-9][0-9]'
keys 5
sees '^ +0 +[0-9]+\.[0-9] +[0-9.]+k? +[0-9]'
keys 6
sees '^ +0 +[1-9]'
ctl backends drain web/b1 >/dev/null
keys 3 / w e b Enter
sees '^web +b1 .* drain +healthy'
steady_end || fail "living connections: $STEADY"
kill -TERM "$(cat "$TMP/b3/pid")"
sees '^web +b3 .* up +unhealthy'
sees '^web +b2 .* up +healthy'

# --- lb4d is killed: its counters stay, lb7d's go on ---
keys Escape 4
kill -KILL "$LB4D_PID"
sees 'lb4d \(pid [0-9]+\) is dead  lb7d up'
sees '^http +1 +0 +0 .* [1-5][0-9] '
edge_start "$TMP/edge.json"
sees 'lb4d up [0-9]+s  lb7d up'
kill "$stream" 2>/dev/null || true # or lb7d would wait for its end
keys q
tmux_ends 0
edge_stop
