#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A page in a real browser, headless Chromium, over TLS through lb7d: its WebSocket and its EventSource work.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 ws_server.js
node_start 8002 ticks.js
nginx_start web "server { listen 8003; root $PWD/tests/smoke/l7; index page.html; location /report { return 204; } }"
wait_until 10 l7_listens 8003 || fail "nginx does not start"
ca_make ca
certificate site ca localhost
l7_conf "$TMP/a.json" '{services: [service("site"; 443)],
	l7: [{name: "site", tls: [{certificate: "site.pem", key: "site.key"}],
		routes: [{path: "/echo", pool: "chat"}, {path: "/ticks", pool: "ticks"}, {path: "/", pool: "web"}]}],
	pools: [pool("chat"; [8001]), pool("ticks"; [8002]), pool("web"; [8003])]}'
l7_start "$TMP/a.json" --grace 0

# The one certificate is trusted by its key; a profile of its own.
key=$(openssl x509 -in "$TMP/site.pem" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64)
browse() {
	timeout 30 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir="$TMP/profile" \
		--ignore-certificate-errors-spki-list="$key" "$@" 2>"$TMP/chromium"
}
browse --dump-dom 'data:text/html,<p>starts</p>' >"$TMP/dom" || skip "chromium does not start: $(tail -n 1 "$TMP/chromium")"
grep -q starts "$TMP/dom" || skip "chromium does not start: $(tail -n 1 "$TMP/chromium")"

browse --remote-debugging-port=0 https://localhost/ >/dev/null &
chromium=$!
reported() { _log_has '.status == 204'; }
wait_until 15 reported || { cat "$TMP/access.log" >&2; fail "the page does not report: $(tail -n 5 "$TMP/chromium")"; }
logged '.target == "/report?" + ("echo 1 echo 2 echo 3 echo 4 echo 5 | 1 2 3 4 5 | closed 4000 true" | @uri)'
logged '.protocol == "websocket" and (.status == 101 or .status == 200) and .end == "closed" and .tls == "TLSv1.3"'
logged '.protocol == "sse" and .status == 200 and .end == "client_abort" and .bytes_out >= 45'
grep -qx 'closed 4000' "$TMP/8001.out" || fail "the page's close does not reach the backend"
kill $chromium
wait $chromium 2>/dev/null || true
l7_stop
