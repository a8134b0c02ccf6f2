# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# lb7d alone, with clients and backends that are programs of others, for smoke tests. Source it after _init.sh. The
# test starts anew in network and process namespaces of its own: every port is free there, and whatever it
# started is gone when it ends.
#
#   l7_conf FILE FILTER   writes a configuration: FILTER (jq) beside what all have ($L7_WORKERS, 1); service("l7"; PORT) and
#                         pool("name"; [PORT, ...]) make a service and a pool on the loopback
#   l7_start FILE ARGS..  starts lb7d ($LB7D_PID; log in $TMP/lb7d.log) and waits until it is ready
#   l7_stop               SIGTERM, and waits for the end; fails if it was not clean
#   l7_reloaded N         for wait_until: lb7d has reloaded N times
#   nginx_start NAME TEXT server blocks of a new nginx; l7_listens PORT to wait for it
#   node_start PORT FILE  starts a server of tests/smoke/l7/ ($NODE_PID; output in $TMP/PORT.out)
#   log_forget, logged F  forgets the access log; waits for a line of which the jq filter F holds
#   expect WANT GOT WHAT  fails unless both are equal

if [ -z "${L7_NAMESPACE:-}" ]; then
	rm -rf "$TMP"
	L7_NAMESPACE=1 exec unshare --net --pid --fork --kill-child --mount-proc -- bash "$0" "$@"
fi
ip link set lo up
mount -t tmpfs tmpfs /dev/shm # the counters that lb7d leaves there go with the namespace
ulimit -n "$(ulimit -Hn)"

# Debian's, which has Debian's modules; another may come first in PATH.
PYTHON=/usr/bin/python3
LB7D_PID=
NODE_PID=
export PYTHON

l7_conf() {
	jq -n --arg tmp "$TMP" '
		def service($l7; $port): {name: $l7, address: "127.0.0.1", port: $port, protocol: "tcp", l7: $l7};
		def pool($name; $ports): {name: $name, balance: "round_robin",
			backends: [$ports[] | {name: "b\(.)", address: "127.0.0.1", port: .}]};
		{node: "smoke", control_l7: "\($tmp)/lb7d.sock", stats: "\($tmp)/stats", workers: (env.L7_WORKERS // "1" | tonumber),
			access_log: "\($tmp)/access.log"} + ('"$2"')' >"$1"
}


l7_start() {
	: >"$TMP/lb7d.log"
	"$BIN/lb7d" -c "$1" "${@:2}" 2>>"$TMP/lb7d.log" &
	LB7D_PID=$!
	wait_until 10 grep -q ' ready ' "$TMP/lb7d.log" || { cat "$TMP/lb7d.log" >&2; fail "lb7d does not get ready"; }
}

l7_stop() {
	kill -TERM "$LB7D_PID"
	wait "$LB7D_PID" || { cat "$TMP/lb7d.log" >&2; fail "lb7d ended with status $?"; }
}

l7_reloaded() {
	[ "$(grep -c ' reloaded ' "$TMP/lb7d.log")" = "$1" ]
}

# Looked up, not tried: a connection would be one more in the peer's log.
l7_listens() {
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

nginx_start() {
	local dir=$TMP/$1
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-END
		daemon off; user root; pid $dir/pid; error_log $dir/error.log; worker_processes 1;
		events { worker_connections 4096; }
		http {
			log_format seen '\$request_method \$request_uri \$status';
			access_log $dir/access.log seen; keepalive_requests 1000000; keepalive_timeout 600s;
			client_max_body_size 0; client_body_temp_path $dir; proxy_temp_path $dir;
			fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
			$2
		}
	END
	nginx -c "$dir/nginx.conf" 2>"$dir/stderr" &
	disown
}

node_start() {
	node "tests/smoke/l7/$2" "$1" >"$TMP/$1.out" 2>&1 &
	# shellcheck disable=SC2034 # for the test
	NODE_PID=$!
	disown # nobody is told of its end
	wait_until 10 l7_listens "$1" || { cat "$TMP/$1.out" >&2; fail "$2 does not start"; }
}

log_forget() {
	: >"$TMP/access.log"
}

_log_has() {
	jq -es "any(.[]; $1)" "$TMP/access.log"
}

logged() {
	wait_until 5 _log_has "$1" || { tail -n 20 "$TMP/access.log" >&2; fail "the access log has no line with $1"; }
}

expect() {
	[ "$1" = "$2" ] || fail "$3: ${2:-nothing}, not ${1:-nothing}"
}

# ca_make NAME: an authority, $TMP/NAME.pem and .key; certificate NAME CA HOST...: $TMP/NAME.pem and .key for these hosts.
ca_make() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-keyout "$TMP/$1.key" -out "$TMP/$1.pem" 2>/dev/null
}

certificate() {
	local hosts
	hosts=$(printf ',DNS:%s' "${@:3}")
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$3" -keyout "$TMP/$1.key" -out "$TMP/$1.csr" 2>/dev/null
	openssl x509 -req -in "$TMP/$1.csr" -CA "$TMP/$2.pem" -CAkey "$TMP/$2.key" -days 30 -out "$TMP/$1.pem" \
		-extfile - 2>/dev/null <<<"subjectAltName=${hosts#,}"
}
