#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the control plane knows of the way to each backend, against a real kernel: namespaces "here" and
# "there", a veth pair between them, l4/ctrl/neighbor.c alone (neighbor_run).
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"

[ "$(id -u)" -eq 0 ] || skip "needs root for network namespaces"

here=lb47nb-here-$$
there=lb47nb-there-$$
run=${BIN%/bin}/tests/smoke/neighbor_run
table=$TMP/table
log=$TMP/log
mac1=02:00:00:00:47:01
mac2=02:00:00:00:47:02
pid=

here() { ip -n "$here" "$@"; }
there() { ip -n "$there" "$@"; }

stop() {
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || true
	wait "$pid" || fail "neighbor_run ended with $?: $(tail -5 "$log")"
	pid=
}

clean() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	ip netns del "$here" 2>/dev/null || true
	ip netns del "$there" 2>/dev/null || true
	rm -rf "$TMP"
}
trap clean EXIT

# start [WRAPPER...] -- BACKEND...
start() {
	local wrap=()
	while [ "$1" != -- ]; do wrap+=("$1"); shift; done
	shift
	rm -f "$table"
	ip netns exec "$here" "${wrap[@]}" "$run" "$table" h0 "$@" 2>"$log" &
	pid=$!
	wait_until 5 test -s "$table" || fail "neighbor_run does not run: $(cat "$log")"
}

# hop NAME known|unknown MAC STATE: what the table must say within five seconds.
hop() {
	local known=1
	[ "$2" = known ] || known=0
	wait_until 5 grep -qE "^$1 known=$known mac=$3 src=[0-9a-f:]+ state=($4)\$" "$table" ||
		fail "$1 is not $2 mac=$3 state=$4: $(cat "$table") $(tail -20 "$log")"
}

changes() { sed -n 's/^changed=//p' "$table"; }
neigh_there() { here neigh show to "$1" dev h0; }

ip netns add "$here"
ip netns add "$there"
here link add h0 address $mac1 type veth peer name t0 netns "$there" address $mac2
for side in "$here h0 1" "$there t0 2"; do
	read -r ns dev n <<<"$side"
	ip -n "$ns" link set lo up
	ip -n "$ns" link set "$dev" up
	ip -n "$ns" addr add "10.47.0.$n/24" dev "$dev"
	ip -n "$ns" addr add "fd47::$n/64" dev "$dev" nodad
done
here link add other type veth peer name other2
here link set other up
here link set other2 up
here addr add 10.48.0.1/24 dev other
here route add 10.99.0.0/24 via 10.47.0.2
here route add 10.98.0.0/24 via inet6 fd47::2 dev h0
here route add fd99::/64 via fd47::2
here route add blackhole 10.97.0.0/24
here route add unreachable fd96::/64
here route add prohibit 10.95.0.0/24
here neigh flush all

valid='reachable|delay|probe|stale'
none=00:00:00:00:00:00

# --- nothing in the kernel's table yet: everything is resolved on demand ---
start -- v4=10.47.0.2 v6=fd47::2 gw4=10.99.0.1 gw6=fd99::1 via6=10.98.0.1 none=192.0.2.1 \
	black=10.97.0.1 unreach=fd96::1 prohib=10.95.0.1 local=10.47.0.1 other=10.48.0.9 \
	nobody=10.47.0.77 decreed=10.47.0.78@02:00:00:00:00:0b
for name in v4 v6 gw4 gw6 via6; do hop $name known $mac2 "$valid"; done
hop none unknown $none "no route"
hop black unknown $none blackhole
hop unreach unknown $none unreachable
hop prohib unknown $none prohibited
hop local unknown $none local
hop other unknown $none "not our port"
hop nobody unknown $none unresolved
hop decreed known 02:00:00:00:00:0b configured
grep -q "^v4 .* src=$mac1 " "$table" || fail "wrong source: $(cat "$table")"
grep -q "^port mac=$mac1 link_up=1" "$table" || fail "wrong port: $(cat "$table")"
wait_until 5 grep -q 'WARN .*backend=p/nobody .*state="unresolved"' "$log" || fail "no warning about nobody"
grep -q 'INFO .*next hop backend=p/v4 address=10.47.0.2 mac=02:00:00:00:47:02 port=wan' "$log" || fail "no line for v4"

