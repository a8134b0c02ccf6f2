#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lbctl capture and trace at a living edge: as many packets as the client sent, the decision of each as its comment, both
# ways of nat by the client's address; tshark reads every file without complaint; a trace is what lbreplay says of the
# same packets; what no lane sees is refused with the command that does; reloads, services that leave, a full disk, a killed
# lbctl, a daemon that stops; then two pcap ports that are read for ever: the rate holds, the rare packet is found, each
# interface of a file says what it lost, and who does not read loses packets and stops nobody.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
EDGE_BACKENDS=2
# shellcheck source=tests/smoke/edge.sh
. tests/smoke/edge.sh
LOOP_PID=
clean() {
	[ -z "$LOOP_PID" ] || kill -KILL "$LOOP_PID" 2>/dev/null || true
	edge_down
	umount "$TMP/small" 2>/dev/null || true
	rm -rf "$TMP" "/dev/shm/lb47${TMP//\//-}-loop"
}
trap clean EXIT
command -v tshark >/dev/null || skip "no tshark"

# fields FILE FILTER FIELD...: begins to write lines of these fields into FILE.txt; fields_done waits. tshark must have
# nothing to say but that it is root.
FIELDS=()
fields() {
	local file=$1 filter=$2 args=() field
	shift 2
	for field in "$@"; do args+=(-e "$field"); done
	tshark -r "$file" -Y "$filter" -T fields "${args[@]}" >"$file.txt" 2>"$file.err" &
	FIELDS+=("$! $file")
}
fields_done() {
	local pid file
	while read -r pid file; do
		wait "$pid" || fail "tshark refuses $file: $(cat "$file.err")"
		! grep -v 'Running as user' "$file.err" || fail "tshark complains of $file"
	done < <(printf '%s\n' "${FIELDS[@]}")
	FIELDS=()
}

n_begun() { grep -c ' capture begins ' "$TMP/lb4d.log" || true; }
n_ended() { grep -c ' capture ends ' "$TMP/lb4d.log" || true; }
has_begun() { [ "$(n_begun)" -gt "$1" ]; }
has_ended() { [ "$(n_ended)" -gt "$1" ]; }

# begin NAME ARGS...: lbctl ARGS in the background, its output in $TMP/NAME.out and .err; sets $PID. The lanes have it.
begin() {
	local before
	before=$(n_begun)
	"$BIN/lbctl" -s "$TMP/lb4d.sock" "${@:2}" >"$TMP/$1.out" 2>"$TMP/$1.err" &
	PID=$!
	wait_until 5 has_begun "$before" || fail "lbctl ${*:2} does not begin: $(cat "$TMP/$1.err")"
}

# ended PID STATUS NAME WORDS: it ends with that status and says WORDS.
ended() {
	local rc=0
	wait "$1" || rc=$?
	[ "$rc" = "$2" ] || fail "$3: status $rc, not $2: $(cat "$TMP/$3.err")"
	grep -qE "$4" "$TMP/$3.err" || fail "$3: no $4 in: $(cat "$TMP/$3.err")"
}

# refused WORDS ARGS...: lbctl ARGS says no.
refused() {
	local rc=0
	ctl "${@:2}" >"$TMP/out" 2>"$TMP/err" || rc=$?
	if [ "$rc" != 1 ] || ! grep -qE "$1" "$TMP/err"; then
		fail "lbctl ${*:2}: status $rc: $(cat "$TMP/err")"
	fi
}

# datagrams N: the client sends them to the udp service, each from a port of its own.
datagrams() {
	in_ns client python3 -c '
import socket, sys
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("198.51.100.7", 20000 + i))
    s.sendto(b"packet %d" % i, ("203.0.113.10", 80))
    s.close()' "$1"
}

edge_up 1
edge_conf "$TMP/edge.json"
jq '.workers = 1 | .services += [{name: "udp4", address: "203.0.113.10", port: 80, protocol: "udp", pool: "v4"},
		{name: "api", address: "203.0.113.30", port: 82, protocol: "tcp", l7: "api"}] |
	.l7 = [{name: "api", routes: [{path: "/", pool: "rest"}]}] | .pools += [.pools[0] + {name: "rest"}]' "$TMP/edge.json" >"$TMP/new.json"
mv "$TMP/new.json" "$TMP/edge.json"
ip -n "$EDGE-lb" addr add 203.0.113.30/32 dev lo
edge_start "$TMP/edge.json"
wait_until 10 all_resolved || fail "next hops are not resolved"

