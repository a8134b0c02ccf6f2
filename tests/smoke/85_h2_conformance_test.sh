#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Frames of a client, right and wrong ones, by RFC 9113 and RFC 7541: lb7d answers each as it must, in clear and over TLS.
# Servers that answer everything, or nothing, fail the cases: they can fail.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
export PYTHONDONTWRITEBYTECODE=1
conformance() { $PYTHON tests/smoke/l7/h2_conformance.py "$@" >"$TMP/cases"; }

for control in lax rude; do # on 8103 and 8104
	port=$((8100 + ${#control}))
	$PYTHON tests/smoke/l7/h2_controls.py $port $control 2>"$TMP/$control" &
	disown
	wait_until 10 l7_listens $port || fail "the $control server does not start"
done
conformance 8103 --wait 0.2 --must-fail bad || fail "content with a server that takes everything: $(cat "$TMP/cases")"
conformance 8104 --wait 0.2 --must-fail good || fail "content with a server that takes nothing: $(cat "$TMP/cases")"

nginx_start web 'server { listen 8001; location / { return 200 "hello world\n"; } }'
wait_until 10 l7_listens 8001 || fail "nginx does not start"
ca_make ca
certificate site ca localhost
l7_conf "$TMP/a.json" '{services: [service("clear"; 80), service("tls"; 443)],
	l7: [{name: "clear", routes: [{path: "/", pool: "web"}]},
		{name: "tls", tls: [{certificate: "site.pem", key: "site.key"}], routes: [{path: "/", pool: "web"}]}],
	pools: [pool("web"; [8001])]}'
l7_start "$TMP/a.json"
conformance 80 || fail "in clear: $(cat "$TMP/cases")"
conformance 443 --tls || fail "over TLS: $(cat "$TMP/cases")"
l7_stop
