#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Real QUIC connections whose client moves in the middle of a download: a NAT rebinds its port (a stateless NAT in
# the client's kernel, quic_edge.sh), or it migrates to another address (gtlsclient --change-local-addr, with the
# kernel's source address changed before). dsr and nat, v4 and v6; connection IDs in clear, encrypted in a single
# pass and in four. Every download is whole and comes from one backend.
. "$(dirname "$0")/_init.sh"
. tests/smoke/quic_edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

KINDS=(plain single four)
quic_up "${KINDS[@]}"
quic_conf "$TMP/edge.json" "dsr nat" "${KINDS[@]}"
quic_start "$TMP/edge.json"

# everywhere N [OPTION...]: N downloads from each service.
everywhere() {
	local kind vip
	quic_forget
	for kind in "${KINDS[@]}"; do
		for vip in dsr4 nat4 dsr6 nat6; do
			quic_get "$vip-$kind" "$@"
		done
	done
	quic_begun
}

# finish N: all N of them move, are whole, and nobody met a server that did not know the connection.
finish() {
	local n=$1
	quic_moved "$n"
	quic_finish
	[ "$(quic_events open)" = "$n" ] || fail "$(quic_events open) connections for $n downloads: $(quic_report)"
}

rebinding() {
	everywhere "$1"
	nat_rebind
	finish $(($1 * 12))
	nat_reset
}

migration() {
	everywhere "$1" --change-local-addr=3s
	client_address 8
	finish $(($1 * 12))
	client_address 7
	# Behind nat a server sees our address; one half is dsr.
	moved=$(cat "$TMP"/quic/*.log | grep -c ' path .*\(198.51.100.8\|2001:db8:c::8\)' || true)
	[ "$moved" -ge $(($1 * 3)) ] || fail "only $moved clients moved to another address: $(quic_report)"
}

in_batches rebinding
in_batches migration
[ "$(quic_count quic_cid)" != 0 ] || fail "nothing was routed by connection ID"
expect_identity
edge_stop
