#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What lb7d counts outlives it: killed under traffic, started with more workers, refused by a lock, by another version, by a
# kernel without BPF, by a full /dev/shm. bpftool shows it with names.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

[ "$(id -u)" -eq 0 ] || skip "needs root to make BPF maps"

bpffs=$TMP/bpffs
store=$bpffs/store
trap 'umount -l "$bpffs" 2>/dev/null || true; rm -rf "$TMP"' EXIT
mkdir "$bpffs"
mount -t bpf bpf "$bpffs" || skip "no bpffs on this kernel"
chmod 755 "$TMP"

head -c 100000 /dev/zero >"$TMP/zeros"
nginx_start web "server { listen 8001; location / { return 200 'web\\n'; }
	location /zeros { root $TMP; default_type text/event-stream; limit_rate_after 2000; limit_rate 1; } }"
wait_until 10 l7_listens 8001 || fail "nginx does not start"
L7_WORKERS=2 l7_conf "$TMP/a.json" '{services: [service("site"; 80)], l7: [{name: "site", routes: [{path: "/", pool: "web"}]}],
	pools: [pool("web"; [8001])]}'
jq --arg dir "$store" '.stats = $dir | del(.access_log) | .l7[0].streams = {measure: "tokens", models: ["old-\(range(30))"]}' \
	"$TMP/a.json" >"$TMP/bpf.json"
no_bpf="setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin"

