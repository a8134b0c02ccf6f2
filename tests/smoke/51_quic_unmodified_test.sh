#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Servers that know nothing of QUIC-LB: Debian's caddy (connection IDs of 4 octets) and gtlsserver (18 octets). In
# nat mode lb4d learns their connection IDs from their own long headers, so a connection whose client's NAT
# rebinds (a stateless NAT in the client's kernel, quic_edge.sh) stays with its server.
. "$(dirname "$0")/_init.sh"
. tests/smoke/quic_edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

KINDS=(caddy gtls)
quic_up "${KINDS[@]}"
quic_conf "$TMP/edge.json" nat "${KINDS[@]}"
quic_start "$TMP/edge.json"

# Neither server has a brake of its own: the backends' links are slow, so that downloads last.
QUIC_SIZE=3000000
for ((n = 1; n <= EDGE_BACKENDS; n++)); do
	yes "b$n" | head -c $QUIC_SIZE >"$TMP/b$n/www/size/$QUIC_SIZE" || true
done
brake() {
	local n
	for ((n = 1; n <= EDGE_BACKENDS; n++)); do
		tc -n "$EDGE-b$n" qdisc replace dev eth0 root tbf rate "$1" burst 64kb latency 50ms
	done
}

# Ten for each client.
sent_from_new_ports() {
	[ "$(nat_packets)" -ge "$1" ]
}

rebinding() {
	local kind vip seen
	brake 8mbit
	for kind in "${KINDS[@]}"; do
		for vip in nat4 nat6; do
			quic_get "$vip-$kind" "$1"
		done
	done
	quic_begun
	seen=$(quic_count quic_migrations)
	nat_rebind
	wait_until 5 sent_from_new_ports $((40 * $1)) || fail "only $(nat_packets) packets from new ports"
	brake 1gbit
	quic_finish
	nat_reset
	[ $(($(quic_count quic_migrations) - seen)) -ge $((4 * $1)) ] ||
		fail "not every client moved: $(ctl counters)"
}

in_batches rebinding
expect_identity
edge_stop
