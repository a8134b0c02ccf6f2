#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Thirty reloads under load, by signal and by lbctl, each with a changed file: no packet lost, no connection
# broken, no request failed. A broken file is refused, by name and reason, and changes nothing.
. "$(dirname "$0")/_init.sh"
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up
edge_conf "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

reloads_are() { [ "$(ctl -o json status | jq .reloads)" = "$1" ]; }

steady_start
in_ns client tests/smoke/steady.py --fresh --connections 10 --interval 0.01 --seconds 120 "${VIPS[@]}" >"$TMP/fresh.json" &
fresh=$!
for n in $(seq 30); do
	jq --argjson w $((50 + n)) '.pools[].backends[0].weight = $w' "$TMP/edge.json" >"$TMP/next.json"
	cp "$TMP/next.json" "$TMP/edge.json"
	if [ $((n % 2)) = 0 ]; then
		ctl reload >/dev/null
	else
		kill -HUP "$LB4D_PID"
	fi
	wait_until 5 reloads_are "$n" || fail "reload $n did not happen"
done

good=$(cat "$TMP/edge.json")
generation=$(ctl -o json status | jq .generation)
# shellcheck disable=SC2001 # every occurrence
sed 's/"protocol": "tcp"/"protocol": "tpc"/' <<<"$good" >"$TMP/edge.json"
message=$(ctl reload 2>&1) && fail "a broken configuration was accepted"
[[ $message == *edge.json*services[[]0].protocol*tpc* ]] || fail "the refusal does not say what and where: $message"
echo '{ "ports": [' >"$TMP/edge.json"
message=$(ctl reload 2>&1) && fail "broken JSON was accepted"
[[ $message == *edge.json:* ]] || fail "the refusal does not name file and line: $message"
jq '.lanes = [1]' <<<"$good" >"$TMP/edge.json"
message=$(ctl reload 2>&1) && fail "a change that needs a restart was accepted"
[[ $message == *lanes* ]] || fail "the refusal does not name the key: $message"
[ "$(ctl -o json status | jq .generation)" = "$generation" ] || fail "a refused reload changed what is served"
echo "$good" >"$TMP/edge.json"

steady_end || fail "living connections were hurt: $STEADY"
kill -TERM "$(pgrep -P $fresh || echo $fresh)"
wait $fresh || fail "new connections failed: $(cat "$TMP/fresh.json")"
drops=$(ctl -o json counters | jq .dropped)
[ "$drops" = 0 ] || fail "$drops packets were lost: $(ctl counters)"
expect_identity
edge_stop
