#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lbctl against a living daemon: every command as a table and as JSON, its exit statuses 0, 1 and 2, what it says
# when no daemon answers or one dies in the middle, its completion and its manual page.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
EDGE_BACKENDS=2
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
trap 'edge_down; rm -rf "$TMP"' EXIT

edge_up 1
edge_conf "$TMP/edge.json"
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

# shows WORDS ARGS...: status 0, and WORDS (an extended regular expression) in the output.
shows() {
	local said rc=0
	said=$(ctl "${@:2}" 2>&1) || rc=$?
	[ "$rc" = 0 ] || fail "lbctl ${*:2}: status $rc: $said"
	grep -qE "$1" <<<"$said" || fail "lbctl ${*:2}: no $1 in: $said"
}

# json FILTER ARGS...: status 0, one JSON object on stdout and nothing on stderr, FILTER true.
json() {
	local said
	said=$(ctl -o json "${@:2}" 2>"$TMP/err") || fail "lbctl -o json ${*:2}: status $?: $(cat "$TMP/err")"
	[ ! -s "$TMP/err" ] || fail "lbctl -o json ${*:2}: $(cat "$TMP/err")"
	[ "$(jq -s length <<<"$said")" = 1 ] || fail "lbctl -o json ${*:2}: not one object: $said"
	jq -e "$1" <<<"$said" >/dev/null || fail "lbctl -o json ${*:2}: not $1: $said"
}

# refuses STATUS WORDS ARGS...: that status, nothing on stdout, WORDS on stderr.
refuses() {
	local rc=0
	ctl "${@:3}" >"$TMP/out" 2>"$TMP/err" || rc=$?
	[ "$rc" = "$1" ] || fail "lbctl ${*:3}: status $rc, not $1: $(cat "$TMP/err")"
	[ ! -s "$TMP/out" ] || fail "lbctl ${*:3}: says $(cat "$TMP/out")"
	grep -qE "$2" "$TMP/err" || fail "lbctl ${*:3}: no $2 in: $(cat "$TMP/err")"
}

# --- what runs ---
in_ns client tests/smoke/steady.py --seconds 120 http://203.0.113.20 >/dev/null &
has_flows() { [ "$(ctl -o json flows | jq .flows)" -gt 0 ]; }
wait_until 10 has_flows || fail "no flow"

shows '^node: +'"$EDGE"'$' status
shows '^wan .* af_xdp ' status
json '.pid == '"$LB4D_PID"' and .saved and .generation > 0 and .counters == "bpf" and .reloads == 0
	and (.hugepages | type) == "boolean" and .lanes[0].running and .lanes[0].packets > 0
	and .ports[0].driver == "af_xdp" and .ports[0].link' status
shows '^dsr4 +203.0.113.10 +80 +tcp +dsr +v4' services
shows '^nat6' services list
json '[.services[].name] == ["dsr4", "nat4", "dsr6", "nat6"]' services
json '.services[] | select(.name == "nat4") | .packets > 0 and .new_flows > 0' service
shows '^v4 +maglev' pools
json '[.pools[] | .backends == 2 and .usable == 2 and .table_size == 65537] | all' pools list
shows '^v6 +b2 +fd00:b::12 +80 +100 +up' backends
json '[.backends[] | .pool == "v4"] | all and length == 2' backends v4
json '[.backends[] | .share] | add | . > 99.9 and . < 100.1' backends list v6
shows '^received: ' counters
shows '^wan +service +[0-9]+' counters
shows '^wan +no_socket +0 ' counters --all
json '.received > 0 and .received == .forwarded + .punted + .answered + .dropped + .difference
	and ([.steered[].port] | unique) == ["wan"]' counters
json '[.steered[].name] == ["passed", "service", "snat", "icmp", "fragment", "malformed", "no_socket", "missed"]' counters -a

