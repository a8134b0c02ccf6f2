#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What all that lb47 counts and measures costs together: at most 3 % of a request, an event and a packet is the aim. Each line has the
# cost with all of it on, and as the yardstick without any; medians of pairs.
#
#   telemetry_request, telemetry_h2_request, telemetry_grpc_call   CPU time of lb7d (user and kernel) in us, connections kept
#   telemetry_event         an event of a stream, with streams.measure "events"; telemetry_event_tokens: with "tokens"
#   telemetry_packet_dsr, _nat      a packet's way through a lane in ns, without receiving and sending (bench_pipeline.c); _armed: while
#                                   a capture runs whose filter no packet matches
#   telemetry_xdp           a packet in the XDP program in ns, its service counted or not, as telemetry.steer says in the configuration. The
#                                   verdicts of a port (lbctl counters, STEERED) are in both: nothing switches them off
#   telemetry_af_xdp        program and lane together (dsr): the least that a packet's way through an af_xdp port is, as the kernel's
#                           copying, receiving and sending come on top
#
# On are the counters of lb7d, measure "tokens", models that are counted each, and the programs that count TCP. Off is the same lb7d,
# linked of the same objects with stream_count_off.c in place of stream_count.c, with measure "off" and without those programs.
#
# How a per cent can be told apart on a small virtual machine:
# - client, origin and lb7d share one CPU with one real-time priority, so none interrupts another: lb7d finds all requests of a round
#   waiting, whoever it is, and works on them alike. What is measured is only the time that the kernel gave lb7d (schedstat).
#   Nobody waits for a CPU to wake, so that it makes no difference whether CPUs may sleep.
# - windows of some ms, in turn, in an order drawn anew; each has its pair within the turn (telemetry/paired.py, which also says how sure
#   it is).
# - off runs twice: "itself beside itself" is what is not there. lb7d is started anew BENCH_LIVES times (6), in an order drawn anew, as
#   a process keeps what it found of addresses and memory.
# - a lane's packet is so short that it matters where the linker puts code: that moves its ratio by up to 0.015. So twenty programs are
#   linked of the same objects, each in another order, in which on and off lie alike; the interval is over all of them.
# - the XDP program in the kernel's memory is faster or slower by more than its counting costs, from one loading to the next: four times the
#   lives, of two thirds of the turns.
# BENCH_TURNS turns a life (60). BENCH_PARTS of: l7 packets xdp instructions; BENCH_KINDS of: request h2 grpc event.
#
# The lines _instructions are exact where valgrind is there: instructions in user space of lb7d for each, of 8 rounds more or less, so
# that the start is not in them. Most of a request's time is the kernel's: their ratio says where to look, not what telemetry costs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/l7/proxies.sh