# --- as many as were sent; trace says what lbreplay says ---
begin all capture --only-received -w "$TMP/all.pcapng"
ALL=$PID
begin trace trace
TRACE=$PID
begin udp capture --service udp4 --count 500 -w "$TMP/udp.pcapng"
UDP=$PID
begin none trace --service udp4 --filter 'udp src port 20007'
NONE=$PID
refused '4 captures run already' trace
datagrams 500
in_ns client ping -c 2 -i 0.01 203.0.113.10 >/dev/null
in_ns client ping -c 1 -W 0.1 -s 3000 203.0.113.10 >/dev/null && fail "a fragmented ping is answered"
in_ns client curl -s --max-time 5 http://203.0.113.10/ >/dev/null || fail "no answer"
ended "$UDP" 0 udp '^lbctl: 500 packets captured, 0 not wanted by the filter, 0 beyond the rate, 0 lost'
kill -INT "$ALL" "$TRACE" "$NONE"
ended "$ALL" 0 all '^lbctl: 5[0-9][0-9] packets captured, .* 0 lost'
ended "$TRACE" 0 trace '^lbctl: 5[0-9][0-9] packets shown'
ended "$NONE" 0 none '^lbctl: 1 packets shown, 499 not wanted by the filter'
"$BIN/lbreplay" -c "$TMP/edge.json" -r "$TMP/all.pcapng" >"$TMP/replay.out"
grep -q ' answer   icmp_echo ' "$TMP/trace.out" || fail "no ping in the trace"
grep -q ' drop     ip_fragment ' "$TMP/trace.out" || fail "no drop in the trace"
diff "$TMP/trace.out" "$TMP/replay.out" >&2 || fail "the trace is not what lbreplay says"
fields "$TMP/udp.pcapng" udp frame.packet_flags_direction udp.srcport frame.comment
capinfos -T "$TMP/udp.pcapng" >/dev/null || fail "capinfos refuses the file"

# --- nat: both ways by the client's address, as received and as sent; a reload; the file is read while it grows ---
ended_before=$(n_ended)
begin nat capture --service nat4 --filter 'host 198.51.100.8' -w -
NAT=$PID
in_ns client curl -s --interface 198.51.100.8 http://203.0.113.20/ >/dev/null
in_ns client curl -s --interface 198.51.100.7 http://203.0.113.20/ >/dev/null
ctl reload >/dev/null
in_ns client curl -s --interface 198.51.100.8 http://203.0.113.20/ >/dev/null
begin gone capture --service udp4 -w "$TMP/gone.pcapng"
GONE=$PID
jq '.services |= map(select(.name != "udp4"))' "$TMP/edge.json" >"$TMP/new.json"
mv "$TMP/new.json" "$TMP/edge.json"
ctl reload >/dev/null
ended "$GONE" 1 gone 'the service has left the configuration'
is_closed() { [ "$(tcpdump -nr "$TMP/nat.out" 'tcp[13] & 1 != 0 and dst host 198.51.100.8' 2>/dev/null | wc -l)" = 2 ]; }
wait_until 10 is_closed || fail "the file does not grow, or ends with no FIN"
kill -TERM "$NAT"
ended "$NAT" 0 nat '^lbctl: [0-9]+ packets captured, [1-9]'
fields "$TMP/nat.out" tcp frame.packet_id frame.packet_flags_direction ip.src ip.dst frame.comment

# --- what no lane sees: the refusal says what does ---
refused "api is a service of the L7 workers: .* this does: tcpdump -ni eth0 'host 203.0.113.30 and port 82'" trace --service api
refused 'this does: tcpdump' capture --service api -w "$TMP/no.pcapng"
in_ns lb bash -c "exec timeout 20 $(grep -o 'tcpdump .*' "$TMP/err") --immediate-mode -c 1" >"$TMP/tcpdump.out" 2>"$TMP/tcpdump.err" &
TCPDUMP=$!
wait_until 5 grep -q '^listening' "$TMP/tcpdump.err" || fail "no command for a shell: $(cat "$TMP/tcpdump.err")"
in_ns client curl -s --max-time 5 http://203.0.113.30:82/ >/dev/null || fail "lb7d does not answer"
wait "$TCPDUMP" || fail "tcpdump does not see it either: $(cat "$TMP/tcpdump.err")"
grep -q '203\.0\.113\.30\.82' "$TMP/tcpdump.out" || fail "another packet: $(cat "$TMP/tcpdump.out")"

# --- wrong usage, and what is no filter ---
refused "^lbctl: --filter: " capture --filter 'tcp prot 80' -w "$TMP/no.pcapng"
refused 'no service "nobody"' trace --service nobody
refused "^lbctl: /nowhere/a.pcapng: No such file" capture -w /nowhere/a.pcapng
ctl capture 2>"$TMP/err" && fail "a capture into nothing"
grep -q -- '-w FILE is missing' "$TMP/err" || fail "$(cat "$TMP/err")"
[ ! -e "$TMP/no.pcapng" ] || fail "a file was made for nothing"

