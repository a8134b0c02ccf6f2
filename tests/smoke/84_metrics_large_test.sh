#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# /metrics of a node with 3840 backends: a reader that is slow holds up neither other requests nor a reload, and its page is well-formed
# although the configuration changed in its middle; readers that read nothing cost no memory to speak of.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

promtool --version >/dev/null 2>&1 || skip "no promtool (Debian package prometheus)"

# large FILE POOLS: so many pools of 256 backends, where nothing listens.
large() {
	jq -n --arg tmp "$TMP" --argjson n "$2" '{node: "large", control_l7: "\($tmp)/lb7d.sock", stats: "\($tmp)/stats", workers: 1,
		admin: {address: "127.0.0.1", port: 9047}, telemetry: {tcp: false},
		services: [{name: "site", address: "127.0.0.1", port: 80, protocol: "tcp", l7: "site"}],
		l7: [{name: "site", routes: [range($n) | {path: "/\(.)/", pool: "pool-\(.)"}]}],
		pools: [range($n) as $p | {name: "pool-\($p)", balance: "round_robin", backends: [range(256) |
			{name: "backend-\($p)-\(.)", address: "127.\($p + 1).0.\(. % 250 + 1)", port: (8000 + .)}]}]}' >"$1"
}
page() { curl -sS -m 10 http://127.0.0.1:9047/metrics "$@"; }
count() { grep -c "^$1{" "$2"; }
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$LB7D_PID/status"; }

# lb4d has left its half of the store.
"${BIN%/bin}/tests/smoke/stats_run" "$TMP/stats" write 1 >/dev/null 2>&1
large "$TMP/a.json" 15
l7_start "$TMP/a.json"
page >"$TMP/idle"
expect 3840 "$(count lb_backend_requests_total "$TMP/idle")" "backends on the page"
expect 0 "$(count lb_backend_connect_time_seconds_bucket "$TMP/idle" || true)" "histograms of backends without a request"
page --http1.0 >"$TMP/old"
expect "$(wc -l <"$TMP/idle")" "$(wc -l <"$TMP/old")" "lines of the page to HTTP/1.0"

# --- a slow reader, and a reload in the middle of its page ---
page --limit-rate 1500k >"$TMP/slow" &
reader=$!
has_begun() { [ -s "$TMP/slow" ]; }
wait_until 5 has_begun || fail "the slow reader gets nothing"
expect ok "$(curl -sS -m 1 http://127.0.0.1:9047/healthz)" "/healthz meanwhile"
large "$TMP/a.json" 14
kill -HUP "$LB7D_PID"
wait_until 5 l7_reloaded 1 || fail "no reload: $(cat "$TMP/lb7d.log")"
kill -0 "$reader" 2>/dev/null || fail "the page was over before the reload"
wait "$reader" || fail "the slow reader got no whole page"
expect 3840 "$(count lb_backend_requests_total "$TMP/slow")" "backends on a page that began before the reload"
promtool check metrics <"$TMP/slow" >"$TMP/verdict" 2>&1 || fail "promtool finds fault: $(cat "$TMP/verdict")"
page >"$TMP/next"
expect 3584 "$(count lb_backend_requests_total "$TMP/next")" "backends on a page that began after it"

# --- readers that do not read ---
before=$(memory)
"$PYTHON" - <<'END' &
import socket, time
readers = []
for _ in range(64):
    s = socket.create_connection(("127.0.0.1", 9047))
    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    readers.append(s)
print("asked", flush=True)
time.sleep(60)
END
silent=$!
# As many as may read at one time have been answered with what their sockets take; the others with 503.
answered() { [ "$(ss -Htn 'sport = :9047 and ( not dport = :0 )' | awk '$1 == "ESTAB" && $3 > 0' | wc -l)" -ge 48 ]; }
wait_until 5 answered || fail "not 48 readers with something on its way: $(ss -Htn 'sport = :9047')"
[ $(($(memory) - before)) -lt 8192 ] || fail "silent readers cost $(($(memory) - before)) kB"
unread=$(ss -Htn 'sport = :9047' | awk '{ n += $3 } END { print n + 0 }')
[ "$unread" -lt $((48 * 1048576)) ] || fail "and $unread bytes in the kernel"
mappings=$(grep -c '/steer_services$' "/proc/$LB7D_PID/maps")
((mappings >= 1 && mappings <= 3)) || fail "lb4d's half is mapped $mappings times for 48 pages"
expect ok "$(curl -sS -m 1 http://127.0.0.1:9047/healthz)" "/healthz beside them"
expect 503 "$(page -o "$TMP/refused" -w '%{http_code}')" "one reader more"
expect 1 "$(grep -c ' metrics refused ' "$TMP/lb7d.log")" "lines of the log about it"
kill "$silent"
wait "$silent" 2>/dev/null || true
l7_stop