# --- flows ---
shows '^flows: +[1-9]' flows
json '.flows > 0 and .capacity > .flows and .lanes[0].flows4 == .flows' flows count
json '([.backends[].flows] | add) == .flows' flows --backend
source=$(in_ns client ss -Htn dst 203.0.113.20 | awk 'NR == 1 { print $4 }')
shows '^backend: +b[12]' flows lookup tcp "$source" 203.0.113.20:80
json '.service == "nat4" and .pool == "v4" and .state == "established" and .snat_port > 0' \
	flows lookup tcp "$source" 203.0.113.20:80
refuses 1 'no lane has this flow' flows lookup tcp 198.51.100.99:1 203.0.113.20:80
shows '^verdict: +forward' explain tcp "$source" 203.0.113.20:80
json '.flow == "living" and .verdict == "forward" and (.steps | length) > 2' explain tcp "$source" 203.0.113.20:80
json '.flow == "new" and .service == "dsr6"' explain tcp '[2001:db8:c::7]:9' '[2001:db8:10::10]:80'
json '.verdict != "forward"' explain udp 198.51.100.7:9 203.0.113.10:53

# --- changes ---
shows 'generation [0-9]+, not saved' backends drain v4/b1
json '.saved == false' backends up v4 b1
json '.saved == false' backends weight v4/b1 7
shows 'not saved' backends add v4/b9 10.0.0.19:80 --weight 5 --state drain --mac 02:00:00:00:00:19
json '.backends[] | select(.name == "b9") | .weight == 5 and .state == "drain" and .mac == "02:00:00:00:00:19"' backends v4
[ "$(ctl backends down v4/b9 v6/b2 | wc -l)" = 2 ] || fail "two backends are not two answers"
shows 'not saved' backends remove v4/b9
json '.saved == false' status
shows 'saved' save
jq -e '.pools[0].backends[0].weight == 7 and (.pools[0].backends | length) == 2' "$TMP/edge.json" >/dev/null ||
	fail "save wrote something else: $(jq -c .pools[0] "$TMP/edge.json")"
shows 'ok \(services 4, pools 2, backends 4\)' check "$TMP/edge.json"
json '.saved' save
json '.saved' reload
shows 'saved' reload
json '.reloads == 2 and .reload_failures == 0 and .change_failures == 0' status

# --- the answer is no ---
refuses 1 'no backend "b9"' backends drain v4/b9
refuses 1 'no pool "v9"' backends v9
refuses 1 'no pool "v9"' backends weight v9/b1 3
refuses 1 'b1' backends add v4/b1 10.0.0.19:80
json '.reload_failures == 0 and .change_failures == 3 and (.last_error | startswith("change refused"))' status
rc=0
ctl backends drain v4/b1 v4/b9 v4/b2 v6/b1 >"$TMP/out" 2>"$TMP/err" || rc=$?
said="status $rc: $(cat "$TMP/out" "$TMP/err")"
[ "$rc" = 1 ] || fail "one of several names is wrong: $said"
[ "$(cut -d ' ' -f 1,2 "$TMP/out")" = 'v4/b1: drain' ] || fail "not only the first is done: $said"
[ "$(sed -n 's/^lbctl: not tried: //p' "$TMP/err" | paste -sd ' ')" = 'v4/b2: drain v6/b1: drain' ] || fail "what is left is not told: $said"
ctl backends up v4/b1 >/dev/null
cp "$TMP/edge.json" "$TMP/good.json"
echo '{ "flows": 7 }' >"$TMP/edge.json"
refuses 1 'flows: 7 is not in' reload
refuses 1 'flows: 7 is not in' check "$TMP/edge.json"
cp "$TMP/good.json" "$TMP/edge.json"
json '.reload_failures == 1 and .change_failures == 4 and (.last_error | startswith("reload refused"))' status

