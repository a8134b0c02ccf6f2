#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Rotation of the QUIC-LB configuration during downloads, in the order that the draft wants: first lb4d is reloaded
# with both configurations, then the servers issue connection IDs under the second one and have their clients
# retire the old ones, last lb4d forgets the first. Afterwards a NAT rebinds (quic_edge.sh), so that nothing but
# the new connection IDs can tell which server it is. Every download is whole and comes from one backend.
. "$(dirname "$0")/_init.sh"
. tests/smoke/quic_edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

quic_up rotate

# configure old|both|new: lb4d knows these configurations.
configure() {
	QUIC_ROTATE=$1 quic_conf "$TMP/edge.json" "dsr nat" rotate
	[ -z "$LB4D_PID" ] || ctl reload >/dev/null
}

# clients_use CONFIG N: N connections have begun to use a connection ID of this configuration.
clients_use() {
	[ "$(grep " use .* config=$1 " "$TMP"/quic/*.log | cut -d' ' -f1,3 | sort -u | wc -l)" -ge "$2" ]
}

old=3 new=4 # config ids

rotation() {
	local n=$(($1 * 4)) vip
	configure old
	[ -n "$LB4D_PID" ] || quic_start "$TMP/edge.json"
	quic_forget
	for vip in dsr4 nat4 dsr6 nat6; do
		quic_get "$vip-rotate" "$1"
	done
	quic_begun
	configure both
	kill -HUP "${QUIC_SERVERS[@]}"
	wait_until 8 clients_use $new $n || fail "not every client uses the new configuration: $(quic_report)"
	configure new
	nat_rebind
	quic_moved $n
	quic_finish
	nat_reset
	[ "$(quic_events open)" = $n ] || fail "$(quic_events open) connections for $n downloads: $(quic_report)"
	# For the next round: the servers' list is a circle.
	configure both
	kill -HUP "${QUIC_SERVERS[@]}"
}

QUIC_AT_ONCE=$((QUIC_AT_ONCE * 3))
in_batches rotation
expect_identity
edge_stop