# --- a full disk; a killed lbctl; a reader who has seen enough; a daemon that stops ---
mkdir "$TMP/small"
mount -t tmpfs -o size=64k tmpfs "$TMP/small"
begin disk capture -w "$TMP/small/a.pcapng"
in_ns client curl -s --max-time 20 http://203.0.113.20/big >/dev/null
ended "$PID" 1 disk '/small/a.pcapng: No space left on device; what stands before that is whole'
cp "$TMP/small/a.pcapng" "$TMP/disk.pcapng"
fields "$TMP/disk.pcapng" tcp frame.comment
ended_before=$(n_ended)
begin killed capture -w "$TMP/killed.pcapng"
kill -KILL "$PID"
wait "$PID" 2>/dev/null || true
wait_until 5 has_ended "$ended_before" || fail "the capture of a killed lbctl goes on"
begin stop capture -w "$TMP/stop.pcapng"
STOP=$PID
in_ns client ping -c 1 203.0.113.10 >/dev/null
expect_identity
edge_stop
ended "$STOP" 1 stop 'the daemon has stopped|the daemon has gone'
grep -q '^lbctl: 1 packets captured' "$TMP/stop.err" || fail "$(cat "$TMP/stop.err")"
fields "$TMP/stop.pcapng" icmp frame.comment

# --- what is in the files ---
fields_done
[ "$(cut -f 1 "$TMP/udp.pcapng.txt" | sort | uniq -c | tr -s ' \n' ' ')" = ' 500 0x00000001 500 0x00000002 ' ] ||
	fail "not 500 packets in and 500 out: $(cut -f 1 "$TMP/udp.pcapng.txt" | sort | uniq -c)"
[ "$(cut -f 2 "$TMP/udp.pcapng.txt" | sort -u | wc -l)" = 500 ] || fail "not 500 ports"
grep -qvE $'\t(received|sent) verdict=forward reason=- service=udp4 backend=b[12] lane=0 flow=new by=hash$' "$TMP/udp.pcapng.txt" &&
	fail "another decision: $(grep -vm 1 'service=udp4' "$TMP/udp.pcapng.txt")"
awk -F '\t' '$2 == "0x00000001" { src[$1] = $3 }
	$2 == "0x00000002" && src[$1] ~ /^198/ && ($3 != "10.0.9.1" || $4 !~ /^10.0.0.1/) { bad = 1 }
	$2 == "0x00000002" && src[$1] ~ /^10/ && ($3 != "203.0.113.20" || $4 != "198.51.100.8") { bad = 1 }
	{ n[$2]++ } /198.51.100.7/ { bad = 1 }
	END { exit bad || n["0x00000001"] < 16 || n["0x00000001"] != n["0x00000002"] }' "$TMP/nat.out.txt" ||
	fail "not both sides of nat: $(head -n 4 "$TMP/nat.out.txt")"
grep -q 'flow=known by=table' "$TMP/nat.out.txt" || fail "no flow goes on"
[ "$(wc -l <"$TMP/disk.pcapng.txt")" -gt 20 ] || fail "nothing on the full disk"
grep -q 'sent verdict=answer reason=icmp_echo' "$TMP/stop.pcapng.txt" || fail "no ping in the file"

