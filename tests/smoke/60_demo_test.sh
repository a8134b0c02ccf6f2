#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# DEMO=once: the demo shows all that it promises, in 80 columns, and leaves nothing behind. Started a second
# time while it runs, it refuses; a daemon that dies under it is told, by name and exit status.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
if ! scripts/demo.sh ready 2>"$TMP/ready"; then
	skip "$(head -n 1 "$TMP/ready")" # somebody watches a demo on this machine
fi
trap 'scripts/demo.sh stop >/dev/null; rm -rf "$TMP"' EXIT # not before: that somebody's demo goes on

DEMO=once scripts/demo.sh >"$TMP/once" 2>&1 || fail "the demo ends with status $?: $(cat "$TMP/once")"
for words in 'all answered, each service by all three backends' 'was foretold' \
	'the replay sends each backend what it got on the wire' 'b1 keeps its living flows' \
	'b1 gets 0 of 120 new connections' '20 reloads done' 'no packet was dropped' \
	'6 of 6 clients moved to another address' '6 of 6 downloads are whole, each from one backend' \
	'no server met a connection that is not its own' 'b[123] issued it, explain says' \
	'packets were routed by connection ID' 'nginx answered through TLS' '20 reloads while it ran' \
	'150 of 150 events came, in order' 'its probes noticed' '30 of 30 requests were answered' \
	'HTTP is answered again, [0-9]* ms later' \
	'received = forwarded + punted + answered + dropped' 'lb4d stops cleanly'; do
	grep -q "^  ok .*$words" "$TMP/once" || fail "the demo does not show: $words"
done
[ "$(grep -c '^  ok .*no request failed' "$TMP/once")" = 3 ] || fail "not under load all three times"
grep -q ' 0 broken' "$TMP/once" || fail "the demo does not close with its sum"
wide=$(awk 'length > 80' "$TMP/once")
[ -z "$wide" ] || fail "wider than 80 columns: $wide"

is_clean() { [ ! -e /run/lb47-demo ] && ! ip netns list | grep -q '^lb47demo-'; }
is_clean || fail "the demo leaves something behind"

scripts/demo.sh >"$TMP/stays" 2>&1 &
demo=$!
wait_until 10 test -S /run/lb47-demo/lb4d.sock || fail "the second demo does not start: $(cat "$TMP/stays")"
said=$(scripts/demo.sh 2>&1) && fail "two demos at once"
[[ $said == *"is running (pid $demo)"*demo-stop* ]] || fail "the refusal does not say why: $said"
wait_until 60 grep -q 'goes on until' "$TMP/stays" || fail "the demo does not stay: $(cat "$TMP/stays")"
kill -KILL "$("$BIN/lbctl" -s /run/lb47-demo/lb4d.sock -o json status | jq .pid)"
wait "$demo" && fail "lb4d died and the demo ends with status 0"
grep -q 'lb4d has ended, status 137' "$TMP/stays" || fail "lb4d died and the demo does not say so"
is_clean || fail "a demo whose lb4d died leaves something behind"
