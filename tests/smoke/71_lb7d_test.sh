#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# lb7d alone on ordinary sockets: lbctl, probes with time and reason, what serves when nobody is healthy, the admin
# address, starts that are refused, SIGHUP, and SIGTERM with a grace.
. "$(dirname "$0")/_init.sh"

NS=l7alone-$$ # not lb47-*: those are taken down by any edge (edge.sh)
LB7D_PID=
trap 'down; rm -rf "$TMP"' EXIT

down() {
	ip netns pids $NS 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
	ip netns del $NS 2>/dev/null || true
	rm -rf "/sys/fs/bpf/$NS" "/dev/shm/lb47-sys-fs-bpf-$NS"
}

in_ns() { ip netns exec $NS "$@"; }
ctl() { "$BIN/lbctl" -s "$TMP/lb7d.sock" "$@"; }
get() { in_ns curl -s -m 5 "$@"; }
status_of() { get -o /dev/null -w '%{http_code}' "$@"; }

# backend N: nginx on port 810N; "bad" in its folder makes /health say 503. TLS on 844N.
backend() {
	local n=$1 dir=$TMP/b$1
	mkdir -p "$dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=b$n.example.com" \
		-addext "subjectAltName=DNS:b$n.example.com" -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
	cat >"$dir/nginx.conf" <<-END
		daemon off; user root; pid $dir/pid; error_log $dir/error.log; worker_processes 1;
		events { worker_connections 512; }
		http {
			access_log $dir/access.log;
			client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir;
			uwsgi_temp_path $dir; scgi_temp_path $dir;
			server {
				listen 127.0.0.1:810$n;
				listen 127.0.0.1:844$n ssl;
				ssl_certificate $dir/cert.pem; ssl_certificate_key $dir/key.pem;
				location /health { if (-f $dir/bad) { return 503; } return 204; }
				location /slow { limit_rate 200; root $dir; }
				location / { return 200 "b$n\\n"; }
			}
		}
	END
	head -c 1000 /dev/zero >"$dir/slow"
	ip netns exec $NS nginx -c "$dir/nginx.conf" 2>/dev/null &
	disown
	wait_until 15 get -o /dev/null "http://127.0.0.1:810$n/" || fail "nginx $n does not start"
}

conf() {
	cat >"$TMP/conf.json" <<-END
		{ "node": "alone", "control_l7": "$TMP/lb7d.sock", "stats": "/sys/fs/bpf/$NS", "workers": 2, "access_log": "$TMP/access.log",
		  "admin": { "address": "127.0.0.1", "port": 9100 },
		  "services": [ { "name": "web", "address": "127.0.0.1", "port": 8080, "protocol": "tcp", "l7": "web" } ],
		  "l7": [ { "name": "web", "routes": [
		    { "path": "/", "pool": "web" }, { "path": "/none/", "pool": "none" } ] } ],
		  "pools": [
		    { "name": "web", "balance": "round_robin",
		      "health": { "type": "http", "path": "/health", "interval_ms": 200, "timeout_ms": 200, "rise": 2, "fall": 2 },
		      "backends": [ { "name": "b1", "address": "127.0.0.1", "port": 8101 },
		                    { "name": "b2", "address": "127.0.0.1", "port": 8102 } ] },
		    { "name": "none", "when_unhealthy": "none", "health": { "type": "tcp", "interval_ms": 200, "timeout_ms": 200 },
		      "backends": [ { "name": "gone", "address": "127.0.0.1", "port": 8109 } ] },
		    { "name": "tls", "health": { "type": "https", "path": "/health", "interval_ms": 200, "timeout_ms": 200,
		        "server_name": "b1.example.com" },
		      "tls": { "ca": "$TMP/b1/cert.pem" },
		      "backends": [ { "name": "b1", "address": "127.0.0.1", "port": 8441 },
		                    { "name": "b2", "address": "127.0.0.1", "port": 8442 } ] },
		    { "name": "silent", "health": { "type": "http", "interval_ms": 100, "timeout_ms": 50 },
		      "backends": [ { "name": "s", "address": "127.0.0.1", "port": 8105 } ] },
		    { "name": "asked", "backends": [ { "name": "b1", "address": "127.0.0.1", "port": 8101 } ] } ] }
	END
}