LIVES=${BENCH_LIVES:-6}
TURNS=${BENCH_TURNS:-60}
RUN=${BIN%/bin}/tests/bench
SMOKE=${BIN%/bin}/tests/smoke
PAIRED=tests/bench/telemetry/paired.py
NS=bench-${TMP##*-}
read -ra PARTS <<<"${BENCH_PARTS:-l7 packets xdp instructions}"
read -ra KINDS <<<"${BENCH_KINDS:-request h2 grpc event}"
VARIANTS=(off again on)
TURNS_PORT=''
declare -A TOKENS=() EVENTS=() ROUNDS_OF=([request]=15 [h2]=5 [grpc]=5 [event]=20) # some ms each

clean() {
	ip netns del "$NS" 2>/dev/null || true
	umount "$TMP/bpffs" 2>/dev/null || true
	l7_clean
}

on_proxy_cpu() { "${SCHEDULED[@]}" taskset -c "$PROXY_CPU" "$@"; }

# configure VARIANT
configure() {
	local measure=off events=off tcp=false models=''
	[ "$1" != on ] || measure=tokens events=events tcp=true models=', "models": ["gpt-4o-mini", "claude-sonnet-4"]'
	cat >"$TMP/$1.json" <<-END
		{
		  "node": "bench", "control_l7": "$TMP/$1.sock", "stats": "/sys/fs/bpf/${TMP##*/}/$1", "workers": 1, "telemetry": { "tcp": $tcp },
		  "services": [
		    { "name": "tokens", "address": "127.0.0.1", "port": ${TOKENS[$1]}, "protocol": "tcp", "l7": "tokens" },
		    { "name": "events", "address": "127.0.0.1", "port": ${EVENTS[$1]}, "protocol": "tcp", "l7": "events" },
		    { "name": "grpc", "address": "127.0.0.1", "port": ${GRPC[$1]}, "protocol": "tcp", "l7": "grpc" }
		  ],
		  "l7": [
		    { "name": "tokens", "streams": { "measure": "$measure"$models }, "routes": [ { "path": "/", "pool": "turns" } ] },
		    { "name": "events", "streams": { "measure": "$events" }, "routes": [ { "path": "/", "pool": "turns" } ] },
		    { "name": "grpc", "streams": { "measure": "$measure" }, "routes": [ { "path": "/", "pool": "grpc" } ] }
		  ],
		  "pools": [
		    { "name": "turns", "balance": "round_robin", "backends": [ { "name": "origin", "address": "127.0.0.1", "port": $TURNS_PORT } ] },
		    { "name": "grpc", "balance": "round_robin", "protocol": "http2",
		      "backends": [ { "name": "origin", "address": "127.0.0.1", "port": $GRPC_ORIGIN_PORT } ] }
		  ]
		}
	END
}

# start VARIANT [COMMAND...]: which runs it
start() {
	local variant=$1 binary=$RUN/lb7d_off
	shift
	[ "$variant" != on ] || binary=$RUN/lb7d_on
	: >"$TMP/$variant.log"
	"${SCHEDULED[@]}" taskset -c "$PROXY_CPU" "$@" "$binary" -c "$TMP/$variant.json" >"$TMP/$variant.log" 2>&1 &
	PID[$variant]=$!
	wait_for "lb7d $variant" grep -q ' ready ' "$TMP/$variant.log"
}

stop() {
	kill -TERM "${PID[$1]}"
	wait "${PID[$1]}" || true
	unset "PID[$1]"
}

# A message of gRPC is a byte (not compressed), its length in four bytes, and it. The file's extension says the type.
start_grpc_origin() {
	mkdir "$TMP/site"
	{ printf '\0\0\0\0\33'; head -c 27 /dev/zero; } >"$TMP/site/bench.call"
	echo 'application/grpc call' >"$TMP/mime"
	take_port GRPC_ORIGIN_PORT
	on_proxy_cpu nghttpd --no-tls -a 127.0.0.1 -d "$TMP/site" --mime-types-file "$TMP/mime" --trailer 'grpc-status: 0' \
		"$GRPC_ORIGIN_PORT" >"$TMP/nghttpd.log" 2>&1 &
	helpers+=($!)
	wait_for nghttpd curl -sf --http2-prior-knowledge --max-time 2 "http://127.0.0.1:$GRPC_ORIGIN_PORT/bench.call" -o "$TMP/answer"
}

# drive KIND TURNS ROUNDS PROXY...: the windows, one a line
drive() {
	local kind=$1 port=$TURNS_PORT
	shift
	[ "$kind" != grpc ] || port=0
	on_proxy_cpu "$LOAD" turns "$kind" "$port" "$@" 2>"$TMP/turns.log" || fail "$kind: $(cat "$TMP/turns.log")"
}

# proxies_of KIND VARIANT...: as `l7_load turns` wants them; to $proxies
proxies_of() {
	local kind=$1 v
	shift
	proxies=()
	for v in "$@"; do
		if [ "$kind" = grpc ]; then proxies+=("$v:${GRPC[$v]}:${PID[$v]}"); else proxies+=("$v:${TOKENS[$v]}:${PID[$v]}"); fi
		[ "$kind:$v" != event:on ] || proxies+=("events:${EVENTS[on]}:${PID[on]}")
	done
}

# --- requests and events ---

live() {
	local v kind proxies variants
	mapfile -t variants < <(shuf -e "${VARIANTS[@]}")
	for v in "${variants[@]}"; do start "$v"; done
	for kind in "${KINDS[@]}"; do
		proxies_of "$kind" "${variants[@]}"
		drive "$kind" "$TURNS" "${ROUNDS_OF[$kind]}" "${proxies[@]}" | sed "s/^/$1 /" >>"$TMP/$kind.turns"
	done
	for v in "${variants[@]}"; do stop "$v"; done
}

# pairs NAME WINDOWS [VARIANT [UNIT_NS]]
pairs() { "$PAIRED" "telemetry_$1" "${3:-on}" off,again "${4:-1000}" <"$TMP/$2.turns" | tee "$TMP/telemetry_$1"; }

l7() {
	local life kind
	for ((life = 0; life < LIVES; life++)); do live $life; done
	for kind in "${KINDS[@]}"; do
		case $kind in
		request) pairs request request ;;
		h2) pairs h2_request h2 ;;
		grpc) pairs grpc_call grpc ;;
		event) pairs event event events && pairs event_tokens event ;;
		esac
	done
}

# --- instructions ---

# executed VARIANT: what it has executed since it was asked last
executed() {
	rm -f "$TMP/callgrind.${PID[$1]}".[0-9]*
	callgrind_control --dump "${PID[$1]}" >"$TMP/callgrind_control.log" 2>&1
	sed -n 's/^totals: *//p' "$TMP/callgrind.${PID[$1]}".[0-9]*
}

