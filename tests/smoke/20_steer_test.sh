#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Which packets the XDP program gives to the lanes: every kind of packet by BPF_PROG_TEST_RUN (steer_run), and
# the program at work on a veth interface, native and generic.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"

[ "$(id -u)" -eq 0 ] || skip "needs root to load XDP programs"

ns=lb47steer-$$
peer=lb47steerp-$$
run=${BIN%/bin}/tests/smoke/steer_run
object=${BIN%/bin}/gen/bpf/steer.bpf.o

bpffs=$TMP/bpffs

clean() {
	umount "$bpffs" 2>/dev/null || true
	ip netns del "$ns" 2>/dev/null || true
	ip netns del "$peer" 2>/dev/null || true
	rm -rf "$TMP"
}
trap clean EXIT

ip netns add "$ns"
ip netns add "$peer"
ip -n "$ns" link add s0 type veth peer name p0 netns "$peer"
ip -n "$ns" addr add 10.47.0.1/24 dev s0
ip -n "$peer" addr add 10.47.0.2/24 dev p0
ip -n "$ns" link set s0 up
ip -n "$peer" link set p0 up

mkdir "$bpffs"
mount -t bpf bpf "$bpffs" || skip "no bpffs on this kernel"
ip netns exec "$ns" "$run" s0 "$bpffs/store" >"$TMP/claims" || fail "$(grep -v '^ok' "$TMP/claims" || tail -3 "$TMP/claims")"
[ "$(grep -c '^ok' "$TMP/claims")" -gt 70 ] || fail "not all packets were tried: $(tail -3 "$TMP/claims")"
ip -n "$ns" link show s0 | grep -q xdp && fail "the program is still on the interface"

# --- on the interface, in both modes: what is not the lanes' reaches the kernel; what is theirs waits for them ---
# A closed port of the kernel's answers with a reset: ARP, the segment and the answer got through.
connect() {
	! ip netns exec "$peer" timeout 2 bash -c "exec 3<>/dev/tcp/10.47.0.1/$1" 2>"$TMP/connect" &&
		grep -q 'Connection refused' "$TMP/connect"
}
count() { ip netns exec "$ns" "$run" s0 count | sed -n "s/^$1=//p"; }

for mode in xdpdrv xdpgeneric; do
	ip -n "$ns" link set dev s0 "$mode" obj "$object" sec xdp || fail "$mode: the program cannot be attached"
	ip -n "$peer" neigh flush all
	ip netns exec "$ns" "$run" s0 serve 10.47.0.1 9 || fail "$mode: the program's maps cannot be found"
	connect 10 || fail "$mode: the kernel did not get a segment to another port"
	passed=$(count passed)
	[ "$passed" -ge 2 ] || fail "$mode: ARP and a segment make passed=$passed"
	[ "$(count no_socket)" -eq 0 ] || fail "$mode: a segment to another port was for a lane"
	# No lane is there to take it: silence, so that TCP tries again, and no reset by the kernel.
	connect 9 && fail "$mode: no lane takes the segment, and the kernel answered it"
	[ "$(count no_socket)" -ge 1 ] || fail "$mode: the segment to the service was not counted"
	ip -n "$ns" link set dev s0 "$mode" off
done
