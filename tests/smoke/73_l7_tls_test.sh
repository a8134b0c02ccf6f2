#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# TLS with OpenSSL's client and curl: certificates by SNI, versions, ALPN, resumption, which stays within its host; TLS to
# nginx, whose certificate must be good and for its name.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

ca_make ca
ca_make other
certificate first ca first.test
certificate exact ca www.exact.test
certificate wild ca '*.wild.test'
certificate backend ca backend.test
certificate stranger other backend.test
nginx_start web "ssl_session_cache off;
	server { listen 8001 ssl; ssl_certificate $TMP/backend.pem; ssl_certificate_key $TMP/backend.key; location / { return 200 '\$ssl_server_name'; } }
	server { listen 8002 ssl; ssl_certificate $TMP/stranger.pem; ssl_certificate_key $TMP/stranger.key; location / { return 200 'stranger'; } }"
wait_until 10 l7_listens 8002 || fail "nginx does not start"
# shellcheck disable=SC2016 # variables of jq
l7_conf "$TMP/a.json" 'def tls($name; $port; $t): pool($name; [$port]) + {tls: $t};
	{services: [service("site"; 443), service("modern"; 444)],
	l7: [{name: "site", tls: (["first", "exact", "wild"] | map({certificate: "\(.).pem", key: "\(.).key"})), routes: [
			{path: "/", answer: {body: "hello"}}, {path: "/good", pool: "good"}, {path: "/name", pool: "name"}, {path: "/ca", pool: "ca"},
			{path: "/unverified", pool: "unverified"}]},
		{name: "modern", tls: [{certificate: "first.pem", key: "first.key"}], tls_min: "1.3", routes: [{path: "/", answer: {}}]}],
	pools: [tls("good"; 8001; {ca: "ca.pem", server_name: "backend.test"}), tls("name"; 8001; {ca: "ca.pem", server_name: "other.test"}),
		tls("ca"; 8002; {ca: "ca.pem", server_name: "backend.test"}), tls("unverified"; 8002; {verify: false})]}'
l7_start "$TMP/a.json"

# handshake PORT ARGS...: what openssl says of it
handshake() {
	timeout 10 openssl s_client -connect "127.0.0.1:$1" -CAfile "$TMP/ca.pem" "${@:2}" <<<"" 2>&1 || true
}
# serves WANT ARGS...: the certificate's name
serves() {
	expect "$1" "$(handshake 443 "${@:2}" | sed -n 's/^subject=CN = //p')" "${*:2}"
}
serves first.test -noservername
serves first.test -servername nobody.test
serves www.exact.test -servername www.exact.test
serves www.exact.test -servername WWW.Exact.Test
serves '*.wild.test' -servername a.wild.test
serves first.test -servername a.b.wild.test
serves first.test -servername wild.test

# has WORDS PORT ARGS...
has() {
	handshake "${@:2}" | grep -qE "$1" || fail "${*:2}: no $1"
}
has '^New, TLSv1.3, Cipher is TLS_' 443 -tls1_3
has '^New, TLSv1.2, Cipher is ECDHE-' 443 -tls1_2
has '^New, TLSv1.3' 444 -tls1_3
has 'alert protocol version' 444 -tls1_2
has 'alert protocol version|no protocols available' 443 -tls1_1 -cipher 'DEFAULT@SECLEVEL=0'
has '^ALPN protocol: http/1.1' 443 -alpn http/1.1
has '^ALPN protocol: http/1.1' 443 -alpn spdy/1,http/1.1
has '^No ALPN negotiated' 443

# --- resumption ---
ask='GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
# session ARGS...: a request, whose answer comes after the tickets; New or Reused
session() {
	# shellcheck disable=SC2059 # the request is a format
	printf "$ask" | timeout 10 openssl s_client -connect 127.0.0.1:443 -CAfile "$TMP/ca.pem" -ign_eof "$@" 2>&1 | sed -nE 's/^(New|Reused), TLS.*/\1/p'
}
for version in -tls1_2 -tls1_3; do
	expect New "$(session $version -servername www.exact.test -sess_out "$TMP/session")" "first $version"
	expect Reused "$(session $version -servername www.exact.test -sess_in "$TMP/session")" "second $version"
	expect New "$(session $version -servername a.wild.test -sess_in "$TMP/session")" "another host's $version"
	expect New "$(session $version -noservername -sess_in "$TMP/session")" "no host's $version"
done

