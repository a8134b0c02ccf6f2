#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lbctl capture and trace at a living edge: as many packets as the client sent, the decision of each as its comment, both
# ways of nat by the client's address; tshark reads every file without complaint; a trace is what lbreplay says of the
# same packets; reloads, services that leave, a full disk, a killed lbctl, a daemon that stops; then a pcap port that
# is read for ever: the rate holds, the rare packet is found, and who does not read loses packets and stops nobody.
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

# fields FILE FILTER FIELD...: lines of these fields. tshark must have nothing to say but that it is root.
fields() {
	local file=$1 filter=$2 args=() field
	shift 2
	for field in "$@"; do args+=(-e "$field"); done
	tshark -r "$file" -Y "$filter" -T fields "${args[@]}" 2>"$TMP/tshark.err" || fail "tshark refuses $file: $(cat "$TMP/tshark.err")"
	grep -v 'Running as user' "$TMP/tshark.err" && fail "tshark complains of $file"
	return 0
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
jq '.services += [{name: "udp4", address: "203.0.113.10", port: 80, protocol: "udp", pool: "v4"}]' "$TMP/edge.json" >"$TMP/new.json"
mv "$TMP/new.json" "$TMP/edge.json"
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
in_ns client ping -c 2 -i 0.2 203.0.113.10 >/dev/null
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
fields "$TMP/udp.pcapng" udp frame.packet_flags_direction udp.srcport frame.comment >"$TMP/udp.txt"
[ "$(cut -f 1 "$TMP/udp.txt" | sort | uniq -c | tr -s ' \n' ' ')" = ' 500 0x00000001 500 0x00000002 ' ] ||
	fail "not 500 packets in and 500 out: $(cut -f 1 "$TMP/udp.txt" | sort | uniq -c)"
[ "$(cut -f 2 "$TMP/udp.txt" | sort -u | wc -l)" = 500 ] || fail "not 500 ports"
grep -qvE $'\t(received|sent) verdict=forward reason=- service=udp4 backend=b[12] lane=0 flow=new by=hash$' "$TMP/udp.txt" &&
	fail "another decision: $(grep -vm 1 'service=udp4' "$TMP/udp.txt")"
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
is_closed() { [ "$(tshark -r "$TMP/nat.out" -Y 'tcp.flags.fin == 1 && ip.dst == 198.51.100.8' 2>/dev/null | wc -l)" = 2 ]; }
wait_until 10 is_closed || fail "the file does not grow, or ends with no FIN"
kill -TERM "$NAT"
ended "$NAT" 0 nat '^lbctl: [0-9]+ packets captured, [1-9]'
fields "$TMP/nat.out" tcp frame.packet_id frame.packet_flags_direction ip.src ip.dst frame.comment >"$TMP/nat.txt"
awk -F '\t' '$2 == "0x00000001" { src[$1] = $3 }
	$2 == "0x00000002" && src[$1] ~ /^198/ && ($3 != "10.0.9.1" || $4 !~ /^10.0.0.1/) { bad = 1 }
	$2 == "0x00000002" && src[$1] ~ /^10/ && ($3 != "203.0.113.20" || $4 != "198.51.100.8") { bad = 1 }
	{ n[$2]++ } /198.51.100.7/ { bad = 1 }
	END { exit bad || n["0x00000001"] < 16 || n["0x00000001"] != n["0x00000002"] }' "$TMP/nat.txt" ||
	fail "not both sides of nat: $(head -n 4 "$TMP/nat.txt")"
grep -q 'flow=known by=table' "$TMP/nat.txt" || fail "no flow goes on"

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
[ "$(fields "$TMP/small/a.pcapng" tcp frame.comment | wc -l)" -gt 20 ] || fail "nothing on the full disk"
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
fields "$TMP/stop.pcapng" icmp frame.comment | grep -q 'sent verdict=answer reason=icmp_echo' || fail "no ping in the file"

# --- a port that is read for ever: 255 packets of one client, one of another ---
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
  "ports": [{ "name": "loop", "driver": "pcap", "rx": "$TMP/loop.pcap", "loop": true, "mac": "02:00:00:00:00:01" }],
  "services": [{ "name": "web", "address": "203.0.113.10", "port": 80, "protocol": "tcp", "pool": "web" }],
  "pools": [{ "name": "web", "backends": [{ "name": "web-1", "address": "10.0.0.11", "port": 80, "mac": "02:00:00:00:00:0b" }] }] }
END
: >"$TMP/lb4d.log"
"$BIN/lb4d" -c "$TMP/loop.json" 2>>"$TMP/lb4d.log" &
LOOP_PID=$!
wait_until 15 _is_ready || fail "lb4d does not get ready: $(cat "$TMP/lb4d.log")"
begin rate trace --rate 1000 --seconds 1
ended "$PID" 0 rate '^lbctl: (19|2[0-9]|3[0-9])[0-9][0-9] packets shown, 0 not wanted by the filter, [0-9]{5,} beyond the rate, 0 lost'
begin rare trace --long --filter 'host 198.51.100.77' --count 1000
ended "$PID" 0 rare '^lbctl: 1000 packets shown, [0-9]{5,} not wanted'
[ "$(grep -c ' web tcp 198.51.100.77:1224 > 203.0.113.10:80 ' "$TMP/rare.out")" = 1000 ] || fail "other packets: $(head -n 2 "$TMP/rare.out")"

# Its reader waits for a word before it reads.
mkfifo "$TMP/gate" "$TMP/pipe"
{ read -r _ <"$TMP/gate" && cat; } <"$TMP/pipe" >"$TMP/slow.pcapng" &
SLOW=$!
"$BIN/lbctl" -s "$TMP/lb4d.sock" capture --rate 1000000 -w - >"$TMP/pipe" 2>"$TMP/slow.err" &
PID=$!
received() { ctl -o json counters | jq .received; }
grows() { [ "$(received)" -gt $((before + 3000000)) ]; }
before=$(received)
wait_until 20 grows || fail "the lane waits for a reader"
kill -INT "$PID"
echo go >"$TMP/gate"
ended "$PID" 0 slow '^lbctl: [0-9]+ packets captured, .*, [0-9]{4,} lost'
wait "$SLOW"
[ -n "$(fields "$TMP/slow.pcapng" 'frame.number == 1' frame.comment)" ] || fail "the slow reader's file is empty"
ctl trace 2>"$TMP/head.err" | head -n 3 >"$TMP/head.out" || fail "a reader who has seen enough: $(cat "$TMP/head.err")"
kill -TERM "$LOOP_PID"
wait "$LOOP_PID" || fail "lb4d ended with status $?: $(cat "$TMP/lb4d.log")"
LOOP_PID=