# variant FILTER: the configuration changed by a jq filter.
variant() {
	jq "$1" "$TMP/conf.json" >"$TMP/next.json"
	cp "$TMP/next.json" "$TMP/conf.json"
}

start() {
	nsenter --net=/run/netns/$NS "$BIN/lb7d" -c "$TMP/conf.json" "$@" 2>>"$TMP/lb7d.log" &
	LB7D_PID=$!
	wait_until 15 grep -q " ready " "$TMP/lb7d.log" || { cat "$TMP/lb7d.log" >&2; fail "lb7d does not get ready"; }
}

# refuses STATUS WORDS ARGS...: lb7d ends with STATUS and says all WORDS (a glob).
refuses() {
	local rc=0 said
	said=$(timeout 10 nsenter --net=/run/netns/$NS "$BIN/lb7d" "${@:3}" 2>&1) || rc=$?
	[ "$rc" = "$1" ] || fail "lb7d ${*:3}: status $rc, not $1: $said"
	# shellcheck disable=SC2053 # a glob is meant
	[[ $said == $2 ]] || fail "lb7d ${*:3}: does not say $2: $said"
}

# health POOL BACKEND: "state reason"
health() { ctl -o json backends "$1" | jq -r --arg n "$2" '.backends[] | select(.name == $n) | .health + " " + (.reason // "")'; }
# shellcheck disable=SC2053 # a glob is meant
is_health() { [[ $(health "$1" "$2") == $3 ]]; }
expect_health() { wait_until 5 is_health "$1" "$2" "$3" || fail "$1/$2 is \"$(health "$1" "$2")\", not \"$3\""; }
said_by() { for _ in 1 2 3 4 5 6 7 8; do get http://127.0.0.1:8080/; done | sort -u | tr '\n' ' '; }
says() { [ "$(said_by)" = "$1" ]; }

ip netns add $NS
ip -n $NS link set lo up
backend 1
backend 2
# Accepts and says nothing, ever.
ip netns exec $NS python3 -c '
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 8105)); s.listen(512); time.sleep(600)' &
disown
conf

# --- starts that are refused ---
refuses 2 '*-c CONF is missing*--help*'
refuses 2 '*--grace*soon*' -c "$TMP/conf.json" --grace soon
refuses 1 '*nowhere.json*No such file*' -c "$TMP/nowhere.json"
echo '{}' >"$TMP/empty.json"
refuses 1 '*empty.json: nothing for lb7d to do*' -c "$TMP/empty.json"
ip netns exec $NS python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 9100)); s.listen(); time.sleep(600)' &
taken=$!
wait_until 10 in_ns python3 -c 'import socket; socket.create_connection(("127.0.0.1", 9100))' || fail "nobody took the port"
refuses 1 '*admin: 127.0.0.1:9100: Address already in use*' -c "$TMP/conf.json"
kill "$taken"
wait "$taken" 2>/dev/null || true
# Root, too: it has given up the power to read what is another's.
install -o 65534 -m 600 "$TMP/b1/key.pem" "$TMP/b1/own.pem"
jq '.l7[0].tls = [{certificate: "b1/cert.pem", key: "b1/own.pem"}]' "$TMP/conf.json" >"$TMP/own.json"
refuses 1 '*l7?0?.tls?0?.key: b1/own.pem: Permission denied (*owner and mode*' -c "$TMP/own.json"
[ ! -S "$TMP/lb7d.sock" ] || fail "a refused start left its socket"

# --- alone ---
start --grace 20
refuses 1 "*already running*pid $LB7D_PID*" -c "$TMP/conf.json"
[ "$(ctl -o json status | jq -r .node)" = alone ] || fail "status: $(ctl status)"
[ "$(ctl -o json l7 | jq -c '[.state, .managed, (.workers | length), .probes]')" = '["running",false,2,6]' ] ||
	fail "l7: $(ctl -o json l7)"
