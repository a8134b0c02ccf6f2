#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A page in Chromium opens a WebSocket on its own HTTP/2 connection, through lb7d to a backend that speaks HTTP/1.1: DevTools shows
# the answer 200 of RFC 8441, not HTTP/1.1's 101, lb7d's log HTTP/2, and there was one connection.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

node_start 8001 ws_server.js
nginx_start web "server { listen 8003; root $PWD/tests/smoke/l7; index page_h2.html; default_type text/html; location = /again { return 204; } }"
wait_until 10 l7_listens 8003 || fail "nginx does not start"
ca_make ca
certificate site ca localhost
l7_conf "$TMP/a.json" '{services: [service("site"; 443)],
	l7: [{name: "site", tls: [{certificate: "site.pem", key: "site.key"}],
		routes: [{path: "/echo", pool: "chat"}, {path: "/", pool: "web"}]}],
	pools: [pool("chat"; [8001]), pool("web"; [8003])]}'
l7_start "$TMP/a.json" --grace 0

# The one certificate is trusted by its key; a profile of its own.
key=$(openssl x509 -in "$TMP/site.pem" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64)
timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir="$TMP/profile" \
	--ignore-certificate-errors-spki-list="$key" --remote-debugging-port=0 about:blank >"$TMP/chromium" 2>&1 &
chromium=$!
wait_until 20 test -s "$TMP/profile/DevToolsActivePort" || skip "chromium does not start: $(tail -n 1 "$TMP/chromium")"
$PYTHON tests/smoke/l7/devtools.py "$TMP/profile" https://localhost/ >"$TMP/network" 2>"$TMP/devtools" ||
	fail "the page does not end: $(cut -c 1-1000 "$TMP/network" "$TMP/access.log")"
grep -qx 'document h2 200' "$TMP/network" || fail "the page did not come by HTTP/2: $(cut -c 1-80 "$TMP/network")"
grep -qx 'websocket 200' "$TMP/network" || fail "the WebSocket is not one of HTTP/2: $(cut -c 1-80 "$TMP/network")"
expect "$(grep -c '^frame' "$TMP/network")" 3 "messages in the page"
kill $chromium
wait $chromium 2>/dev/null || true
logged '.target == "/echo" and .protocol == "websocket" and .status == 200 and .tls == "TLSv1.3"'
logged '.target == "/again" and .protocol == "h2"'
expect "$(jq -s 'map(.client) | unique | length' "$TMP/access.log")" 1 "connections of the browser"
l7_stop
