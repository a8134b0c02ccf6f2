#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A backend killed under load: what it had not begun to answer goes to another one, requests fail within the detection time only,
# and it gets requests again once it is back. lb7d killed under load serves again as soon as it is started.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

export L7_WORKERS=2
# shellcheck disable=SC2016 # nginx's variables
backend() { nginx_start "b800$1" "server { listen 800$1; location / { return 200 'b800$1'; } }"; }
backend 1
backend 2
for port in 8001 8002; do wait_until 10 l7_listens $port || fail "nginx does not start"; done
l7_conf "$TMP/a.json" '{services: [service("tcp"; 80), service("http"; 81)],
	l7: (["tcp", "http"] | map({name: ., routes: [{path: "/", pool: .}]})),
	pools: (["tcp", "http"] | map(pool(.; [8001, 8002]) + {health: {type: ., interval_ms: 100, timeout_ms: 100, fall: 2, rise: 1}}))}'
l7_start "$TMP/a.json"
now() { date -u +%FT%T.%3NZ; }
# count FILTER: lines of the access log of which the filter holds
count() { jq -n "[inputs | select($1)] | length" "$TMP/access.log"; }
at_least() { [ "$(count "$2")" -ge "$1" ]; }

for port in 80 81; do
	log_forget
	wrk -t 1 -c 10 -d 60 -s tests/smoke/l7/gentle.lua http://127.0.0.1:$port/ >"$TMP/wrk" 2>&1 &
	wrk=$!
	wait_until 10 at_least 100 '.backend == "b8001"' || fail "no load"
	killed=$(now)
	pkill -KILL -F "$TMP/b8001/pid" # the master first: it would start another worker
	ss -Hltnp 'sport = :8001' | grep -o 'pid=[0-9]*' | cut -d= -f2 | xargs -r kill -KILL
	# Detected: nobody has tried it for a while, though many asked.
	undetected() { tail -n 2000 "$TMP/access.log" | jq -es 'length == 2000 and all(.[]; .attempts == 1 and .backend == "b8002" and .status == 200)'; }
	wait_until 5 undetected || fail "port $port: requests still go to the dead backend: $(tail -n 3 "$TMP/access.log")"
	late=$(count ".status != 200 and (.time | sub(\"\\\\.[0-9]+Z\"; \"Z\") | fromdate) > (\"$killed\" | sub(\"\\\\.[0-9]+Z\"; \"Z\") | fromdate) + 1")
	expect 0 "$late" "port $port: requests that failed later"
	[ "$(count '.status != 200')" -le 10 ] || fail "port $port: $(count '.status != 200') requests failed, more than one a connection"
	at_least 1 '.attempts > 1 and .status == 200 and .backend == "b8002"' || fail "port $port: no request was tried again"
	backend 1
	back=$(now)
	wait_until 10 at_least 100 ".backend == \"b8001\" and .time > \"$back\"" || fail "port $port: the backend that is back gets nothing"
	kill -INT $wrk
	wait $wrk || fail "$(cat "$TMP/wrk")"
done

wrk -t 1 -c 10 -d 60 -s tests/smoke/l7/gentle.lua http://127.0.0.1/ >"$TMP/wrk" 2>&1 &
wrk=$!
log_forget
wait_until 10 at_least 100 '.status == 200' || fail "no load"
kill -KILL "$LB7D_PID"
wait "$LB7D_PID" 2>/dev/null || true
kill -KILL $wrk
wait $wrk 2>/dev/null || true
log_forget
l7_start "$TMP/a.json"
wrk -t 1 -c 10 -d 1 -s tests/smoke/l7/gentle.lua http://127.0.0.1/ >"$TMP/wrk" 2>&1 || fail "$(cat "$TMP/wrk")"
grep -qE 'Non-2xx|Socket errors' "$TMP/wrk" && fail "after lb7d was killed: $(cat "$TMP/wrk")"
at_least 100 '.status == 200' || fail "lb7d does not serve after it was killed"
l7_stop
