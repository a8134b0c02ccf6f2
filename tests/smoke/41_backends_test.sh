#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Backends come and go under load, and no living connection notices: drain, remove, add, weight, up.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
edge_conf "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

# expect_absent NAME: 40 new connections to each service avoid the backend.
expect_absent() {
	local url spread
	for url in "${VIPS[@]}"; do
		spread=$(backends_of "$url" 40)
		[ "$(jq "has(\"$1\")" <<<"$spread")" = false ] || fail "$url: $1 gets new connections: $spread"
	done
}

steady_start
for pool in v4 v6; do
	ctl backends drain $pool b1 >/dev/null
done
expect_absent b1
[ "$(ctl -o json backends v4 | jq '.backends[] | select(.name == "b1") | .flows')" -gt 0 ] ||
	fail "the draining backend lost its flows"

for pool in v4 v6; do
	ctl backends remove $pool b2 >/dev/null
done
expect_absent b2

ctl backends weight v4 b3 10 >/dev/null
ctl backends up v4 b1 >/dev/null
ctl backends add v4 b2 10.0.0.12:80 --weight 100 >/dev/null
ctl backends add v6 b2 '[fd00:b::12]:80' --weight 100 >/dev/null
ctl backends up v6 b1 >/dev/null
wait_until 10 all_resolved || fail "next hops are not resolved again"

spread=$(backends_of http://203.0.113.10 200)
b3=$(jq '.b3 // 0' <<<"$spread")
[ "$b3" -lt 30 ] || fail "weight 10 beside 100 and 100 gets $b3 of 200 connections"
[ "$(jq '.b1 + .b2' <<<"$spread")" -ge 170 ] || fail "after up and add: $spread"

steady_end || fail "living connections were hurt: $STEADY"
expect_identity

# down is the hard way: it ends what runs there, and only there.
ctl backends down v4 b1 >/dev/null
expect_b1_gone() { [ "$(ctl -o json explain tcp 198.51.100.7:1 203.0.113.10:80 | jq -r .backend)" != b1 ]; }
expect_b1_gone || fail "a down backend is chosen"

# Only what was saved survives a reload.
ctl reload >/dev/null
[ "$(ctl -o json backends v4 | jq -r '.backends[] | select(.name == "b3") | .weight')" = 100 ] ||
	fail "an unsaved change survived a reload"
ctl backends weight v4 b3 7 >/dev/null
ctl save >/dev/null
ctl reload >/dev/null
[ "$(ctl -o json backends v4 | jq -r '.backends[] | select(.name == "b3") | .weight')" = 7 ] ||
	fail "a saved change did not survive a reload"
edge_stop