# --- two ports that are read for ever: 255 packets of one client, one of another ---
python3 - "$TMP/loop.pcap" <<'END'
import struct, sys
def tcp(source, port):
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, bytes(source), bytes((203, 0, 113, 10)))
    total = sum(struct.unpack('>10H', ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack('>H', ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
    eth = bytes((2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0))
    return eth + ip + struct.pack('>HHIIBBHHH', port, 80, 1, 0, 0x50, 2, 9999, 0, 0)
with open(sys.argv[1], 'wb') as f:
    f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for i in range(256):
        frame = tcp((198, 51, 100, 77 if i == 200 else 7), 1024 + i)
        f.write(struct.pack('<IIII', 0, i, len(frame), len(frame)) + frame)
END
cat >"$TMP/loop.json" <<END
{ "control": "$TMP/lb4d.sock", "control_l7": "$TMP/lb7d.sock", "stats": "$TMP/loop", "lanes": [0], "flows": 1024,
  "ports": [{ "name": "loop", "driver": "pcap", "rx": "$TMP/loop.pcap", "loop": true, "mac": "02:00:00:00:00:01" },
    { "name": "side", "driver": "pcap", "rx": "$TMP/loop.pcap", "loop": true, "mac": "02:00:00:00:00:03" }],
  "services": [{ "name": "web", "address": "203.0.113.10", "port": 80, "protocol": "tcp", "pool": "web" }],
  "pools": [{ "name": "web", "backends": [{ "name": "web-1", "address": "10.0.0.11", "port": 80, "mac": "02:00:00:00:00:0b" }] }] }
END
: >"$TMP/lb4d.log"
"$BIN/lb4d" -c "$TMP/loop.json" 2>>"$TMP/lb4d.log" &
LOOP_PID=$!
wait_until 15 _is_ready || fail "lb4d does not get ready: $(cat "$TMP/lb4d.log")"
begin ports capture --rate 1000 --seconds 1 -w "$TMP/ports.pcapng"
PORTS=$PID
begin rate trace --rate 1000 --seconds 1
RATE=$PID
begin rare trace --long --filter 'host 198.51.100.77' --count 1000
ended "$PID" 0 rare '^lbctl: 1000 packets shown, [0-9]{5,} not wanted'
[ "$(grep -c ' web tcp 198.51.100.77:1224 > 203.0.113.10:80 ' "$TMP/rare.out")" = 1000 ] || fail "other packets: $(head -n 2 "$TMP/rare.out")"

# Its reader waits for a word before it reads.
mkfifo "$TMP/gate" "$TMP/pipe"
{ read -r _ <"$TMP/gate" && cat; } <"$TMP/pipe" >"$TMP/slow.pcapng" &
SLOW=$!
"$BIN/lbctl" -s "$TMP/lb4d.sock" capture --rate 1000000 --only-received -w - >"$TMP/pipe" 2>"$TMP/slow.err" &
PID=$!
received() { ctl -o json counters | jq .received; }
grows() { [ "$(received)" -gt $((before + 3000000)) ]; }
before=$(received)
wait_until 20 grows || fail "the lane waits for a reader"
kill -INT "$PID"
echo go >"$TMP/gate"
ended "$PID" 0 slow '^lbctl: [0-9]+ packets captured, .*, [0-9]{4,} lost'
wait "$SLOW"
n=$(sed -nE 's/^lbctl: ([0-9]+) packets.*/\1/p' "$TMP/slow.err")
[ "$(capinfos -Tmrc "$TMP/slow.pcapng" 2>/dev/null | cut -d , -f 2)" = "$n" ] || fail "the slow reader's file: $(capinfos -c "$TMP/slow.pcapng"), not $n"
grep -qam 1 'received verdict=.* service=web ' "$TMP/slow.pcapng" || fail "the slow reader's file has no decisions"
ended "$RATE" 0 rate '^lbctl: (19|2[0-9]|3[0-9])[0-9][0-9] packets shown, 0 not wanted by the filter, [0-9]{5,} beyond the rate, 0 lost'
ended "$PORTS" 0 ports '^lbctl: [0-9]+ packets captured, 0 not wanted by the filter, [0-9]{5,} beyond the rate, 0 lost'
# statistics FILE: for each interface: packets by the file, and delivered, received, accepted, dropped by its statistics.
statistics() {
	python3 - "$1" <<-'END'
		import collections, struct, sys
		data = open(sys.argv[1], "rb").read()
		packets, said, at = collections.Counter(), [], 0
		while at < len(data):
		    kind, size, interface = struct.unpack_from("<III", data, at)
		    if kind == 6:  # a packet; options behind its bytes: 2 = flags
		        flags = at + 28 + (struct.unpack_from("<I", data, at + 20)[0] + 3 & ~3)
		        packets[interface] += struct.unpack_from("<HHI", data, flags) == (2, 4, 1)
		    if kind == 5:
		        option, values = at + 20, {}
		        while (code := struct.unpack_from("<HH", data, option))[0]:
		            values[code[0]] = struct.unpack_from("<Q", data, option + 4)[0]
		            option += 4 + code[1]
		        said.append((interface, packets[interface], *(values[i] for i in (8, 4, 6, 5))))
		    at += size
		for line in said:
		    print(*line)
	END
}
statistics "$TMP/ports.pcapng" >"$TMP/statistics"
awk '$2 != $3 || $2 < 50 || $4 != $5 || $4 != $3 + $6 || $6 < 10000 { bad = 1 } { n++; dropped += $6; line = line " " $1 }
	END { print dropped; exit bad || line != " 0 1" }' "$TMP/statistics" >"$TMP/dropped" || fail "statistics of interfaces: $(cat "$TMP/statistics")"
grep -q " $(cat "$TMP/dropped") beyond the rate" "$TMP/ports.err" || fail "$(cat "$TMP/ports.err"), and in the file $(cat "$TMP/statistics")"
[ "$(capinfos "$TMP/ports.pcapng" 2>/dev/null | grep -c 'Number of stat entries = 1')" = 2 ] || fail "capinfos sees other statistics"
ctl trace 2>"$TMP/head.err" | head -n 3 >"$TMP/head.out" || fail "a reader who has seen enough: $(cat "$TMP/head.err")"
kill -TERM "$LOOP_PID"
wait "$LOOP_PID" || fail "lb4d ended with status $?: $(cat "$TMP/lb4d.log")"
LOOP_PID=
