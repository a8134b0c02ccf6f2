#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Floods of frames that cost us more than their sender are cut off with ENHANCE_YOUR_CALM and a line in the log, in bounded memory,
# while other clients are served. Who only cancels a lot, and who downloads a lot, is not.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
export PYTHONDONTWRITEBYTECODE=1

head -c 20000000 /dev/urandom >"$TMP/big"
nginx_start web "server { listen 8001; root $TMP; location = / { return 200 'web'; } }"
wait_until 10 l7_listens 8001 || fail "nginx does not start"
l7_conf "$TMP/a.json" '{services: [service("site"; 80)], l7: [{name: "site", routes: [{path: "/", pool: "web"}]}], pools: [pool("web"; [8001])]}'
l7_start "$TMP/a.json"
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$LB7D_PID/status"; }
ask() { [ "$(curl -sS --max-time 2 --http2-prior-knowledge http://127.0.0.1/)" = web ]; }
ask || fail "nobody is served"
before=$(memory_kb)

# flood ATTACK: how it ended, and after how many frames; meanwhile another client asks again and again
flood() {
	local attacker n=0
	$PYTHON tests/smoke/l7/h2_flood.py 80 "$1" --frames 20000 >"$TMP/flood" 2>&1 &
	attacker=$!
	while :; do
		ask || fail "$1: request $n of another client is not served"
		n=$((n + 1))
		kill -0 $attacker 2>/dev/null || break
	done
	wait $attacker || fail "$1: $(cat "$TMP/flood")"
	[ $(($(memory_kb) - before)) -lt 20000 ] || fail "$1 cost $(($(memory_kb) - before)) KB"
}

downloads=()
n=0
for attack in rapid_reset made_you_reset malformed continuation continuation_empty data reset bomb ping settings priority window unknown; do
	flood $attack
	grep -q '^ENHANCE_YOUR_CALM' "$TMP/flood" || fail "$attack: $(cat "$TMP/flood") $(tail -n 2 "$TMP/access.log")"
	n=$((n + 1))
done
logged '.end == "refused" and .reason == "flood of frames that serve nothing"'
floods_logged() {
	[ "$(jq -s 'map(select(.protocol == "h2" and .end == "refused" and .status == null)) | length' "$TMP/access.log")" -eq $n ]
}
wait_until 5 floods_logged || fail "not each of $n floods is in the log"

flood heavy
expect "$(cat "$TMP/flood")" "served 3536" "a client that cancels 30 % of 5000 streams"

# Ten who download at once, each at a pace of its own, and open their windows bit by bit: each gets what was sent, to the octet.
for i in {1..10}; do
	curl -sS --http2-prior-knowledge --limit-rate "$((i * 10))M" http://127.0.0.1/big -o "$TMP/got$i" &
	downloads+=($!)
done
wait "${downloads[@]}"
for i in {1..10}; do
	cmp "$TMP/big" "$TMP/got$i" || fail "download $i is not what was sent"
done
l7_stop
