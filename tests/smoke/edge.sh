# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# A whole edge in network namespaces, for smoke tests and the demo. Source it after _init.sh.
#
#      client               lb4d                  backends, real nginx
#   198.51.100.7        198.51.100.1           10.0.0.11  .12  .13
#   2001:db8:c::7       2001:db8:c::1          fd00:b::11 ::12 ::13
#        |              10.0.0.1 fd00:b::1          |     |    |
#        |              snat 10.0.9.1 fd00:9::1     |     |    |
#        +----------------- eth0 (AF_XDP) ----------+-----+----+   one switch (a bridge)
#
# VIPs 203.0.113.10 (dsr) and 203.0.113.20 (nat), 2001:db8:10::10 and ::20: the client has a route to
# them via lb4d's host, as a BGP router would, and backends one to the snat addresses. lb4d's host owns
# neither and has blackhole routes for both, so its kernel never answers for lb4d, not even while it is dead.
#
#   edge_up [QUEUES]     makes namespaces, veths, nginx on every backend; QUEUES of lb4d's device (1)
#   edge_conf FILE       writes a configuration with services dsr4 nat4 dsr6 nat6
#   edge_start FILE      starts lb4d (log in $TMP/lb4d.log) and waits until it is ready
#   edge_stop            SIGTERM, and waits for the end; fails if it was not clean
#   edge_down            removes everything; safe at any time
#   in_ns NAME CMD...    runs in namespace client, lb, b1, b2, b3
#   ctl ARGS...          lbctl on this edge's socket

