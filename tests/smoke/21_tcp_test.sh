#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the TCP programs count of connections of which everything is known: how many, who reset them, what was lost on the
# way, how long the link is.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"

[ "$(id -u)" -eq 0 ] || skip "needs root to load BPF programs"
[ -r /sys/kernel/btf/vmlinux ] || skip "this kernel has no BTF"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"

run=${BIN%/bin}/tests/smoke/tcp_run
ours=lb47tcp-$$
peer=lb47tcpp-$$
bpffs=$TMP/bpffs
store=$bpffs/store
PID=

clean() {
	[ -z "$PID" ] || kill -KILL "$PID" 2>/dev/null || true
	ip netns del "$ours" 2>/dev/null || true
	ip netns del "$peer" 2>/dev/null || true
	umount "$bpffs" 2>/dev/null || true
	rm -rf "$TMP"
}
trap clean EXIT

mkdir "$bpffs"
mount -t bpf bpf "$bpffs" || skip "no bpffs on this kernel"
for ns in "$ours" "$peer"; do
	ip netns add "$ns"
	ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
done

# watch SERVICE BACKEND: counts for these, at ports 80 and 8080.
watch() {
	nsenter --net="/run/netns/$ours" "$run" "$store" watch "$1" 80 "$2" 8080 >"$TMP/watch.out" 2>"$TMP/watch.err" &
	PID=$!
	disown # nobody is told of its end
	wait_until 5 grep -q ready "$TMP/watch.out" || fail "the programs cannot be attached: $(cat "$TMP/watch.err")"
}
unwatch() {
	kill -KILL "$PID"
	PID=
}
traffic() { tests/smoke/tcp_traffic.py "${@:1:$#-1}" "$ours" "$peer" ${!#}; }
value() { "$run" "$store" show | sed -n "s/^$1=//p"; }
has() { [ "$(value "$1")" = "$2" ]; }
# counted NAME=VALUE...: these, as soon as the kernel is through with the last connection.
counted() {
	local claim
	for claim in "$@"; do
		wait_until 5 has "${claim%=*}" "${claim#*=}" || fail "$claim expected: $("$run" "$store" show | grep "^${claim%%.*}")"
	done
}
# between NAME FROM TO: the mean of a histogram.
between() {
	local mean
	mean=$(($(value "$1.sum") / $(value "$1.count")))
	[[ $mean -ge $2 && $mean -le $3 ]] || fail "$1 is $mean in the mean, not $2 to $3"
}
# The kernel's own count of all segments that this namespace sent again. A busy machine may add to those that were lost.
resent() { nsenter --net="/run/netns/$ours" nstat -asz TcpRetransSegs | awk '/Retrans/ { print $2 }'; }
# forget: an empty store; forgotten is what the kernel had counted until then.
forgotten=0
forget() {
	rm -r "$store"
	forgotten=$(resent)
}
all_resent() { [ $(($(value service.retransmits) + $(value backend.retransmits) + forgotten)) = "$(resent)" ]; }
# resent_at_least N: so many, and as many as the kernel has.
resent_at_least() {
	wait_until 5 all_resent || fail "the kernel sent $(($(resent) - forgotten)) segments again: $("$run" "$store" show | grep retransmits)"
	[ $(($(resent) - forgotten)) -ge "$1" ] || fail "fewer than $1 segments were sent again"
}
# programs PID: the ids of the programs that the process holds.
programs() { cat "/proc/$1/fdinfo/"* 2>/dev/null | sed -n 's/^prog_id:[[:space:]]*//p' | sort -u; }
are_gone() {
	local id
	for id in "$@"; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}

# --- how many, and who ended them ---
watch 10.47.1.1 10.47.1.2
traffic "accept:20 connect:5 mapped:2 peer_resets:3 we_reset:4 refused:2 other:5"
counted service.connections=27 service.closed=27 service.failed=0 service.resets_received=3 service.resets_sent=4 \
	service.handshake.count=27 service.duration.count=27 service.resent.count=27 \
	backend.connections=7 backend.closed=7 backend.failed=2 backend.resets_received=2 backend.resets_sent=0 \
	backend.handshake.count=7 backend.rtt.count=7
resent_at_least 0

# --- killed: nothing of it is left but what it counted; the next one goes on ---
ids=$(programs "$PID")
[ "$(wc -w <<<"$ids")" -eq 5 ] || fail "not five programs: $ids"
unwatch
# shellcheck disable=SC2086 # words
wait_until 5 are_gone $ids || fail "programs are left behind of $ids: $(bpftool prog show | grep tcp_)"
traffic "accept:3"
counted service.connections=27
watch 10.47.1.1 10.47.1.2
traffic "accept:3"
counted service.connections=30 service.closed=30
unwatch

# --- how long: the link takes 20 ms each way ---
forget
watch 10.47.1.1 10.47.1.2
traffic --delay-ms 20 "accept:5 connect:5 hold:300"
counted service.closed=6 backend.closed=5
for side in service backend; do
	between $side.handshake 40000 60000
	between $side.rtt 40000 60000
done
# Five that lasted an exchange and the parting, each some 40 ms beside the others, and the one that was held.
[ "$(value service.duration.sum)" -ge 500 ] || fail "durations add up to $(value service.duration.sum) ms"

# --- lost on the way: a SYN-ACK a second, a segment until its timer ---
traffic --delay-ms 1 "data_lost:3"
counted service.closed=9
resent_at_least 3
[ "$(value service.resent.sum)" = "$(value service.retransmits)" ] || fail "resent and retransmits differ"
unwatch
forget
watch 10.47.1.1 10.47.1.2
traffic --delay-ms 1 "synack_lost:1"
# Sent again by its timer, and once more if the client's SYN, which comes again at the same time, is later.
counted service.connections=1 service.closed=1 service.handshake.count=1
resent_at_least 1
between service.handshake 1000000 1300000
unwatch

# --- IPv6 ---
watch fd47::1 fd47::2
traffic "accept:4:6 connect:2:6 accept:1"
counted service.connections=5 service.closed=5 backend.connections=2 backend.closed=2
unwatch

# --- another namespace with the same addresses is none of ours ---
forget
nsenter --net="/run/netns/$peer" "$run" "$store" watch 10.47.1.1 80 10.47.1.2 8080 >"$TMP/watch.out" &
PID=$!
disown
wait_until 5 grep -q ready "$TMP/watch.out" || fail "the programs cannot be attached"
traffic "accept:2 connect:2"
counted service.connections=0 backend.connections=0
unwatch

# --- who may not load programs is told so ---
! setpriv --bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-bpf,-perfmon,-sys_admin \
	"$run" "$store" watch 10.47.1.1 80 10.47.1.2 8080 >"$TMP/out" 2>&1 || fail "programs were loaded without permission"
grep -q 'not permitted to load the TCP programs: CAP_BPF and CAP_PERFMON' "$TMP/out" || fail "without permission: $(cat "$TMP/out")"

# --- a kernel that does not say what its structures look like ---
! unshare -m bash -c "mount -t tmpfs none /sys/kernel/btf && mount -t tmpfs none /boot &&
	'$run' '$store' watch 10.47.1.1 80 10.47.1.2 8080" >"$TMP/out" 2>&1 || fail "programs were loaded without BTF"
grep -q 'the TCP programs need /sys/kernel/btf/vmlinux: No such file' "$TMP/out" || fail "without BTF: $(cat "$TMP/out")"