expect_health web b1 'healthy status 204'
expect_health web b2 'healthy status 204'
expect_health none gone 'unhealthy connect: connection refused'
expect_health tls b1 'healthy status 204'
expect_health tls b2 'unhealthy tls: *'
expect_health silent s 'unhealthy no answer within 50 ms'
is_health asked b1 'unknown ' || fail "probed without a check: $(health asked b1)"
[ "$(said_by)" = 'b1 b2 ' ] || fail "not both backends serve: $(said_by)"

# Every thread may listen on low ports, and nothing else that root may.
[ "$(awk '/^CapEff/ { print $2 }' "/proc/$LB7D_PID"/task/*/status | sort -u)" = 0000000000000400 ] ||
	fail "capabilities: $(grep -h Cap "/proc/$LB7D_PID"/task/*/status)"

# --- up and down, with time and reason ---
touch "$TMP/b1/bad"
began=$(date +%s%N)
expect_health web b1 'unhealthy status 503'
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -lt 2000 ] || fail "two failures 200 ms apart took $took ms to be seen"
[ "$(ctl -o json backends web | jq '.backends[] | select(.name == "b1") | .since_s < 3')" = true ] || fail "since when?"
wait_until 5 says 'b2 ' || fail "an unhealthy backend serves: $(said_by)"
touch "$TMP/b2/bad"
expect_health web b2 'unhealthy status 503'
wait_until 5 says 'b1 b2 ' || fail "does not fail open: $(said_by)"
[ "$(ctl -o json pools | jq -c '.pools[0] | [.usable, .unhealthy, .failed_open]')" = '[2,2,true]' ] || fail "pools: $(ctl pools)"
[ "$(status_of http://127.0.0.1:8080/none/x)" = 503 ] || fail "when_unhealthy none does not answer 503"
rm "$TMP/b1/bad" "$TMP/b2/bad"
expect_health web b1 'healthy status 204'
expect_health web b2 'healthy status 204'
grep -q 'WARN lb7d backend unhealthy pool=web backend=b1 address=127.0.0.1:8101 reason="status 503"' "$TMP/lb7d.log" ||
	fail "no line about b1 in the log"
grep -q '"GET /health HTTP/1.1" 204 .*lb47-probe/' "$TMP/b1/access.log" || fail "not probed as it should: $(tail -1 "$TMP/b1/access.log")"

# --- operators ---
ctl backend drain web b1 >/dev/null
wait_until 5 says 'b2 ' || fail "a drained backend serves: $(said_by)"
ctl reload >/dev/null
wait_until 5 says 'b1 b2 ' || fail "reload does not undo what was not saved: $(said_by)"
rc=0
said=$(ctl flows 2>&1) || rc=$?
[[ $rc = 1 && $said == *"lb7d has no lanes"* ]] || fail "flows: $rc $said"
[ "$(ctl -o json counters | jq '[.counters[] | select(.name == "requests")][0].value > 10')" = true ] || fail "counters: $(ctl counters)"

# --- the admin address ---
[ "$(get http://127.0.0.1:9100/healthz)" = ok ] || fail "healthz: $(get -i http://127.0.0.1:9100/healthz)"
[ "$(get http://127.0.0.1:9100/readyz)" = ready ] || fail "readyz: $(get -i http://127.0.0.1:9100/readyz)"
[ "$(status_of http://127.0.0.1:9100/x)$(status_of -X POST http://127.0.0.1:9100/metrics)" = 404405 ] || fail "404 and 405"
get http://127.0.0.1:9100/metrics >"$TMP/metrics"
grep -qx 'lb_backend_healthy{pool="web",backend="b1"} 1' "$TMP/metrics" || fail "no health in $(cat "$TMP/metrics")"
grep -qx 'lb_backend_healthy{pool="tls",backend="b2"} 0' "$TMP/metrics" || fail "no health in $(cat "$TMP/metrics")"
[ "$(awk '/^lb_requests_total/ { n += $2 } END { print (n > 10) }' "$TMP/metrics")" = 1 ] || fail "no requests in metrics"
# Text format 0.0.4: families in one piece, HELP and TYPE first, no sample twice, counters end in _total.
python3 - "$TMP/metrics" <<'END' || fail "metrics are not as Prometheus wants them"
import re, sys
sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (-?\d+(?:\.\d+)?)\Z')
helped, types, seen, current = set(), {}, set(), None
for line in open(sys.argv[1]).read().removesuffix("\n").split("\n"):
    if line.startswith("# HELP "):
        assert line.split(" ", 3)[3], line
        current = line.split(" ", 3)[2]
        assert current not in helped, line
        helped.add(current)
    elif line.startswith("# TYPE "):
        _, _, name, kind = line.split(" ")
        assert name == current and name not in types and kind in ("counter", "gauge", "histogram"), line
        assert (kind == "counter") == name.endswith("_total"), line
        types[name] = kind
    else:
        match = sample.match(line)
        name = match[1] if match else line
        if types.get(current) == "histogram":
            name = re.sub("_(bucket|sum|count)$", "", name)
        assert name == current and current in types, line
        assert (match[1], match[2]) not in seen, line
        seen.add((match[1], match[2]))