# --- a backend that appears later is found without a request of ours ---
there addr add 10.47.0.77/24 dev t0
hop nobody known $mac2 "$valid"

# --- another MAC at the peer ---
there link set t0 address 02:00:00:00:47:22
here neigh replace 10.47.0.2 dev h0 lladdr 02:00:00:00:47:22 nud stale
hop v4 known 02:00:00:00:47:22 "$valid"
hop gw4 known 02:00:00:00:47:22 "$valid"
# A stale entry is touched, so the kernel itself finds out about the others.
here neigh change fd47::2 dev h0 lladdr $mac2 nud stale
wait_until 20 grep -q "^v6 known=1 mac=02:00:00:00:47:22" "$table" || fail "v6 was not re-confirmed: $(cat "$table")"

# --- a refreshed entry is no change ---
before=$(changes)
here neigh change 10.47.0.2 dev h0 nud stale
wait_until 20 grep -q "^v4 .*state=reachable" "$table" || fail "v4 was not touched"
[ "$(changes)" = "$before" ] || fail "a refresh was reported as a change"

# --- the peer is gone: the last MAC serves, one warning ---
there addr del 10.47.0.77/24 dev t0
here neigh del 10.47.0.77 dev h0
hop nobody known $mac2 "failed \(last known\)"
[ "$(grep -c 'WARN .*backend=p/nobody .*failed' "$log")" = 1 ] || fail "not one warning: $(cat "$log")"
there addr add 10.47.0.77/24 dev t0
wait_until 10 grep -qE "^nobody known=1 .* state=($valid)" "$table" || fail "nobody did not come back: $(cat "$table")"

# --- a route moves ---
here route replace 10.99.0.0/24 dev other
hop gw4 unknown $none "not our port"
here route replace 10.99.0.0/24 via 10.47.0.2
hop gw4 known 02:00:00:00:47:22 "$valid"

# --- our own interface: another MAC, an address removed, down, up ---
here link set h0 address 02:00:00:00:47:11
hop v4 known 02:00:00:00:47:22 ".*"
wait_until 5 grep -q "^v4 .* src=02:00:00:00:47:11 " "$table" || fail "the new MAC of the port is not used"
wait_until 5 grep -q "^decreed known=1 .* src=02:00:00:00:47:11 " "$table" || fail "nor for decreed hops"
here addr del 10.47.0.1/24 dev h0
hop v4 unknown $none "no route"
here addr add 10.47.0.1/24 dev h0
hop v4 known 02:00:00:00:47:22 "$valid"
here link set h0 down
hop v4 unknown $none "no route|unreachable"
hop v6 unknown $none "no route|unreachable"
wait_until 5 grep -q "link_up=0" "$table" || fail "the link is not down"
here link set h0 up
hop v4 known 02:00:00:00:47:22 "$valid"
wait_until 5 grep -q "link_up=1" "$table" || fail "the link is not up"
# The kernel drops IPv6 addresses and what hangs on them; whoever configured them puts them back.
here addr add fd47::1/64 dev h0 nodad
here route add fd99::/64 via fd47::2
hop v6 known 02:00:00:00:47:22 "$valid"
hop gw6 known 02:00:00:00:47:22 "$valid"
stop

# --- more events than the socket holds: nothing is lost in the end ---
start -- v4=10.47.0.2 far=10.200.0.1
hop far unknown $none "no route"
kill -STOP "$pid"
for i in $(seq 1 20000); do
	echo "route add 10.$((100 + i / 250 % 100)).$((i % 250)).0/24 via 10.47.0.2"
	echo "route del 10.$((100 + i / 250 % 100)).$((i % 250)).0/24"
done | here -force -batch - >/dev/null 2>&1 || true
here route add 10.200.0.0/24 via 10.47.0.2
# shellcheck disable=SC2016 # the $ is awk's
ip netns exec "$here" awk '{ n += $9 } END { exit !n }' /proc/net/netlink || fail "the socket held all events"
kill -CONT "$pid"
hop far known 02:00:00:00:47:22 "$valid"
stop

# --- without CAP_NET_ADMIN a datagram makes the kernel resolve ---
here neigh flush all
start setpriv --inh-caps=-net_admin --bounding-set=-net_admin -- v4=10.47.0.2 gw6=fd99::1
hop v4 known 02:00:00:00:47:22 "$valid"
hop gw6 known 02:00:00:00:47:22 "$valid"
stop
