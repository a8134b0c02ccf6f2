#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# demo.sh: a whole edge in network namespaces (tests/smoke/edge.sh): a client, lb4d on AF_XDP, three nginx and
# beside each a QUIC server (tests/smoke/quic_edge.sh).
# Sends real traffic, prints each command and what it showed, then stays until Ctrl-C. As root, after a build.
#   demo.sh          the demo; with DEMO=once it stops after the report. Status 1 if a promise was broken
#   demo.sh ready    says whether the demo could start here, and if not, why
#   demo.sh stop     stops a demo that runs elsewhere, and removes what a killed one left behind
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

BIN=$(realpath -m "${O:-build}")/bin
TMP=/run/lb47-demo
LOCK=/run/lb47-demo.lock # held for as long as the demo runs; holds its pid
EDGE=lb47demo            # not the tests' prefix: both may run at once
export BIN TMP EDGE PATH=$PATH:/usr/sbin:/sbin LB47_SOCKET=$TMP/lb4d.sock
. tests/smoke/quic_edge.sh
. scripts/demo_l7.sh

CONF=$TMP/edge.json
CLIENT="ip netns exec $EDGE-client"
NEW=90 # connections to each service in the picture of the spread

# --- one demo at a time ---

need_root() {
	[ "$(id -u)" -eq 0 ] || fail "needs root, for network namespaces, AF_XDP and BPF: sudo make demo
Without root: make check, and build/bin/lbreplay, which runs captures through the same code."
}

# take_lock: file descriptor 9 holds the lock; what lives longer than a command is started with 9>&-.
take_lock() {
	exec 9>>"$LOCK"
	# A command of a demo that was killed may hold it for a second more.
	flock -w 2 9 || fail "a demo is running (pid $(cat "$LOCK")). Stop it with: make demo-stop
Or look at it: build/bin/lbctl -s $LB47_SOCKET status"
}

ready() {
	need_root
	unshare --net true 2>/dev/null ||
		fail "root may not make network namespaces here (in a container? run it privileged)"
	take_lock
}

stop() {
	local said="No demo is running."
	need_root
	exec 9>>"$LOCK"
	if ! flock -n 9; then
		kill -TERM "$(cat "$LOCK")" 2>/dev/null || true
		flock -w 30 9 || fail "the demo (pid $(cat "$LOCK")) does not stop"
		said="The demo is stopped."
	fi
	edge_down # what a killed demo left behind
	rm -rf "$TMP"
	echo "$said"
}

is_stopped() {
	! kill -0 "$LB4D_PID"
}

clean_up() {
	trap '' INT TERM HUP
	if [ -n "$LB4D_PID" ]; then
		kill -TERM "$LB4D_PID" 2>/dev/null || true
		wait_until 5 is_stopped || true
	fi
	exec 2>/dev/null # the shell's own words about children that are gone
	edge_down
	wait || true
	rm -rf "$TMP"
	: >"$LOCK"
}

# For quic_up, which knows a program that is not there by this word.
skip() {
	fail "$*: make deps"
}

# configure: TCP services of edge.sh, and two that are QUIC.
configure() {
	edge_conf "$CONF"
	quic_conf "$TMP/quic.json" dsr four
	jq -s '.[0].services += .[1].services | .[0].pools += .[1].pools | .[0]
		| (.services[] | select(.protocol == "quic")) |= (.name = "quic" + .name[3:4] | .pool = .name)
		| .pools[].name |= sub("^v(?<family>.)-four$"; "quic\(.family)")' "$CONF" "$TMP/quic.json" >"$TMP/both.json"
	mv "$TMP/both.json" "$CONF"
	l7_configure "$CONF"
}

# --- how the report looks ---

n_headings=0 n_kept=0 n_broken=0

heading() {
	n_headings=$((n_headings + 1))
	printf '\n== %d. %s\n\n' $n_headings "$1"
}

# run COMMAND...: shows the command, then what it says. lbctl is a word that works here too.
run() {
	echo "\$ $*"
	"$@"
}

lbctl() {
	"$BIN/lbctl" "$@"
}

# promise TEXT COMMAND...: the report's verdicts.
promise() {
	if "${@:2}" >/dev/null 2>&1; then
		n_kept=$((n_kept + 1))
		echo "  ok      $1"
	else
		n_broken=$((n_broken + 1))
		echo "  FAILED  $1"
	fi
}

# holds FILTER [FILE]: a claim about JSON.
holds() {
	jq -e "$1" "${@:2}" >/dev/null
}

