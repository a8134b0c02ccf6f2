#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lb4d that cannot start says what is wrong and where, and ends with status 1; wrong usage with 2.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
edge_conf "$TMP/edge.json"

# refuses STATUS WORDS ARGS...: lb4d ends with STATUS and says all WORDS (a glob).
refuses() {
	local rc=0 said
	said=$(timeout 20 nsenter --net="/run/netns/$EDGE-lb" "$BIN/lb4d" "${@:3}" 2>&1) || rc=$?
	[ "$rc" = "$1" ] || fail "lb4d ${*:3}: status $rc, not $1: $said"
	# shellcheck disable=SC2053 # a glob is meant
	[[ $said == $2 ]] || fail "lb4d ${*:3}: does not say $2: $said"
}

# variant FILTER: the configuration, changed by a jq filter.
variant() {
	jq "$1" "$TMP/edge.json" >"$TMP/variant.json"
}

refuses 2 '*-c CONF is missing*--help*'
refuses 2 '*--help*' --frobnicate
refuses 2 '*--log-level*loud*debug, info, warn, error*' -c "$TMP/edge.json" --log-level loud
refuses 1 '*nowhere.json*No such file*' -c "$TMP/nowhere.json"
variant '.ports[0].device = "eth9"'
refuses 1 '*ports?0?*no network interface ??eth9??*' -c "$TMP/variant.json"
variant '.ports[0].queues = 4'
refuses 1 '*ports?0?*queues: AF_XDP can have 1 of eth0, not 4*ethtool -L*' -c "$TMP/variant.json"
variant '.lanes = [399]'
refuses 1 '*lanes?0?*no CPU 399*' -c "$TMP/variant.json"
variant '.ports[0] |= {name, driver: "vdev", device: "net_frob0"}'
refuses 1 '*ports?0?*net_frob0*driver*' -c "$TMP/variant.json"
variant '.ports[0] |= {name, driver: "pcap", rx: "/nowhere.pcap"}'
refuses 1 '*ports?0?*rx: /nowhere.pcap: No such file*' -c "$TMP/variant.json"
echo "no capture" >"$TMP/bad.pcap"
variant ".ports[0] |= {name, driver: \"pcap\", rx: \"$TMP/bad.pcap\"}"
refuses 1 '*ports?0?*pcap*' -c "$TMP/variant.json"
variant '.ports[0] |= {name, driver: "pci", device: "0000:99:00.0"}'
refuses 1 '*ports?0?*0000:99:00.0*vfio-pci*' -c "$TMP/variant.json"
variant '.control = "/proc/lb4d.sock"'
refuses 1 '*/proc/lb4d.sock*' -c "$TMP/variant.json"

# Without a privilege: the device cannot be had, and the message says which privilege.
variant '.'
chmod 755 "$TMP"
chmod 644 "$TMP/variant.json"
install -d -m 777 "$TMP/free"
variant ".control = \"$TMP/free/lb4d.sock\""
rc=0
said=$(nsenter --net="/run/netns/$EDGE-lb" setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$BIN/lb4d" -c "$TMP/variant.json" 2>&1) || rc=$?
[ "$rc" = 1 ] || fail "lb4d without privileges ends with status $rc: $said"
[[ $said == *CAP_NET_ADMIN* ]] || fail "lb4d without privileges does not say what it needs: $said"

# Twice.
edge_start "$TMP/edge.json"
refuses 1 "*already running*pid $LB4D_PID*" -c "$TMP/edge.json"
ctl status >/dev/null || fail "the first daemon suffered from the second"
edge_stop
[ "$(grep -c stopping "$TMP/lb4d.log")" = 1 ] || fail "no word of the stop in the log"

# No hugepages wanted: it runs, and says so.
variant '.hugepages = false'
edge_start "$TMP/variant.json"
grep -q 'without hugepages' "$TMP/lb4d.log" || fail "no word about hugepages"
[ "$(backends_of http://203.0.113.20 30 | jq length)" -gt 1 ] || fail "no service without hugepages"
edge_stop

# Hugepages of one size are enough: nobody misses those of a size of which none are reserved.
edge_start "$TMP/edge.json"
for size in 2048 1048576; do
	[ "$(cat "/sys/kernel/mm/hugepages/hugepages-${size}kB/nr_hugepages" 2>/dev/null || echo 0)" = 0 ] || continue
	! grep "dpdk says.*No .*$size kB" "$TMP/lb4d.log" || fail "pages of $size kB are missed"
done
edge_stop

# Hugepages wanted, but too few are free: likewise. 32 queues want 64 MB and 0.25 MB for each byte of the MTU.
free_mb=0
for size in 2048 1048576; do
	n=$(cat "/sys/kernel/mm/hugepages/hugepages-${size}kB/free_hugepages" 2>/dev/null || echo 0)
	free_mb=$((free_mb + n * size / 1024))
done
mtu=$((free_mb * 4 > 1500 ? free_mb * 4 : 1500))
if [ "$mtu" -le 9000 ]; then # more are free than lb4d can want otherwise
	variant ".ports[0] = {name: \"wan\", driver: \"vdev\", device: \"net_null0\", punt: \"none\", queues: 32, mtu: $mtu}"
	: >"$TMP/lb4d.log"
	edge_start "$TMP/variant.json"
	grep -q "running without hugepages need_mb=[0-9]* free_mb=[0-9]* hint=" "$TMP/lb4d.log" ||
		fail "no word about too few hugepages: $(cat "$TMP/lb4d.log")"
	[ "$(ctl -o json status | jq .hugepages)" = false ] || fail "status does not know: $(ctl -o json status)"
	edge_stop
fi