assert len(types) > 25 and len(seen) > len(types)
END
if command -v promtool >/dev/null; then
	promtool check metrics <"$TMP/metrics" || fail "promtool finds fault"
fi

# --- SIGHUP: a good one, a bad one, a rotated log ---
# conf.json was not saved by anybody: it is as it was.
mv "$TMP/access.log" "$TMP/access.old"
variant '.pools[0].backends[1].state = "down"'
kill -HUP "$LB7D_PID"
wait_until 5 says 'b1 ' || fail "SIGHUP does not reload: $(said_by)"
wait_until 5 test -s "$TMP/access.log" || fail "the access log was not opened anew"
cp "$TMP/conf.json" "$TMP/good.json"
echo '{ "l7": 7 }' >"$TMP/conf.json"
kill -HUP "$LB7D_PID"
wait_until 5 grep -q 'WARN lb7d reload refused' "$TMP/lb7d.log" || fail "no word of a refused reload"
[ "$(said_by)" = 'b1 ' ] || fail "a refused reload changed what is served"
[[ $(ctl -o json status | jq -r .last_error) == *"conf.json: l7"* ]] || fail "status does not know: $(ctl status)"
cp "$TMP/good.json" "$TMP/conf.json"
variant '.workers = 3'
rc=0
said=$(ctl reload 2>&1) || rc=$?
[[ $rc = 1 && $said == *workers*restart* ]] || fail "a fixed key: $rc $said"
variant '.workers = 2 | .services += [.services[0] + {name: "low", port: 80}]'
ctl reload >/dev/null
wait_until 5 get http://127.0.0.1/ || fail "a port below 1024 cannot be added"
ctl backend weight web b1 7 >/dev/null
ctl save >/dev/null
[ "$(jq .pools[0].backends[0].weight "$TMP/conf.json")" = 7 ] || fail "not saved: $(cat "$TMP/conf.json")"

# --- SIGTERM: what runs may end, new ones are not taken ---
ip netns exec $NS curl -s -m 10 -o "$TMP/slow.out" -w '%{http_code}' http://127.0.0.1:8080/slow >"$TMP/slow.status" &
slow=$!
is_active() { [ "$(ctl -o json l7 | jq .active)" = 1 ]; }
wait_until 5 is_active || fail "the slow request is not seen: $(ctl -o json l7)"
kill -TERM "$LB7D_PID"
is_draining() { [ "$(ctl -o json l7 | jq -c '[.state, .draining]')" = '["draining",true]' ]; }
wait_until 5 is_draining || fail "status does not show the drain"
[ "$(ctl -o json l7 | jq '.grace_left_ms > 0 and .grace_left_ms <= 20000')" = true ] || fail "grace: $(ctl -o json l7)"
[ "$(ctl -o json status | jq -c '.l7[0] | [.state, .requests > 0, .grace_left_ms > 0]')" = '["draining",true,true]' ] ||
	fail "status: $(ctl status)"