# narrow COLUMN...: of a table only these columns, so that a line fits in 80.
narrow() {
	awk -v wanted=" $* " '
		NR == 1 { for (i = 1; i <= NF; i++) if (index(wanted, " " $i " ")) column[++n] = i }
		{
			for (i = 1; i <= n; i++) {
				cell[NR, i] = $column[i]
				if (length($column[i]) > width[i]) width[i] = length($column[i])
			}
		}
		END {
			for (row = 1; row <= NR; row++) {
				line = ""
				for (i = 1; i <= n; i++) line = line sprintf("%-*s  ", width[i], cell[row, i])
				sub(/ +$/, "", line)
				print line
			}
		}'
}

services() {
	echo '$ lbctl services'
	lbctl services | narrow SERVICE ADDRESS PORT PROTOCOL FORWARD POOL PACKETS NEW-FLOWS
}

# From JSON: a column of the table (REASON) has blanks in it.
backends() {
	echo "\$ lbctl backends${1:+ $1}"
	lbctl -o json backends "$@" | jq -r '["POOL", "BACKEND", "ADDRESS", "WEIGHT", "STATE", "HEALTH", "NEIGHBOR", "SHARE%", "FLOWS"],
		(.backends[] | [.pool, .name, .address, .weight, .state, .health, .neighbor // "-", .share, .flows // "-"]) | @tsv' |
		narrow POOL BACKEND ADDRESS WEIGHT STATE HEALTH NEIGHBOR SHARE% FLOWS
}

# --- load ---

# Living connections, 20 to each service, that ask 20 times a second; and connections for one request each.
load_start() {
	echo "\$ client tests/smoke/steady.py URL... &"
	$CLIENT tests/smoke/steady.py --seconds 120 "${VIPS[@]}" >"$TMP/living.json" 9>&- &
	LIVING=$!
	echo "\$ client tests/smoke/steady.py --fresh URL... &"
	$CLIENT tests/smoke/steady.py --fresh --connections 5 --seconds 120 "${VIPS[@]}" >"$TMP/fresh.json" 9>&- &
	FRESH=$!
	sleep 1 # the load is to run for a while before something happens to it
}

load_end() {
	sleep 1 # and for a while after
	kill -TERM "$LIVING" "$FRESH"
	wait "$LIVING" || true
	wait "$FRESH" || true
	echo
	jq -r '"  \(.backends | add) living connections:  \(.requests) requests, \(.failed) failed, \(.moved) moved"' \
		"$TMP/living.json"
	jq -r '"  one request each:       \(.requests) requests, \(.failed) failed"' "$TMP/fresh.json"
	jq -r '.errors[] | "  " + .' "$TMP/living.json" "$TMP/fresh.json"
	promise "no request failed" holds -s 'all(.requests > 0 and .failed == 0)' "$TMP/living.json" "$TMP/fresh.json"
	promise "no living connection moved to another backend" holds '.moved == 0' "$TMP/living.json"
}

# --- the report ---

show_edge() {
	heading "The edge: six network namespaces on one switch"
	cat <<-'END'
	   client                  lb4d: eth0, AF_XDP              three real nginx
	   198.51.100.7            198.51.100.1   10.0.0.1         10.0.0.11  .12  .13
	   2001:db8:c::7           2001:db8:c::1  fd00:b::1        fd00:b::11 ::12 ::13
	        |                          |                          |     |     |
	        +--------------------------+--------------------------+-----+-----+

	   dsr   203.0.113.10  2001:db8:10::10   lb4d changes the MAC address only;
	                                         nginx answers the client itself
	   nat   203.0.113.20  2001:db8:10::20   lb4d changes both addresses and ports;
	                                         answers return through lb4d
	   l7    203.0.113.30                    lb4d leaves it to the kernel, lb7d
	                                         answers http and https
	   quic  203.0.113.10  2001:db8:10::10   UDP port 445: dsr, by connection ID

	END
	cat <<-END
	   lbctl stands for build/bin/lbctl -s $LB47_SOCKET,
	   client for $CLIENT; wide tables show some columns only.

	$ ip netns exec $EDGE-lb build/bin/lb4d -c $CONF &
	END
	edge_start "$CONF" 9>&-
	run lbctl status | cut -c 1-80
	promise "every backend's MAC address is known" wait_until 10 all_resolved
	echo
	services
	echo
	backends
}

# answers URL N: who answers N new connections, "COUNT BACKEND" a line.
answers() {
	{ $CLIENT curl -s --max-time 10 -H 'Connection: close' "$1/?[1-$2]" || true; } | sort | uniq -c
}

# spread NAME URL: a bar for each backend.
spread() {
	local name=$1 backend n counts
	counts=$(answers "$2" $NEW)
	while read -r n backend; do
		printf '  %-4s  %s  %3d  %s\n' "$name" "$backend" "$n" "$(printf '%*s' "$n" '' | tr ' ' '#')"
		name=
	done <<<"$counts"
	is_spread=$is_spread$(awk -v n=$NEW '{ sum += $1 } END { print (NR == 3 && sum == n ? "yes" : "no") }' <<<"$counts")
}

show_spread() {
	heading "Who answers $NEW new connections to each service, as the client sees it"
	echo "\$ client curl -H Connection:close 'http://203.0.113.10/?[1-$NEW]' | sort | uniq -c"
	is_spread=
	spread dsr4 "${VIPS[0]}"
	spread nat4 "${VIPS[1]}"
	spread dsr6 "${VIPS[2]}"
	spread nat6 "${VIPS[3]}"
	promise "all answered, each service by all three backends" test "$is_spread" = yesyesyesyes
}

show_explain() {
	local said answered
	heading "Explain a packet before it is sent, then send it"
	run lbctl explain tcp 198.51.100.7:20000 203.0.113.20:80
	said=$(lbctl -o json explain tcp 198.51.100.7:20000 203.0.113.20:80 | jq -r .backend)
	echo
	echo "\$ client curl --local-port 20000 http://203.0.113.20"
	answered=$($CLIENT curl -s --max-time 5 --interface 198.51.100.7 --local-port 20000 http://203.0.113.20) || true
	echo "$answered"
	promise "$said was foretold, $answered answered" test "$said" = "$answered"
}

# The capture: what comes in at lb4d's port while one ping and two times twelve connections are made.
record() {
	local tcpdump
	ip netns exec "$EDGE-switch" tcpdump -Z root -U --immediate-mode -Q out -i lb -w "$TMP/wire.pcap" \
		'net 203.0.113.0/24 or net 10.0.9.0/24 or net 2001:db8:10::/64 or net fd00:9::/64' 2>"$TMP/tcpdump.log" &
	tcpdump=$!
	wait_until 5 grep -q listening "$TMP/tcpdump.log" || fail "tcpdump does not start: $(cat "$TMP/tcpdump.log")"
	$CLIENT ping -c 1 -W 2 203.0.113.10 >/dev/null || true
	for _ in {1..12}; do
		$CLIENT curl -s --max-time 5 http://203.0.113.10
		$CLIENT curl -s --max-time 5 'http://[2001:db8:10::20]'
	done | sort | uniq -c | awk '{ print $2, $1 }' >"$TMP/live" || true
	sleep 0.2 # the last packets of the last connection
	kill -TERM "$tcpdump"
	wait "$tcpdump" || true
}

show_replay() {
	heading "Replay a capture through the same code: no NIC, no root"
	echo "\$ ip netns exec $EDGE-switch tcpdump -i lb -Q out -w wire.pcap ... &"
	echo "\$ client curl ...   # a ping, 12 connections to dsr4, 12 to nat6"
	record
	echo "\$ lbreplay -c $CONF -r wire.pcap"
	"$BIN/lbreplay" -c "$CONF" -r "$TMP/wire.pcap" --counters >"$TMP/replay" 2>"$TMP/replay.counters" || true
	sed -n '1,5p' "$TMP/replay"
	printf '...      (%d packets)\n' "$(wc -l <"$TMP/replay")"
	sed -n 's/^identity //p' "$TMP/replay.counters"
	awk '$1 == "backend" && $3 == "new_flows" { sub(/.*\//, "", $2); n[$2] += $4 }
		END { for (b in n) print b, n[b] }' "$TMP/replay.counters" | sort >"$TMP/replayed"
	echo
	echo "  connections on the wire: $(paste -sd, "$TMP/live" | sed 's/,/, /g')"
	echo "  connections in replay:   $(paste -sd, "$TMP/replayed" | sed 's/,/, /g')"
	promise "the replay sends each backend what it got on the wire" cmp "$TMP/live" "$TMP/replayed"
}

show_drain() {
	local url n
	heading "Take a backend away under load"
	load_start
	run lbctl backends drain v4/b1 v6/b1
	backends v4
	promise "b1 keeps its living flows" holds '.backends[] | select(.name == "b1") | .flows > 0' \
		<(lbctl -o json backends v4)
	n=$(for url in "${VIPS[@]}"; do answers "$url" 30; done |
		awk '{ n[$2] += $1 } END { print n["b1"] + 0, "of", n["b1"] + n["b2"] + n["b3"] }')
	promise "b1 gets $n new connections" test "$n" = '0 of 120'
	run lbctl backends up v4/b1 v6/b1
	load_end
}

show_reload() {
	local n failed=0
	heading "Reload twenty times under load"
	load_start
	cat <<-'END'
	$ for n in {1..20}; do
	>   jq ".pools[].backends[0].weight = $((80 + n))" edge.json >next.json
	>   mv next.json edge.json && lbctl reload
	> done
	END
	for n in {1..20}; do
		jq ".pools[].backends[0].weight = $((80 + n))" "$CONF" >"$TMP/next.json"
		mv "$TMP/next.json" "$CONF"
		lbctl reload >/dev/null || failed=$((failed + 1))
	done
	lbctl status | grep -E '^(generation|reloads)'
	promise "20 reloads done" holds '.reloads == 20 and .reload_failures == 0' <(lbctl -o json status)
	load_end
}

# quic_paths: "BACKEND ID ADDRESS..." a line for each connection, the client's addresses as the backend saw them.
quic_paths() {
	cat "$TMP"/quic/*.log | awk '
		$2 == "open" || $2 == "path" {
			key = $1 " " substr($3, 4)
			sub(/^remote=/, "", $4)
			if (!(key in way)) order[++n] = key
			way[key] = way[key] " " $4
		}
		END { for (i = 1; i <= n; i++) print order[i] way[order[i]] }'
}

# quic_download: waits for the downloads' ends; counts those that are whole and of one backend.
quic_download() {
	local dir
	n_whole=0
	quic_brake off
	wait "${QUIC_CLIENTS[@]}" || true
	for dir in "$TMP"/get/*; do
		if _is_whole "$dir"; then n_whole=$((n_whole + 1)); fi
	done
}

# quic_service_count COUNTER: of the QUIC services.
quic_service_count() {
	lbctl -o json counters | jq --arg name "$1" '[.services[]
		| select((.service | startswith("quic")) and .name == $name) | .value] | add // 0'
}

show_quic() {
	local all by_cid name id first rest last vip hash cid backend said decoded n=6 n_new=0
	heading "QUIC clients change their address in the middle of a download"
	cat <<-'END'
	  Servers: the project's own test server (tests/smoke/quic, on Debian's
	  ngtcp2), whose connection IDs name the server, encrypted (QUIC-LB, four
	  passes). Client: Debian's gtlsclient. Six downloads of 600 kB, half of them
	  by IPv6; after three seconds each goes on from another address and port.

	$ client gtlsclient -q --exit-on-all-streams-close --download=DIR \
	>   --change-local-addr=3s 203.0.113.10 445 https://quic.test/size/600000 &
	END
	quic_forget
	next_ports
	quic_get dsr4-four 3 --change-local-addr=3s 9>&-
	quic_get dsr6-four 3 --change-local-addr=3s 9>&-
	wait_until 12 _all_begun || true
	client_address 8 # what the kernel gives to new sockets
	wait_until 8 _moved $n || true
	quic_paths >"$TMP/paths"
	read -r backend id first _ < <(grep '198\.51' "$TMP/paths") || true
	cid=$(awk -v id="id=$id" '$2 == "use" && $3 == id { cid = $NF } END { sub(/^cid=/, "", cid); print cid }' \
		"$TMP/quic/four-$backend.log") || true
	echo
	echo "  SERVER  CLIENT WAS AT          GOES ON FROM           ITS HASH WOULD SAY"
	while read -r name id first rest; do
		last=${rest##* }
		[[ $last == 198.51.100.8:* || $last == \[2001:db8:c::8\]:* ]] || continue
		n_new=$((n_new + 1))
		vip=203.0.113.10
		[[ $last != \[* ]] || vip='[2001:db8:10::10]'
		hash=$(lbctl -o json explain quic "$last" "$vip:445" | jq -r .backend)
		printf '  %-6s  %-21s  %-21s  %s\n' "$name" "$first" "$last" "$hash"
	done <"$TMP/paths"
	promise "$n_new of $n clients moved to another address" test $n_new = $n
	quic_download
	client_address 7
	promise "$n_whole of $n downloads are whole, each from one backend" test $n_whole = $n
	promise "no server met a connection that is not its own" test "$(quic_events open)" = $n
	echo
	echo "  One of the connection IDs that $backend has issued, from an address never seen:"
	echo
	echo "\$ lbctl explain quic 192.0.2.1:999 203.0.113.10:445 --cid $cid"
	lbctl explain quic 192.0.2.1:999 203.0.113.10:445 --cid "$cid" | cut -c 1-80 || true
	echo
	printf '$ lbctl quic-lb decode --service quic4 \\\n>   --conf %s %s\n' "$CONF" "$cid"
	lbctl quic-lb decode --service quic4 --conf "$CONF" "$cid" || true
	said=$(lbctl -o json explain quic 192.0.2.1:999 203.0.113.10:445 --cid "$cid" | jq -r .backend) || true
	decoded=$(lbctl -o json quic-lb decode --service quic4 --conf "$CONF" "$cid" | jq -r .backend) || true
	promise "$backend issued it, explain says $said, decode $decoded" test "$said $decoded" = "${backend:-none} $backend"
	echo
	echo "\$ lbctl counters | grep -E '^(SERVICE|quic[46])'"
	lbctl counters | grep -E '^(SERVICE|quic[46])' | cut -c 1-80 || true
	all=$(quic_service_count packets)
	by_cid=$(quic_service_count quic_cid)
	# The rest: a client's first packets, for it does not know the server's connection ID yet.
	promise "$by_cid of $all packets were routed by connection ID" test "$by_cid" -gt $((all * 9 / 10))
}

show_counters() {
	local is='.received == .forwarded + .punted + .answered + .dropped'
	heading "The books"
	balanced() { lbctl -o json counters | holds "$is"; }
	wait_until 3 balanced || true
	run lbctl counters | cut -c 1-80
	echo
	promise "received = forwarded + punted + answered + dropped" balanced
	promise "no packet was dropped" holds '.dropped == 0' <(lbctl -o json counters)
}

# --- after the report ---

stay() {
	local rc=0
	cat <<-END

	The edge goes on until Ctrl-C, or make demo-stop. In another terminal, as root:

	  export LB47_SOCKET=$LB47_SOCKET
	  build/bin/lbtop -d /sys/fs/bpf/$EDGE    # live; ? for help
	  build/bin/lbctl status
	  build/bin/lbctl backends
	  build/bin/lbctl backends drain v4/b2       # then up, down, remove, weight
	  build/bin/lbctl flows --backend
	  build/bin/lbctl explain tcp 198.51.100.7:40000 203.0.113.10:80
	  build/bin/lbctl explain quic 198.51.100.7:40000 203.0.113.10:445
	  build/bin/lbctl l7
	  build/bin/lbctl --help
	  $CLIENT curl http://203.0.113.10
	  $CLIENT wrk -t1 -c32 -d10 http://203.0.113.20
	  $CLIENT curl -N http://203.0.113.30/events
	END
	trap 'echo; echo "The edge is stopped."; exit $((n_broken > 0))' INT TERM HUP
	wait "$LB4D_PID" || rc=$?
	LB4D_PID=
	tail -n 5 "$TMP/lb4d.log" >&2
	fail "lb4d has ended, status $rc"
}

demo() {
	[[ ${DEMO:-} =~ ^(once)?$ ]] || { echo "demo.sh: DEMO=$DEMO: once, or nothing" >&2; exit 2; }
	ready
	[ -x "$BIN/lb4d" ] || fail "$BIN/lb4d is not there: run make"
	[ -x "$BIN/../tests/smoke/quic_server" ] || fail "the QUIC test server is not there: run make demo"
	echo $$ >"$LOCK"
	trap clean_up EXIT
	trap 'exit 130' INT TERM HUP
	rm -rf "$TMP"
	mkdir -m 755 "$TMP"
	quic_up four 9>&-
	l7_up 9>&-
	configure
	show_edge
	show_spread
	show_explain
	show_replay
	show_drain
	show_reload
	show_l7
	show_quic
	show_counters
	echo
	if [ "${DEMO:-}" = once ]; then
		promise "lb4d stops cleanly" edge_stop
	else
		promise "lb4d is alive" kill -0 "$LB4D_PID"
	fi
	echo
	echo "Demo: $n_kept promises kept, $n_broken broken, in $SECONDS s."
	[ "${DEMO:-}" = once ] || stay
	[ $n_broken = 0 ]
}

case ${1:-} in
'') demo ;;
ready) ready ;;
stop) stop ;;
*)
	sed -n '3,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
	[[ $1 == -h || $1 == --help ]] || exit 2
	;;
esac