# count KIND VARIANT [events]: instructions for each, of 8 rounds
count() {
	local proxies few many
	proxies_of "$1" "$2"
	[ $# -lt 3 ] || proxies=("${proxies[1]}")
	executed "$2" >/dev/null
	drive "$1" 1 4 "${proxies[0]}" >/dev/null
	few=$(executed "$2")
	drive "$1" 1 12 "${proxies[0]}" >"$TMP/windows"
	many=$(executed "$2")
	awk -v n=$((many - few)) '{ print n / ($4 / 12 * 8) }' "$TMP/windows"
}

# say_count NAME ON OFF
say_count() { awk -v name="telemetry_$1_instructions" -v on="$2" -v off="$3" 'BEGIN { printf "bench %s ours=%.0f yardstick=%.0f ratio=%.3f\n", name, on, off, on / off }'; }

# count_packet dsr|nat on|off
count_packet() {
	valgrind --tool=callgrind --callgrind-out-file="$TMP/callgrind.packets" --toggle-collect="burst_$2" \
		"$RUN/telemetry_packets_0" "$1" 2 "$2" >"$TMP/windows" 2>"$TMP/valgrind.log" || fail "valgrind of a packet"
	awk 'NR == FNR { n += $4; next } /^totals:/ { print $2 / n }' "$TMP/windows" "$TMP/callgrind.packets"
}

instructions() {
	local v mode
	command -v valgrind >/dev/null || { say "no instructions: no valgrind (Debian: valgrind)"; return; }
	for v in on off; do start "$v" valgrind --tool=callgrind --callgrind-out-file="$TMP/callgrind.%p"; done
	say_count request "$(count request on)" "$(count request off)"
	say_count h2_request "$(count h2 on)" "$(count h2 off)"
	say_count grpc_call "$(count grpc on)" "$(count grpc off)"
	say_count event "$(count event on events)" "$(count event off)"
	say_count event_tokens "$(count event on)" "$(count event off)"
	for v in on off; do stop "$v"; done
	for mode in dsr nat; do
		say_count "packet_$mode" "$(count_packet $mode on)" "$(count_packet $mode off)"
	done
}

# --- packets ---

packets() {
	local mode layout
	for mode in dsr nat; do
		for ((layout = 0; layout < 20; layout++)); do
			on_proxy_cpu "$RUN/telemetry_packets_$layout" $mode $((TURNS * LIVES / 8)) | sed "s/^/$layout /"
		done >"$TMP/$mode.turns"
		pairs "packet_$mode" $mode on 1
		pairs "packet_${mode}_armed" $mode armed 1
	done
}

xdp() {
	local life
	[ -x "$SMOKE/steer_run" ] || { say "xdp: skipped: no $SMOKE/steer_run (make smoke builds it)"; return; }
	mkdir "$TMP/bpffs"
	mount -t bpf bpf "$TMP/bpffs" || { say "xdp: skipped: no bpffs"; return; }
	ip netns add "$NS"
	ip -n "$NS" link add s0 type veth peer name p0
	for ((life = 0; life < LIVES * 4; life++)); do
		nsenter --net="/run/netns/$NS" "${SCHEDULED[@]}" taskset -c "$PROXY_CPU" "$SMOKE/steer_run" s0 windows "$TMP/bpffs/xdp" $((TURNS * 2 / 3)) | sed "s/^/$life /"
	done >"$TMP/xdp.turns"
	pairs xdp xdp on 1
	[ ! -e "$TMP/telemetry_packet_dsr" ] || sed -n 's/^bench .*ours=\(.*\) yardstick=\(.*\) ratio.*/\1 \2/p' "$TMP/telemetry_packet_dsr" "$TMP/telemetry_xdp" |
		awk '{ on += $1; off += $2 } END { printf "bench telemetry_af_xdp ours=%.3f yardstick=%.3f ratio=%.3f\n", on, off, on / off }'
}

[ "$(id -u)" -eq 0 ] || skip "needs root: the programs that count TCP are part of it"
! chrt -r 1 true 2>/dev/null || SCHEDULED=(chrt -r 1)
PEERS=()
l7_begin nghttpd ip
trap clean EXIT
[ -x "$RUN/lb7d_off" ] || skip "no $RUN/lb7d_off (make benches)"
start_grpc_origin
take_port TURNS_PORT
for variant in "${VARIANTS[@]}"; do
	take_port "TOKENS[$variant]"
	take_port "EVENTS[$variant]"
	take_port "GRPC[$variant]"
	configure "$variant"
done
for part in "${PARTS[@]}"; do
	$part
done
