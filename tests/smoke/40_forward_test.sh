#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Real clients reach three real nginx through lb4d on AF_XDP: dsr and nat, IPv4 and IPv6; downloads are
# whole; pings to a service address are answered; closed ports stay the host's; the books balance.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
edge_conf "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

for url in "${VIPS[@]}"; do
	spread=$(backends_of "$url" 60)
	[ "$(jq length <<<"$spread")" = 3 ] || fail "$url: 60 connections reach only $spread"
	size=$(in_ns client curl -sg --max-time 20 "$url/big" | md5sum)
	[ "$size" = "$(md5sum <"$TMP/b1/big")" ] || fail "$url: the download is damaged"
done

in_ns client ping -c 3 -i 0.2 -W 2 203.0.113.10 >/dev/null || fail "ping of an IPv4 service is not answered"
in_ns client ping -c 3 -i 0.2 -W 2 2001:db8:10::20 >/dev/null || fail "ping of an IPv6 service is not answered"
[ "$(counter icmp_echo)" = 6 ] || fail "pings were not answered by the lane"
in_ns client ping -c 1 -W 2 198.51.100.1 >/dev/null || fail "the host's own address does not answer"

# All the packets of a known exchange: a dsr service sees the client's side only.
drops=$(ctl -o json counters | jq .dropped)
[ "$drops" = 0 ] || fail "$drops packets were dropped: $(ctl counters)"
expect_identity
edge_stop