# requests N [PORT]: that many, one after the other
requests() { for _ in $(seq "$1"); do expect web "$(curl -sS -m 5 "http://127.0.0.1:${2:-80}/")" "a request"; done; }
# dump MAP FILTER: of the list of its values
dump() { bpftool -j map dump pinned "$store/$1" | jq -c "[.[].formatted.value] | $2"; }
# is WANT MAP FILTER, for wait_until: lb7d counts an end when the client has it already
is() { [ "$(dump "$2" "$3")" = "$1" ]; }
counted() { wait_until 5 is "$@" || fail "$2: $3 is $(dump "$2" "$3"), not $1"; }
said() { grep -q "$1" "$TMP/lb7d.log" || fail "not said: $1: $(cat "$TMP/lb7d.log")"; }

# --- names, for whoever has bpftool alone ---
l7_start "$TMP/bpf.json"
said 'counters home=bpf'
requests 10
counted 10 workers 'map(.requests) | add'
counted 10 l7_services 'map(.ends_completed) | add'
counted 0 l7_services 'map(.requests_active) | add'
counted 10 l7_backends 'map(.responses_2xx) | add'
counted 10 l7_service_times 'map(.time_to_first_byte.bucket | add) | add'
counted '["site","site"]' l7_service_names '[.[1].name, .[1].group]'
counted '["web","b8001"]' l7_backend_names '[.[1].group, .[1].name]'
counted "$LB7D_PID" l7_meta '.[0].writer.pid'
listed() { "$BIN/lbctl" -s "$TMP/lb7d.sock" -o json counters | jq -c "$1"; }
expect 10 "$(listed '.services[] | select(.service == "site" and .name == "ends_completed") | .value')" "lbctl: ends of a service"
expect 10 "$(listed '.backends[] | select(.backend == "b8001" and .name == "requests") | .value')" "lbctl: requests of a backend"
expect '[10,true]' "$(listed '.times[] | select(.of == "backend web/b8001" and .name == "time_to_first_byte") | [.values, .median_us <= .p99_us]')" "lbctl: times"

# --- a second one in the same folder counts for itself, and harms nothing ---
jq --arg tmp "$TMP" '.control_l7 = "\($tmp)/second.sock" | .services[0].port = 81' "$TMP/bpf.json" >"$TMP/second.json"
"$BIN/lb7d" -c "$TMP/second.json" 2>"$TMP/second.log" &
second=$!
wait_until 10 grep -q ' ready ' "$TMP/second.log" || fail "the second one does not start: $(cat "$TMP/second.log")"
grep -q 'counters home=private reason=.*another lb7d counts there' "$TMP/second.log" || fail "no word: $(cat "$TMP/second.log")"
requests 5 81
kill "$second"
wait "$second" || fail "the second one ended with $?"
counted 10 workers 'map(.requests) | add'
counted "$LB7D_PID" l7_meta '.[0].writer.pid'

# --- killed under traffic: what was counted stays, and counting goes on ---
streams=()
for _ in 1 2 3 4 5; do
	curl -sSN http://127.0.0.1/zeros >/dev/null 2>&1 &
	streams+=($!)
done
counted 5 l7_services 'map(.active_sse) | add'
(while :; do curl -sS -m 5 -o /dev/null http://127.0.0.1/ 2>>"$TMP/load.err" || true; done) &
load=$!
wait_until 10 is true workers 'map(.requests) | add > 60' || fail "no traffic: $(cat "$TMP/load.err"; dump workers "map(.requests)")"
kill -KILL "$LB7D_PID"
wait "$LB7D_PID" 2>/dev/null || true
kill "$load" 2>/dev/null || true
wait "$load" 2>/dev/null || true
wait "${streams[@]}" || true
before=$(dump workers 'map(.requests) | add')
[ "$before" -gt 60 ] || fail "a crash lost counts: $before"
l7_start "$TMP/bpf.json"
counted "$before" workers 'map(.requests) | add'
counted 0 workers 'map(.connections_open + .requests_active + .upstream_open) | add'
counted 0 l7_services 'map(.requests_active + .open_http1) | add'
# 5 streams, and what the load had on its way.
counted true l7_services 'map(.ends_lost) | add | . == 5 or . == 6'
counted 5 l7_services 'map(.stream_ends_lost) | add'
counted 0 l7_services 'map(.requests - .requests_active - (with_entries(select(.key | startswith("ends_"))) | add)) | add'
counted 0 l7_services 'map(.streams_sse - .active_sse - (with_entries(select(.key | startswith("stream_ends_"))) | add)) | add'
requests 5
counted $((before + 5)) workers 'map(.requests) | add'
counted $((before + 5)) l7_services 'map(.requests) | add'
l7_stop
counted 0 l7_meta '.[0].writer.pid'

# --- names that reloads brought and took do not stand in the way of a new run ---
jq '.l7[0].streams.models = [range(31) | "new-\(.)"]' "$TMP/bpf.json" >"$TMP/new.json"
jq '.l7[0].streams.models = [range(31) | "newer-\(.)"]' "$TMP/bpf.json" >"$TMP/newer.json"
cp "$TMP/bpf.json" "$TMP/now.json"
l7_start "$TMP/now.json"
counted 64 l7_model_names length
for name in new newer; do
	cp "$TMP/$name.json" "$TMP/now.json"
	n=$(grep -c ' reloaded ' "$TMP/lb7d.log" || true)
	kill -HUP "$LB7D_PID"
	wait_until 10 l7_reloaded $((n + 1)) || fail "no reload: $(cat "$TMP/lb7d.log")"
done
said 'counters without room n=.* what=models'
l7_stop
l7_start "$TMP/now.json"
! grep 'counters without room' "$TMP/lb7d.log" || fail "a new run is short of ids"
counted 31 l7_model_names 'map(select(.used == 1 and (.name | startswith("newer-")))) | length'
l7_stop

# --- more workers need more room: a larger store takes over ---
jq '.workers = 4' "$TMP/bpf.json" >"$TMP/four.json"
l7_start "$TMP/four.json"
counted 4 workers length
counted $((before + 5)) workers 'map(.requests) | add'
counted $((before + 5)) l7_services 'map(.requests) | add'
counted '"b8001"' l7_backend_names '.[1].name'
requests 3
counted $((before + 8)) l7_backends 'map(.requests) | add'
! ls "$store"/next_* 2>/dev/null || fail "something was left behind"
# A reload finds room for more services, and gives them ids of their own.
jq '.services += [range(20) | {name: "s\(.)", address: "127.0.0.1", port: (9000 + .), protocol: "tcp", l7: "site"}]' "$TMP/four.json" >"$TMP/many.json"
cp "$TMP/many.json" "$TMP/four.json"
kill -HUP "$LB7D_PID"
wait_until 10 l7_reloaded 1 || fail "no reload: $(cat "$TMP/lb7d.log")"
requests 1 9019
counted 21 l7_service_names 'map(select(.used == 1)) | length'
counted 1 l7_services '[.[21, 85, 149, 213].requests] | add'
l7_stop

# --- another version: lb7d begins anew ---
bpftool -j map lookup pinned "$store/l7_meta" key 0 0 0 0 | jq -r '.value | .[4] = "0x63" | join(" ")' >"$TMP/meta"
# shellcheck disable=SC2046 # words of a command
bpftool map update pinned "$store/l7_meta" key 0 0 0 0 value $(cat "$TMP/meta")
counted 99 l7_meta '.[0].version'
l7_start "$TMP/bpf.json"
requests 2
counted 2 workers 'map(.requests) | add'
l7_stop

# --- BPF not permitted: files; what is pinned is adopted all the same ---
chmod 777 "$TMP"
# start_as COMMAND...: lb7d as its child
start_as() {
	: >"$TMP/lb7d.log"
	"$@" 2>>"$TMP/lb7d.log" &
	LB7D_PID=$!
	wait_until 10 grep -q ' ready ' "$TMP/lb7d.log" || fail "lb7d does not get ready: $(cat "$TMP/lb7d.log")"
}
# shellcheck disable=SC2086 # words of a command
start_as $no_bpf "$BIN/lb7d" -c "$TMP/bpf.json"
said 'counters home=bpf'
l7_stop
jq --arg dir "$bpffs/other" '.stats = $dir' "$TMP/bpf.json" >"$TMP/other.json"
# shellcheck disable=SC2086
start_as $no_bpf "$BIN/lb7d" -c "$TMP/other.json"
said 'counters home=/dev/shm reason=".*not permitted to create BPF maps; counters go to /dev/shm"'
[ ! -e "$bpffs/other" ] || fail "a folder was made in vain"
files=/dev/shm/lb47$(tr / - <<<"$bpffs/other")
requests 4
word() { od -An -t u8 -j "$2" -N 8 "$files/$1" | tr -d ' '; }
[ "$(stat -c %a "$files/workers")" = 644 ] || fail "modes: $(ls -l "$files")"
l7_stop
# shellcheck disable=SC2086
start_as $no_bpf "$BIN/lb7d" -c "$TMP/other.json"
requests 1
kill -KILL "$LB7D_PID"
wait "$LB7D_PID" 2>/dev/null || true
# connections is the first counter of a worker
size=$(($(stat -c %s "$files/workers") / 2))
[ $(($(word workers 0) + $(word workers "$size"))) = 5 ] || fail "files lost counts: $(od -t u8 "$files/workers" | head)"

# --- truncated behind our back ---
truncate -s 100 "$files/l7_services"
# shellcheck disable=SC2086
start_as $no_bpf "$BIN/lb7d" -c "$TMP/other.json"
requests 1
[ $(($(word workers 0) + $(word workers "$size"))) = 1 ] || fail "a damaged store was not made anew"
l7_stop

# --- no room at all: it serves ---
rm -r "$files"
mount -t tmpfs -o size=1m tmpfs /dev/shm
# shellcheck disable=SC2086
start_as $no_bpf "$BIN/lb7d" -c "$TMP/other.json"
said 'counters home=private reason=".*No space left on device"'
requests 3
l7_stop