# --- wrong usage, before anything is asked ---
# Not the generation: a snapshot comes by itself when new backends have had their time.
configured() { ctl -o json backends | jq -c '[.backends[] | [.pool, .name, .weight, .state]]'; }
before=$(configured)
refuses 2 "no command 'frobnicate'" frobnicate
refuses 2 'command is missing' # none
refuses 2 "'xml'|xml" -o xml status
refuses 2 'one file' check
refuses 2 '.' status now
refuses 2 '.' backends weight v4/b1
refuses 2 '.' backends weight v4/b1 1001
refuses 2 '.' backends drain v4/b1 v4
refuses 2 '.' backends add v4/b3 10.0.0.13
refuses 2 '.' explain sctp 198.51.100.7:1 203.0.113.10:80
refuses 2 "no command 'statsu' \(did you mean 'status'\?\)" statsu
refuses 2 "no command 'quic-lb decod' \(did you mean 'decode'\?\)" quic-lb decod 07
refuses 2 "no command 'backends drian' \(did you mean 'drain'\?\)" backends drian v4/b1
refuses 2 "'quic-lb' needs a second word: decode, encode" quic-lb
refuses 2 "no command 'frob'" help frob
refuses 1 "did you mean 'lbctl backends drain'\?" backends drian
refuses 2 'no option --outptu \(did you mean --output\?\)' status --outptu json
[ "$(configured)" = "$before" ] || fail "wrong usage changed something"
for command in status check reload save services pools backends flows counters explain capture trace l7; do
	shows '^[Uu]sage: ' "$command" --help
done
shows '[0-9]+\.[0-9]+' --version
shows '^usage: lbctl .* COMMAND' help
shows '^usage: lbctl backends drain ' help backends drain

# --- daemons that do not answer ---
refuses 1 'is lb4d or lb7d running' -s "$TMP/nowhere.sock" status
python3 - "$TMP/dying.sock" <<-'END' &
	import socket, sys
	door = socket.socket(socket.AF_UNIX)
	door.bind(sys.argv[1])
	door.listen()
	for answer in b'{"jsonrpc":"2.0","id":1,"resu', b'', b'nonsense\n':
	    peer, _ = door.accept()
	    peer.recv(4096)
	    peer.sendall(answer)
	    peer.close()
END
wait_until 5 test -S "$TMP/dying.sock" || fail "no dying daemon"
refuses 1 'in the middle of the answer' -s "$TMP/dying.sock" status
refuses 1 'without an answer' -s "$TMP/dying.sock" -o json status
refuses 1 '.' -s "$TMP/dying.sock" status
ctl status >/dev/full 2>"$TMP/err" && fail "a full disk looks like success"

# --- completion: asks the daemon for pools and backends ---
# completes WORDS LINE: LINE, cut at its end, is completed by all of WORDS.
completes() {
	local said
	said=$(LB47_SOCKET=$TMP/lb4d.sock PATH=$BIN:$PATH bash --norc -c '
		. tools/lbctl.bash-completion
		compopt() { :; }
		read -ra COMP_WORDS <<<"$1"
		[[ $1 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_lbctl && printf "%s\n" "${COMPREPLY[@]}"' completion "$2" | sort | paste -s -d ' ')
	[ "$said" = "$1" ] || fail "completion of '$2': '$said', not '$1'"
}
completes 'reload' 'lbctl rel'
completes 'save services status' 'lbctl s'
completes 'drain' 'lbctl backends dr'
completes 'v4/b1 v4/b2 v6/b1 v6/b2' 'lbctl backends drain '
completes 'v6/b1 v6/b2' 'lbctl backends weight v6'
completes 'v4 v6' 'lbctl backends list '
completes '--all' 'lbctl counters --a'
completes 'json table' 'lbctl -o '
completes 'quic tcp udp' 'lbctl explain '
completes 'dsr4 dsr6' 'lbctl capture --service dsr'
bash -c '. tools/lbctl.bash-completion; complete -p lbctl' >/dev/null ||
	fail "the completion is not installed for lbctl"

# --- manual page ---
for command in status check reload save 'services list' 'pools list' 'backends drain' 'flows lookup' counters explain; do
	grep -qF "Cm $command" tools/lbctl.8 || fail "lbctl.8 says nothing of $command"
done
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning tools/*.8 || fail "a manual page is no good mdoc"
fi
edge_stop