[ "$(get http://127.0.0.1:9100/readyz)" = draining ] || fail "ready while draining"
[ "$(get http://127.0.0.1:9100/healthz)" = ok ] || fail "not alive while draining"
! get http://127.0.0.1:8080/ || fail "takes new connections while draining"
wait "$slow" || fail "the drain cut a request within its grace"
[ "$(cat "$TMP/slow.status")$(stat -c %s "$TMP/slow.out")" = 2001000 ] || fail "the drained request: $(cat "$TMP/slow.status")"
wait "$LB7D_PID" || fail "lb7d ended with status $?"
grep -q 'INFO lb7d stopped' "$TMP/lb7d.log" || fail "no word of the stop"
[ ! -S "$TMP/lb7d.sock" ] || fail "the control socket stays behind"

# --- a grace that is over, and a second signal ---
: >"$TMP/lb7d.log"
start --grace 1
ip netns exec $NS curl -s http://127.0.0.1:8080/slow >/dev/null &
wait_until 5 is_active || fail "the slow request is not seen"
began=$SECONDS
kill -TERM "$LB7D_PID"
wait "$LB7D_PID" || fail "lb7d ended with status $?"
[ $((SECONDS - began)) -le 4 ] || fail "a grace of one second took $((SECONDS - began))"
grep -q 'reason="grace is over"' "$TMP/lb7d.log" || fail "no word of the cut: $(cat "$TMP/lb7d.log")"
: >"$TMP/lb7d.log"
start --grace 600
ip netns exec $NS curl -s http://127.0.0.1:8080/slow >/dev/null &
wait_until 5 is_active || fail "the slow request is not seen"
kill -TERM "$LB7D_PID"
wait_until 5 is_draining || fail "status does not show the drain"
kill -TERM "$LB7D_PID"
timeout 10 tail --pid="$LB7D_PID" -f /dev/null || fail "a second SIGTERM does not stop at once"
wait "$LB7D_PID" || fail "lb7d ended with status $?"

# --- killed: what it left behind does not keep the next one from starting ---
: >"$TMP/lb7d.log"
start
kill -KILL "$LB7D_PID"
wait "$LB7D_PID" 2>/dev/null || true
: >"$TMP/lb7d.log"
start
[ "$(said_by)" = 'b1 ' ] || fail "does not serve after a crash: $(said_by)"
kill -TERM "$LB7D_PID"
wait "$LB7D_PID" || fail "lb7d ended with status $?"

# --- without root ---
install -d -o 65534 -m 755 "$TMP/free"
chmod 755 "$TMP"
variant ".control_l7 = \"$TMP/free/lb7d.sock\" | del(.services[1], .access_log) |
	.services += [.services[0] + {name: \"away\", address: \"192.0.2.99\"}] | .pools |= map(select(.name == \"web\" or .name == \"none\"))"
chmod 644 "$TMP/conf.json"
: >"$TMP/lb7d.log"
nsenter --net=/run/netns/$NS setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/lb7d" -c "$TMP/conf.json" 2>>"$TMP/lb7d.log" &
LB7D_PID=$!
wait_until 15 grep -q " ready " "$TMP/lb7d.log" || fail "does not run without root: $(cat "$TMP/lb7d.log")"
[ "$(said_by)" = 'b1 ' ] || fail "does not serve without root: $(said_by)"
[ "$(grep 'no connection gets here' "$TMP/lb7d.log" | grep -o 'service=.*')" = 'service=away reason="192.0.2.99 is no address of this host (ip addr add)"' ] ||
	fail "the address that is not there: $(cat "$TMP/lb7d.log")"
kill -TERM "$LB7D_PID"
wait "$LB7D_PID" || fail "lb7d ended with status $?"
jq '.services[0].port = 81' "$TMP/conf.json" >"$TMP/low.json"
chmod 644 "$TMP/low.json"
said=$(nsenter --net=/run/netns/$NS setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/lb7d" -c "$TMP/low.json" 2>&1) &&
	fail "listens on a low port without root"
[[ $said == *':81: Permission denied (a port below 1024 needs CAP_NET_BIND_SERVICE)'* ]] || fail "a low port without root: $said"
