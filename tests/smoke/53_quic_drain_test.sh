#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A backend is drained during downloads: they go on there to their ends, even though their NAT rebinds meanwhile
# (quic_edge.sh); no new connection goes there.
. "$(dirname "$0")/_init.sh"
. tests/smoke/quic_edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

quic_up single
quic_conf "$TMP/edge.json" "dsr nat" single
quic_start "$TMP/edge.json"

set_b1() {
	ctl backends "$1" v4-single/b1 v6-single/b1 >/dev/null
}

opened_on_b1() {
	grep -c '^b1 open' "$TMP/quic/single-b1.log" || true
}

downloads() {
	local vip
	for vip in dsr4 nat4 dsr6 nat6; do
		quic_get "$vip-single" "$1"
	done
	quic_begun
}

drain() {
	local n=$(($1 * 4)) on_b1
	quic_forget
	set_b1 up
	downloads "$1"
	on_b1=$(opened_on_b1)
	set_b1 drain
	nat_rebind
	downloads "$1"
	quic_moved $n
	quic_finish
	nat_reset
	[ "$(opened_on_b1)" = "$on_b1" ] || fail "a draining backend got a new connection: $(quic_report)"
	[ "$(quic_events open)" = $((2 * n)) ] || fail "$(quic_events open) connections for $((2 * n)) downloads: $(quic_report)"
	n_drained=$((n_drained + on_b1))
}

n_drained=0
QUIC_AT_ONCE=$((QUIC_AT_ONCE * 2))
in_batches drain
[ $n_drained -gt 0 ] || fail "no download was on the backend that was drained: the test tests nothing"
expect_identity
edge_stop
