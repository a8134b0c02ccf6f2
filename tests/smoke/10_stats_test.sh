#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The counter store in its two homes: pinned BPF maps, and files under /dev/shm where BPF is not permitted.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"

[ "$(id -u)" -eq 0 ] || skip "needs root to make BPF maps"

run=${BIN%/bin}/tests/smoke/stats_run
bpffs=$TMP/bpffs
dir=$bpffs/store

no_bpf="setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin"

clean() {
	umount "$bpffs" 2>/dev/null || true
	rm -rf "/dev/shm/lb47$(tr / - <<<"$TMP")"* "$TMP"
}
trap clean EXIT

mkdir "$bpffs" "$TMP/plain"
mount -t bpf bpf "$bpffs" || skip "no bpffs on this kernel"
chmod 755 "$TMP"

# want WORDS COMMAND...: what COMMAND prints.
want() {
	local said
	said=$("${@:2}" 2>"$TMP/err") || fail "${*:2}: $(cat "$TMP/err")"
	[ "$said" = "$1" ] || fail "${*:2}: $said, not $1"
}
# refused PATTERN COMMAND...: COMMAND fails and says why.
refused() {
	! "${@:2}" >"$TMP/out" 2>&1 || fail "${*:2} succeeded"
	grep -qE "$1" "$TMP/out" || fail "${*:2}: $(cat "$TMP/out")"
}

# --- BPF maps ---
refused 'no counters in .*: no daemon has run' "$run" "$dir" read
want bpf "$run" "$dir" write 40
want "bpf 40" "$run" "$dir" read
want bpf "$run" "$dir" write 2
want "bpf 42" "$run" "$dir" read # the counters outlived their daemon

for map in meta service_names backend_names lanes services backends steer_services tcp_services tcp_backends; do
	bpftool map show pinned "$dir/$map" >"$TMP/map" || fail "$map is not pinned"
	grep -q "name $map" "$TMP/map" || fail "$map: $(cat "$TMP/map")"
done
bpftool -j map lookup pinned "$dir/lanes" key 1 0 0 0 >"$TMP/lane"
jq -e '.formatted.value.rx_packets == 42' "$TMP/lane" >/dev/null || fail "bpftool: no named counters: $(cat "$TMP/lane")"
grep -q ip_cksum "$TMP/lane" || fail "bpftool: no named reasons: $(cat "$TMP/lane")"
bpftool map dump pinned "$dir/meta" | grep -q '"node": "smoke"' || fail "bpftool: $(bpftool map dump pinned "$dir/meta")"

for map in tcp_services tcp_backends; do
	bpftool -j map lookup pinned "$dir/$map" key 1 0 0 0 >"$TMP/tcp"
	jq -e '.formatted.value | .resets_received == 0 and .handshake.sum == 0 and (.duration.bucket | length) == 32' \
		"$TMP/tcp" >/dev/null || fail "bpftool: no named counters: $(cat "$TMP/tcp")"
done

# --- only root reads BPF maps ---
refused 'not permitted to read the counters; run as root' setpriv --reuid 65534 --regid 65534 --clear-groups "$run" "$dir" read
# shellcheck disable=SC2086 # words of a command
want "bpf 42" $no_bpf "$run" "$dir" read

# --- another version: readers refuse it, a daemon begins anew ---
"$run" "$dir" age
refused 'another version' "$run" "$dir" read
want bpf "$run" "$dir" write 7
want "bpf 7" "$run" "$dir" read

# --- not a bpffs ---
want shm "$run" "$TMP/plain/store" write 1
grep -qE 'not a bpffs: (mount -t bpf bpf|set stats to a folder of) /sys/fs/bpf' "$TMP/err" || fail "not a bpffs: $(cat "$TMP/err")"

# --- BPF not permitted: files; what is pinned already can be adopted all the same ---
other=$bpffs/other
# shellcheck disable=SC2086 # words of a command
want shm $no_bpf "$run" "$other" write 5
grep -q 'not permitted to create BPF maps; counters go to /dev/shm' "$TMP/err" || fail "not permitted: $(cat "$TMP/err")"
want "shm 5" "$run" "$other" read
rm -r "/dev/shm/lb47$(tr / - <<<"$other")"
# shellcheck disable=SC2086
want bpf $no_bpf "$run" "$dir" write 1
want "bpf 8" "$run" "$dir" read

# --- both homes in use: the daemon that started last is the one that counts ---
want shm unshare -m bash -c "umount '$bpffs' && '$run' '$dir' write 9"
want "shm 9" "$run" "$dir" read
want bpf "$run" "$dir" write 1
want "bpf 9" "$run" "$dir" read
"$run" "$TMP/plain/store" age 2>"$TMP/err"
refused 'another version' "$run" "$TMP/plain/store" read

# --- a full /dev/shm is an error now, not a SIGBUS later ---
unshare -m bash -c "mount -t tmpfs -o size=4m none /dev/shm && ! '$run' '$TMP/plain/full' write 1" >"$TMP/out" 2>&1 ||
	fail "a full /dev/shm was not noticed: $(cat "$TMP/out")"
grep -q 'No space left on device' "$TMP/out" || fail "a full /dev/shm: $(cat "$TMP/out")"