EDGE=${EDGE:-lb47-${TMP##*.}} # tests run side by side
EDGE_BACKENDS=${EDGE_BACKENDS:-3}
LB4D_PID=

in_ns() {
	ip netns exec "$EDGE-$1" "${@:2}"
}

ctl() {
	"$BIN/lbctl" -s "$TMP/lb4d.sock" "$@"
}

# Half-finished checksums would reach AF_XDP as they are: they must be complete on every link.
_plug() {
	local ns=$1 queues=${2:-1}
	ip netns add "$EDGE-$ns"
	# Without duplicate address detection, which would keep IPv6 waiting for two seconds.
	in_ns "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$EDGE-$ns" link set lo up
	ip -n "$EDGE-$ns" link add eth0 numrxqueues "$queues" numtxqueues "$queues" type veth \
		peer name "$ns" netns "$EDGE-switch" numrxqueues "$queues" numtxqueues "$queues"
	ip -n "$EDGE-switch" link set "$ns" master br0 up
	in_ns "$ns" ethtool -K eth0 tx off >/dev/null
	in_ns switch ethtool -K "$ns" tx off >/dev/null
	ip -n "$EDGE-$ns" link set eth0 up
}

_address() {
	ip -n "$EDGE-$1" addr add "$2" dev eth0 "${@:3}"
}

_nginx() {
	local ns=$1 dir=$TMP/$1
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-END
		daemon off; user root; pid $dir/pid; error_log $dir/error.log; worker_processes 1;
		events { worker_connections 4096; }
		http {
			access_log off; keepalive_requests 1000000; keepalive_timeout 600s;
			client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir;
			uwsgi_temp_path $dir; scgi_temp_path $dir;
			server {
				listen 80; listen [::]:80;
				location / { return 200 "$ns\\n"; }
				location /big { root $dir; }
			}
		}
	END
	truncate -s 20000000 "$dir/big"
	# No function: its subshell would hold open what the script has open. disown: nobody is told of its end.
	ip netns exec "$EDGE-$ns" nginx -c "$dir/nginx.conf" 2>/dev/null &
	disown
	wait_until 5 in_ns "$ns" curl -s -o /dev/null http://127.0.0.1/ || fail "nginx in $ns does not start"
}

_backend() {
	local n=$1 ns=b$1
	_plug "$ns"
	_address "$ns" "10.0.0.1$n/24"
	_address "$ns" "fd00:b::1$n/64" nodad
	# The dsr VIPs live on the loopback, where nobody asks for them by ARP or ND.
	ip -n "$EDGE-$ns" addr add 203.0.113.10/32 dev lo
	ip -n "$EDGE-$ns" addr add 2001:db8:10::10/128 dev lo nodad
	in_ns "$ns" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
	ip -n "$EDGE-$ns" route add 198.51.100.0/24 dev eth0
	ip -n "$EDGE-$ns" route add 2001:db8:c::/64 dev eth0
	ip -n "$EDGE-$ns" route add 10.0.9.0/24 via 10.0.0.1
	ip -n "$EDGE-$ns" route add fd00:9::/64 via fd00:b::1
	_nginx "$ns"
}

edge_up() {
	edge_down
	ip netns add "$EDGE-switch"
	ip -n "$EDGE-switch" link add br0 type bridge
	ip -n "$EDGE-switch" link set br0 up
	_plug client
	_plug lb "${1:-1}"
	_address client 198.51.100.7/24
	_address client 198.51.100.8/24
	_address client 2001:db8:c::7/64 nodad
	_address lb 198.51.100.1/24
	_address lb 10.0.0.1/24
	_address lb 2001:db8:c::1/64 nodad
	_address lb fd00:b::1/64 nodad
	ip -n "$EDGE-client" route add 203.0.113.0/24 via 198.51.100.1
	ip -n "$EDGE-client" route add 2001:db8:10::/64 via 2001:db8:c::1
	for prefix in 203.0.113.0/24 10.0.9.0/24 2001:db8:10::/64 fd00:9::/64; do
		ip -n "$EDGE-lb" route add blackhole "$prefix"
	done
	for ((n = 1; n <= EDGE_BACKENDS; n++)); do
		_backend "$n"
	done
}

# _pool NAME PREFIX: a pool of all backends, addresses PREFIX1, PREFIX2, ...
_pool() {
	local name=$1 prefix=$2 comma=
	printf '    { "name": "%s", "backends": [' "$name"
	for ((n = 1; n <= EDGE_BACKENDS; n++)); do
		printf '%s\n      { "name": "b%d", "address": "%s%d", "port": 80 }' "$comma" "$n" "$prefix" "$n"
		comma=,
	done
	printf ' ] }'
}

edge_conf() {
	cat >"$1" <<-END
		{
		  "node": "${EDGE}",
		  "control": "$TMP/lb4d.sock",
		  "control_l7": "$TMP/lb7d.sock",
		  "stats": "/sys/fs/bpf/$EDGE",
		  "ports": [ { "name": "wan", "driver": "af_xdp", "device": "eth0", "queues": ${EDGE_QUEUES:-1} } ],
		  "lanes": ${EDGE_LANES:-[0]},
		  "flows": 65536,
		  "snat": { "addresses": ["10.0.9.1", "fd00:9::1"] },
		  "services": [
		    { "name": "dsr4", "address": "203.0.113.10", "port": 80, "protocol": "tcp", "forward": "dsr", "pool": "v4" },
		    { "name": "nat4", "address": "203.0.113.20", "port": 80, "protocol": "tcp", "forward": "nat", "pool": "v4" },
		    { "name": "dsr6", "address": "2001:db8:10::10", "port": 80, "protocol": "tcp", "forward": "dsr", "pool": "v6" },
		    { "name": "nat6", "address": "2001:db8:10::20", "port": 80, "protocol": "tcp", "forward": "nat", "pool": "v6" }
		  ],
		  "pools": [
		$(_pool v4 10.0.0.1),
		$(_pool v6 fd00:b::1)
		  ]
		}
	END
}

_is_ready() {
	ctl status
}

edge_start() {
	# Only the network is another: `ip netns exec` would hide /sys/fs/bpf under a /sys of its own.
	nsenter --net="/run/netns/$EDGE-lb" "$BIN/lb4d" -c "$1" "${@:2}" 2>>"$TMP/lb4d.log" &
	LB4D_PID=$!
	wait_until 15 _is_ready || { cat "$TMP/lb4d.log" >&2; fail "lb4d does not get ready"; }
}

edge_stop() {
	[ -n "$LB4D_PID" ] || return 0
	kill -TERM "$LB4D_PID" 2>/dev/null || true
	wait "$LB4D_PID" || { cat "$TMP/lb4d.log" >&2; fail "lb4d ended with status $?"; }
	LB4D_PID=
}

edge_down() {
	local ns
	[ -z "$LB4D_PID" ] || kill -KILL "$LB4D_PID" 2>/dev/null || true
	LB4D_PID=
	for ns in $(ip netns list | awk -v p="^$EDGE-" '$1 ~ p { print $1 }'); do
		ip netns pids "$ns" | xargs -r kill -KILL 2>/dev/null || true
		ip netns del "$ns"
	done
	rm -rf "/sys/fs/bpf/$EDGE"
}

# What tests ask of a running edge.

VIPS=(http://203.0.113.10 http://203.0.113.20 'http://[2001:db8:10::10]' 'http://[2001:db8:10::20]')

# steady_start [ARGS...]: living connections to all four services in the background; steady_end stops them
# and puts the report into $STEADY. False if a request failed or a connection changed its backend.
steady_start() {
	in_ns client tests/smoke/steady.py --seconds 120 "$@" "${VIPS[@]}" >"$TMP/steady.json" &
	STEADY_PID=$!
	sleep 1 # the load is to run for a while before something happens to it
}

steady_end() {
	local rc=0
	pkill -TERM -P "$STEADY_PID" 2>/dev/null || kill -TERM "$STEADY_PID"
	wait "$STEADY_PID" || rc=$?
	# shellcheck disable=SC2034 # for the test
	STEADY=$(cat "$TMP/steady.json")
	return $rc
}

# backends_of VIP-URL N: which backends N new connections reach, with counts.
backends_of() {
	in_ns client tests/smoke/steady.py --connections "$2" --seconds 0.3 --interval 0.2 "$1" | jq -c .backends
}

# counter NAME: the value of a counter or reason, 0 if it is not there.
counter() {
	ctl -o json counters --all | jq --arg n "$1" '[.. | objects | select(.name? == $n) | .value // .packets] | add // 0'
}

# For wait_until: every backend has a next hop.
all_resolved() {
	[ "$(ctl -o json backends | jq '[.backends[] | select(.mac == null)] | length')" = 0 ]
}

# Accounting: what was received is what got a verdict.
expect_identity() {
	local difference
	difference=$(ctl -o json counters | jq .difference)
	[ "$difference" = 0 ] || fail "the accounting identity is off by $difference"
}