# --- to backends ---
get() { curl -sS --cacert "$TMP/ca.pem" --connect-to ::127.0.0.1:443 "https://www.exact.test$1" -o "$TMP/body" -w '%{http_code}'; }
expect 200 "$(get /good)" "a good backend"
expect backend.test "$(cat "$TMP/body")" "SNI to the backend"
expect 200 "$(get /unverified)" "a backend that is not verified"
expect 502 "$(get /name)" "a backend of another name"
logged '.status == 502 and .end == "upstream_tls" and .pool == "name" and (.reason | test("name|host"; "i"))'
expect 502 "$(get /ca)" "a backend of another authority"
logged '.status == 502 and .end == "upstream_tls" and .pool == "ca" and (.reason | test("issuer|self.signed|unable to get"; "i"))'
logged '.server_name == "www.exact.test" and .tls == "TLSv1.3"'
l7_stop

# --- lbctl check says beforehand what lb7d would ---
certificate locked ca locked.test
chown 65534:65534 "$TMP/locked.key"
chmod 600 "$TMP/locked.key"
echo nothing >"$TMP/empty.pem"
# check_conf CERTIFICATE KEY CA: $TMP/check.json with these files
check_conf() {
	PEM=$1 KEY=$2 CA=$3 l7_conf "$TMP/check.json" '{services: [service("site"; 443)],
		l7: [{name: "site", tls: [{certificate: env.PEM, key: env.KEY}], routes: [{path: "/", pool: "good"}]}],
		pools: [pool("good"; [8001]) + {tls: {ca: env.CA, server_name: "backend.test"}}]}'
}
# refused WHY CERTIFICATE KEY CA: both name WHY, and neither is content.
refused() {
	local rc=0
	check_conf "${@:2}"
	timeout 10 "$BIN/lbctl" check "$TMP/check.json" >"$TMP/out" 2>"$TMP/err" || rc=$?
	expect 1 "$rc" "status of lbctl check for $1"
	expect "lbctl: $TMP/check.json: $1" "$(cat "$TMP/err")" "what lbctl check says"
	expect "" "$(cat "$TMP/out")" "lbctl check is content"
	! timeout 10 "$BIN/lb7d" -c "$TMP/check.json" 2>"$TMP/err" || fail "lb7d starts: $1"
	grep -qF "$1" "$TMP/err" || fail "lb7d does not say $1: $(cat "$TMP/err")"
}
unread='Permission denied (by its owner and mode; lb7d keeps no power to read it all the same)'
refused 'l7[0].tls[0].certificate: gone.pem: No such file or directory' gone.pem first.key ca.pem
refused 'l7[0].tls[0].certificate: empty.pem: holds no certificate in PEM' empty.pem first.key ca.pem
refused 'l7[0].tls[0].key: wild.key: does not belong to first.pem' first.pem wild.key ca.pem
refused "l7[0].tls[0].key: locked.key: $unread" locked.pem locked.key ca.pem
refused 'pools[0].tls.ca: gone.pem: No such file or directory' first.pem first.key gone.pem
mkfifo "$TMP/pipe.pem" # of which nobody ever writes into the other end
refused 'l7[0].tls[0].certificate: pipe.pem: not a regular file' pipe.pem first.key ca.pem
refused 'pools[0].tls.ca: pipe.pem: not a regular file' first.pem first.key pipe.pem
"$BIN/lbctl" check --no-files "$TMP/check.json" >"$TMP/out" || fail "check --no-files opens files"
check_conf first.pem first.key ca.pem
expect "$TMP/check.json: ok (services 1, pools 1, backends 1)" "$("$BIN/lbctl" check "$TMP/check.json" 2>&1)" "lbctl check"

# --- what clients may refuse is said once, not by each worker ---
cat "$TMP/first.pem" "$TMP/other.pem" >"$TMP/odd.pem"
L7_WORKERS=3 l7_conf "$TMP/odd.json" '{services: [service("site"; 443)],
	l7: [{name: "site", tls: [{certificate: "odd.pem", key: "first.key"}], routes: [{path: "/", answer: {}}]}]}'
advised() { grep -cF 'clients may refuse a certificate reason="l7[0].tls[0].certificate: odd.pem: certificate 1 is not signed by' "$TMP/lb7d.log"; }
l7_start "$TMP/odd.json"
expect 1 "$(advised)" "warnings of one start"
kill -HUP "$LB7D_PID"
wait_until 5 l7_reloaded 1 || fail "no reload: $(cat "$TMP/lb7d.log")"
expect 2 "$(advised)" "warnings of a start and a reload"
l7_stop
