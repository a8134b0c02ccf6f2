#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Reloads that add and remove services and change certificates and routes: new connections see the new configuration at
# once, WebSockets of a service that is gone live on, and a certificate that cannot be read refuses all of it.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/node/modules.sh
. tests/smoke/node/modules.sh
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

export L7_WORKERS=2
node_start 8001 ws_server.js
ca_make ca
certificate one ca localhost one.test
certificate two ca localhost two.test
# configure CERTIFICATE ANSWER PORT...: the services on these ports
configure() {
	l7_conf "$TMP/next.json" '{services: [('"$(IFS=, && echo "${*:3}")"') | service("site"; .) + {name: "s\(.)"}],
		l7: [{name: "site", tls: [{certificate: "'"$1"'.pem", key: "'"$1"'.key"}],
			routes: [{path: "/", answer: {body: "'"$2"'"}}, {path: "/echo", pool: "chat"}]}], pools: [pool("chat"; [8001])]}'
	mv "$TMP/next.json" "$TMP/a.json"
}
n_reloads=0
reload() {
	kill -HUP "$LB7D_PID"
	n_reloads=$((n_reloads + 1))
	wait_until 5 l7_reloaded $n_reloads || { cat "$TMP/lb7d.log" >&2; fail "no reload"; }
}
get() { curl -sS --max-time 5 --cacert "$TMP/ca.pem" "https://localhost:$1/" 2>/dev/null; }
# is NAME ANSWER PORT: eight connections, so that all workers have some, get that certificate and that answer
is() {
	for _ in 1 2 3 4 5 6 7 8; do
		expect "$1.test" "$(openssl s_client -connect "localhost:$3" <<<'' 2>/dev/null |
			openssl x509 -noout -ext subjectAltName | sed -n 's/.*DNS:\([a-z]*\.test\)/\1/p')" "certificate on $3"
		expect "$2" "$(get "$3")" "answer on $3"
	done
}

configure one first 443 444
l7_start "$TMP/a.json" --grace 0
is one first 443
NODE_EXTRA_CA_CERTS=$TMP/ca.pem node tests/smoke/l7/ws_many.js wss://localhost:444/echo 20 >"$TMP/sockets" 2>&1 &
sockets=$!
wait_until 10 grep -q open "$TMP/sockets" || fail "no WebSockets: $(cat "$TMP/sockets")"

configure two second 443 445
reload
is two second 443
is two second 445
get 444 && fail "a service that is gone is answered"
l7_listens 444 && fail "a service that is gone is listened for"

openssl genpkey -algorithm ed25519 -out "$TMP/three.key"
cp "$TMP/two.pem" "$TMP/three.pem"
configure three third 443 446
kill -HUP "$LB7D_PID"
wait_until 5 grep -q 'reload refused.*three' "$TMP/lb7d.log" || fail "a key of another certificate is not refused: $(tail -n 1 "$TMP/lb7d.log")"
is two second 445
l7_listens 446 && fail "a refused reload opened a port"

configure one fourth 444
reload
is one fourth 444
get 443 && fail "a service that is gone is answered"
kill -TERM $sockets
wait $sockets || fail "a WebSocket was cut: $(cat "$TMP/sockets")"
l7_stop
