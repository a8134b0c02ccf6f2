#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An lb7d without lb4d has the kernel count its connections itself, as root. It holds no capability for that afterwards, goes
# on counting after it was killed, and serves all the same where it may not.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

[ "$(id -u)" -eq 0 ] || skip "needs root to load BPF programs"
[ -r /sys/kernel/btf/vmlinux ] || skip "this kernel has no BTF"

run=${BIN%/bin}/tests/smoke/tcp_run
bpffs=$TMP/bpffs
store=$bpffs/store
trap 'umount "$bpffs" 2>/dev/null || true; rm -rf "$TMP"' EXIT
mkdir "$bpffs"
mount -t bpf bpf "$bpffs" || skip "no bpffs on this kernel"
chmod 755 "$TMP"

nginx_start web "server { listen 8001; location / { return 200 'web\\n'; } }"
wait_until 10 l7_listens 8001 || fail "nginx does not start"
l7_conf "$TMP/a.json" '{services: [service("site"; 80)], l7: [{name: "site", routes: [{path: "/", pool: "web"}]}],
	pools: [pool("web"; [8001])]}'
jq --arg dir "$store" '.stats = $dir' "$TMP/a.json" >"$TMP/b.json"

value() { "$run" "$store" show | sed -n "s/^$1=//p"; }
has() { [ "$(value "$1")" = "$2" ]; }
counted() {
	local claim
	for claim in "$@"; do
		wait_until 5 has "${claim%=*}" "${claim#*=}" || fail "$claim expected: $("$run" "$store" show)"
	done
}
requests() {
	for _ in $(seq "$1"); do
		expect web "$(curl -sS -m 5 "http://127.0.0.1${2:-}/")" "a request"
	done
}
connects() { "$BIN/lbctl" -s "$TMP/lb7d.sock" -o json counters -a | jq '.counters[] | select(.name == "upstream_connects") | .value'; }

# --- counts, without a capability left ---
l7_start "$TMP/b.json"
grep -q 'tcp counted endpoints=2' "$TMP/lb7d.log" || fail "tcp: $(cat "$TMP/lb7d.log")"
caps=$((16#$(sed -n 's/^CapPrm:[[:space:]]*//p' "/proc/$LB7D_PID/status")))
((caps == 1 << 10)) || fail "lb7d has other capabilities than CAP_NET_BIND_SERVICE: $caps"
requests 10
counted service.connections=10 service.closed=10 service.resets_sent=0 service.resets_received=0 "backend.connections=$(connects)"

# --- a reload adds a service ---
cp "$TMP/b.json" "$TMP/c.json"
jq '.services += [.services[0] + {name: "more", port: 81}]' "$TMP/c.json" >"$TMP/b.json"
kill -HUP "$LB7D_PID"
wait_until 5 l7_reloaded 1 || fail "no reload"
wait_until 5 grep -q 'tcp counted endpoints=3' "$TMP/lb7d.log" || fail "the new service is not counted: $(cat "$TMP/lb7d.log")"
requests 3 :81
more() { [ "$(bpftool -j map lookup pinned "$store/tcp_services" key 2 0 0 0 | jq .formatted.value.closed)" = "$1" ]; }
wait_until 5 more 3 || fail "three connections to the new service: $(bpftool map lookup pinned "$store/tcp_services" key 2 0 0 0)"

# --- killed, and on ---
kill -KILL "$LB7D_PID"
wait "$LB7D_PID" 2>/dev/null || true
counted service.connections=10
l7_start "$TMP/b.json"
requests 2
counted service.connections=12
l7_stop

# --- not permitted: one line, and everything else works ---
: >"$TMP/lb7d.log"
setpriv --bounding-set=-perfmon,-sys_admin --inh-caps=-perfmon,-sys_admin "$BIN/lb7d" -c "$TMP/b.json" 2>>"$TMP/lb7d.log" &
LB7D_PID=$!
wait_until 10 grep -q ' ready ' "$TMP/lb7d.log" || fail "lb7d does not get ready: $(cat "$TMP/lb7d.log")"
[ "$(grep -c 'tcp not counted reason="not permitted to load the TCP programs: CAP_BPF and CAP_PERFMON"' "$TMP/lb7d.log")" = 1 ] ||
	fail "not permitted: $(cat "$TMP/lb7d.log")"
requests 2
counted service.connections=12
l7_stop

# --- no bpffs: one warning, with what to do; and switched off ---
l7_start "$TMP/a.json"
grep -q 'tcp not counted reason=".*not a bpffs' "$TMP/lb7d.log" || fail "no bpffs: $(cat "$TMP/lb7d.log")"
[ "$(grep -c ' WARN ' "$TMP/lb7d.log")" = 1 ] || fail "not one warning: $(cat "$TMP/lb7d.log")"
grep -qE ' WARN .*home=/dev/shm .*not a bpffs: (mount|set) .* /sys/fs/bpf' "$TMP/lb7d.log" || fail "what to do: $(cat "$TMP/lb7d.log")"
requests 1
l7_stop
jq '.telemetry.tcp = false' "$TMP/b.json" >"$TMP/d.json"
l7_start "$TMP/d.json"
grep -q 'tcp not counted reason="telemetry.tcp is false"' "$TMP/lb7d.log" || fail "switched off: $(cat "$TMP/lb7d.log")"
requests 1
counted service.connections=12
l7_stop
