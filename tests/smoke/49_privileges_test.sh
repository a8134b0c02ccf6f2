#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Once everything is open, no thread of lb4d can do what root can, not even by executing something; what it has to do
# later still works: a configuration that belongs to somebody else is read and saved, neighbours are resolved,
# the XDP program is taken off.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
EDGE_BACKENDS=1
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up 1
edge_conf "$TMP/edge.json"
chown 65534:65534 "$TMP/edge.json"
chmod 600 "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 5 grep -q ' ready ' "$TMP/lb4d.log" || fail "not ready"
grep -qE 'privileges dropped threads=[0-9]+ kept=net_admin,net_raw,bpf,ipc_lock,' "$TMP/lb4d.log" || fail "no word about privileges: $(cat "$TMP/lb4d.log")"

# CAP_SYS_ADMIN 21, SYS_MODULE 16, SYS_RAWIO 17, SYS_PTRACE 19, SETUID 7, SETPCAP 8, MKNOD 27: gone in every thread.
for status in "/proc/$LB4D_PID/task/"*/status; do
	grep -q '^NoNewPrivs:[[:space:]]*1$' "$status" || fail "a thread may gain privileges by executing something"
	for set in CapPrm CapEff CapInh CapBnd; do
		caps=$((16#$(sed -n "s/^$set:[[:space:]]*//p" "$status")))
		for cap in 21 16 17 19 7 8 27; do
			((!(caps >> cap & 1))) || fail "$set of $(sed -n 's/^Name:[[:space:]]*//p' "$status") has capability $cap"
		done
	done
done

wait_until 10 all_resolved || fail "next hops are not resolved"
ip -n "$EDGE-lb" neigh flush all
wait_until 10 all_resolved || fail "next hops are not resolved again"
ctl reload >/dev/null || fail "no reload"
ctl backends weight v4 b1 7 >/dev/null || fail "no change"
ctl save >/dev/null || fail "no save"
[ "$(stat -c '%u %a' "$TMP/edge.json")" = '65534 600' ] || fail "save changed owner or mode"
ctl -o json counters | jq -e '.steered | length > 0' >/dev/null || fail "the XDP program's counters cannot be read"
[ "$(backends_of http://203.0.113.10 20)" = '{"b1":20}' ] || fail "no service"
edge_stop
! ip -n "$EDGE-lb" link show eth0 | grep -q xdp || fail "the XDP program is still on the interface"

# Without any privilege there is nothing to drop.
tests/bench/captures.py 1 "$TMP/in.pcap"
chmod 755 "$TMP"
install -d -o 65534 "$TMP/free"
jq --arg dir "$TMP" '.ports[0] = {name: "p", driver: "pcap", rx: ($dir + "/in.pcap")} | .control = $dir + "/free/lb4d.sock" |
	.stats = $dir + "/free/stats" | .hugepages = false' "$TMP/edge.json" >"$TMP/pcap.json"
setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/lb4d" -c "$TMP/pcap.json" --once 2>"$TMP/free.log" ||
	fail "lb4d does not run unprivileged: $(cat "$TMP/free.log")"
! grep -q privileges "$TMP/free.log" || fail "privileges dropped where there were none"
rm -rf "/dev/shm/lb47${TMP//\//-}-free-stats"
