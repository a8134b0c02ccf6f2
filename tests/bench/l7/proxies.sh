# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the L7 benchmarks share: lb7d, nginx and haproxy in front of one origin, each on one core (the last CPU),
# origin and clients on CPU 0. The peers are set up as someone who knows them would for this use: one process or
# thread, connections to the origin kept and never counted out, no log, TLS 1.3 alone, no header added. lb7d has its
# defaults: no access log, but X-Forwarded-For and its kin are written. Under the path /tuned/ the peers do what their manuals advise for event streams: nginx has
# proxy_buffering off, haproxy option http-no-delay.
#
#   . tests/bench/l7/proxies.sh
#   l7_begin PROGRAM...    skips the benchmark if something is missing; afterwards $TMP, $LOAD and the origin are there
#   l7_start               starts the proxies: $PROXIES are those that run, ${CLEAR[name]} and ${TLS[name]} their ports; over
#                          TLS they speak HTTP/2, too. ${H2C[name]} is for HTTP/2 in clear; ${GRPC[name]} likewise, in front of
#                          the origin at $GRPC_ORIGIN_PORT if there is one
#
# $TMP/CASE.PROXY holds a case's values, one a round; l7_bench prints the line with their medians.

BIN=$(realpath -m "${O:-build}")/bin
LOAD=$(realpath -m "${O:-build}")/tests/bench/l7_load
TMP=$(mktemp -d /tmp/lb47-bench-XXXXXX)
export PATH=$PATH:/usr/sbin:/sbin
export TMPDIR=$TMP

# shellcheck disable=SC2034 # for whoever sources this
ROUNDS=${BENCH_ROUNDS:-3}
PROXY_CPU=$(($(nproc) - 1))
PEERS=(nginx haproxy)
PROXIES=()
SCHEDULED=()     # a command that starts origin, clients and proxies, such as chrt
HAPROXY_MODE=-db # in the foreground; -W: with a master that can reload
ORIGIN_PORT=''
GRPC_ORIGIN_PORT='' # of an origin that speaks HTTP/2; then the proxies have listeners for gRPC, too
declare -A PID=() CLEAR=() TLS=() H2C=() GRPC=()
ports_taken=' '
helpers=()

say() { printf '# %s\n' "$*"; }

skip() {
	say "$(basename "$0" .sh): skipped: $*"
	exit 0
}

fail() {
	say "$(basename "$0" .sh): $*"
	tail -n 5 "$TMP"/*.log >&2 || true
	exit 1
}

# family PID: it and all its descendants.
family() {
	local child
	echo "$1"
	# shellcheck disable=SC2013 # words, not lines
	for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
		family "$child"
	done
}

l7_clean() {
	local pid pids=()
	for pid in "${PID[@]}" "${helpers[@]}"; do
		mapfile -t -O "${#pids[@]}" pids < <(family "$pid")
	done
	{ # bash would say that they were killed
		[ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" || true
		wait
	} 2>/dev/null
	rm -rf "$TMP" "/sys/fs/bpf/${TMP##*/}"* "/dev/shm/lb47-sys-fs-bpf-${TMP##*/}"*
}

# Sets the named variable to a port that nobody listens on, below those that the kernel gives to clients.
take_port() {
	local free
	while :; do
		free=$((20000 + RANDOM % 12000))
		[[ $ports_taken != *" $free "* ]] || continue
		[ -n "$(ss -Htln "sport = :$free")" ] || break
	done
	ports_taken+="$free "
	printf -v "$1" %s "$free"
}

# drop_helper PID: it has ended, and its number may be another's soon.
drop_helper() {
	local i
	for i in "${!helpers[@]}"; do
		[ "${helpers[i]}" != "$1" ] || unset "helpers[$i]"
	done
}

# stay_awake, sleep_again: a CPU with nothing to do waits without sleeping (PM QoS; cyclictest does the same), or as the machine
# likes. False where that is not to be had. What it is about, on a virtual machine: an eventfd written each 20 ms by a thread on
# one CPU, read on the other, both real-time, three runs of 500: 91 to 99 us at the median and 179 to 636 us at p99 where CPUs
# sleep, 19 to 27 and 62 to 100 us where they stay awake.
stay_awake() {
	[ -w /dev/cpu_dma_latency ] || return 1
	exec {awake}>/dev/cpu_dma_latency
	printf '\0\0\0\0' >&"$awake" # microseconds
}

sleep_again() { exec {awake}>&-; }

on_load_cpu() { "${SCHEDULED[@]}" taskset -c 0 "$@"; }

# wait_for WHAT COMMAND...: until it succeeds, for ten seconds at most.
wait_for() {
	local i what=$1
	shift
	for ((i = 0; i < 200; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	fail "$what: not there after ten seconds"
}

answers() { curl -sfk --max-time 2 "$1"; }

# --- configurations; the argument is the number of a route that only changes what a reload reads ---

configure_nginx() {
	mkdir -p "$TMP/nginx"
	cat >"$TMP/nginx.conf" <<-END
		daemon off;
		worker_processes 1;
		worker_rlimit_nofile $(ulimit -n);
		pid $TMP/nginx.pid;
		error_log $TMP/nginx_error.log error;
		events { worker_connections 16384; multi_accept on; }
		http {
			access_log off;
			tcp_nodelay on;
			client_body_temp_path $TMP/nginx/body; proxy_temp_path $TMP/nginx/proxy; fastcgi_temp_path $TMP/nginx/fastcgi;
			uwsgi_temp_path $TMP/nginx/uwsgi; scgi_temp_path $TMP/nginx/scgi;
			keepalive_timeout 1h; keepalive_requests 1000000000; http2_max_concurrent_streams 1000;
			ssl_certificate $TMP/cert.pem; ssl_certificate_key $TMP/key.pem; ssl_protocols TLSv1.3;
			upstream origin {
				server 127.0.0.1:$ORIGIN_PORT max_fails=0;
				keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h;
			}
			proxy_http_version 1.1;
			proxy_read_timeout 1h;
			map \$http_upgrade \$upgrades { default upgrade; '' ''; }
			server {
				listen 127.0.0.1:${CLEAR[nginx]} backlog=4096;
				listen 127.0.0.1:${TLS[nginx]} ssl http2 backlog=4096;
				listen 127.0.0.1:${H2C[nginx]} http2 backlog=4096;
				location / { proxy_pass http://origin; proxy_set_header Connection ''; }
				location /socket { proxy_pass http://origin; proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection \$upgrades; }
				location /tuned/ { proxy_pass http://origin; proxy_set_header Connection ''; proxy_buffering off; }
				location = /extra/${1:-0} { return 204; }
			}
			$(grpc_nginx)
		}
	END
}

# In nginx a connection to the origin has one stream at a time.
grpc_nginx() {
	[ -n "$GRPC_ORIGIN_PORT" ] || return 0
	cat <<-END
		upstream grpc { server 127.0.0.1:$GRPC_ORIGIN_PORT max_fails=0; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }
		server {
			listen 127.0.0.1:${GRPC[nginx]} http2 backlog=4096;
			location / { grpc_pass grpc://grpc; grpc_read_timeout 1h; }
		}
	END
}

configure_haproxy() {
	cat "$TMP/cert.pem" "$TMP/key.pem" >"$TMP/haproxy.pem"
	cat >"$TMP/haproxy.cfg" <<-END
		global
		    nbthread 1
		    maxconn 9000
		    ssl-default-bind-options ssl-min-ver TLSv1.3
		defaults
		    mode http
		    http-reuse always
		    timeout connect 5s
		    timeout client 1h
		    timeout server 1h
		    timeout tunnel 1h
		    backlog 4096
		frontend web
		    bind 127.0.0.1:${CLEAR[haproxy]}
		    bind 127.0.0.1:${TLS[haproxy]} ssl crt $TMP/haproxy.pem alpn h2,http/1.1
		    bind 127.0.0.1:${H2C[haproxy]} proto h2
		    http-request return status 204 if { path /extra/${1:-0} }
		    use_backend tuned if { path_beg /tuned/ }
		    default_backend origin
		backend origin
		    server origin 127.0.0.1:$ORIGIN_PORT
		backend tuned
		    option http-no-delay
		    server origin 127.0.0.1:$ORIGIN_PORT
		$(grpc_haproxy)
	END
}

grpc_haproxy() {
	[ -n "$GRPC_ORIGIN_PORT" ] || return 0
	cat <<-END
		frontend grpc
		    bind 127.0.0.1:${GRPC[haproxy]} proto h2
		    default_backend grpc
		backend grpc
		    server origin 127.0.0.1:$GRPC_ORIGIN_PORT proto h2
	END
}

# As members of the configuration's lists.
grpc_lb7d() {
	[ -n "$GRPC_ORIGIN_PORT" ] || return 0
	case $1 in
	service) echo ", { \"name\": \"grpc\", \"address\": \"127.0.0.1\", \"port\": ${GRPC[lb7d]}, \"protocol\": \"tcp\", \"l7\": \"grpc\" }" ;;
	l7) echo ', { "name": "grpc", "routes": [ { "path": "/", "pool": "grpc" } ] }' ;;
	pool) echo ", { \"name\": \"grpc\", \"balance\": \"round_robin\", \"protocol\": \"http2\",
		\"backends\": [ { \"name\": \"origin\", \"address\": \"127.0.0.1\", \"port\": $GRPC_ORIGIN_PORT } ] }" ;;
	esac
}

configure_lb7d() {
	cat >"$TMP/lb7d.json" <<-END
		{
		  "node": "bench", "control_l7": "$TMP/lb7d.sock", "stats": "/sys/fs/bpf/${TMP##*/}", "workers": 1,
		  "services": [
		    { "name": "clear", "address": "127.0.0.1", "port": ${CLEAR[lb7d]}, "protocol": "tcp", "l7": "clear" },
		    { "name": "tls", "address": "127.0.0.1", "port": ${TLS[lb7d]}, "protocol": "tcp", "l7": "tls" },
		    { "name": "h2c", "address": "127.0.0.1", "port": ${H2C[lb7d]}, "protocol": "tcp", "l7": "clear" }$(grpc_lb7d service)
		  ],
		  "l7": [
		    { "name": "clear", "routes": [ { "path": "/", "pool": "origin" }, { "path": "/extra/${1:-0}", "answer": { "status": 204 } } ] },
		    { "name": "tls", "tls": [ { "certificate": "cert.pem", "key": "key.pem" } ], "routes": [ { "path": "/", "pool": "origin" } ] }$(grpc_lb7d l7)
		  ],
		  "pools": [ { "name": "origin", "balance": "round_robin",
		    "backends": [ { "name": "origin", "address": "127.0.0.1", "port": $ORIGIN_PORT } ] }$(grpc_lb7d pool) ]
		}
	END
}

command_of() {
	case $1 in
	lb7d) echo "$BIN/lb7d -c $TMP/lb7d.json" ;;
	nginx) echo "nginx -e $TMP/nginx_error.log -p $TMP/nginx -c $TMP/nginx.conf" ;;
	haproxy) echo "haproxy $HAPROXY_MODE -q -f $TMP/haproxy.cfg" ;;
	esac
}

# --- life ---

l7_begin() {
	local program
	trap l7_clean EXIT
	for program in curl openssl ss taskset nginx haproxy "$@"; do
		command -v "$program" >/dev/null || skip "no $program (scripts/deps.sh knows its package)"
	done
	[ -x "$LOAD" ] || skip "no $LOAD (make benches)"
	[ "$(nproc)" -gt 1 ] || skip "needs two CPUs, one for the proxy"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench.example \
		-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
	take_port ORIGIN_PORT
	on_load_cpu "$LOAD" origin "$ORIGIN_PORT" >"$TMP/origin.log" 2>&1 &
	helpers+=($!)
	wait_for origin answers "http://127.0.0.1:$ORIGIN_PORT/"
	if [ -x "$BIN/lb7d" ]; then
		PROXIES=(lb7d "${PEERS[@]}")
	else
		PROXIES=("${PEERS[@]}")
		say "no ${BIN#"$PWD"/}/lb7d: the peers alone"
	fi
}

start_one() {
	local port
	take_port port
	CLEAR[$1]=$port
	take_port port
	TLS[$1]=$port
	take_port port
	H2C[$1]=$port
	take_port port
	GRPC[$1]=$port
	"configure_$1"
	# shellcheck disable=SC2046 # words on purpose
	"${SCHEDULED[@]}" taskset -c "$PROXY_CPU" $(command_of "$1") >"$TMP/$1.log" 2>&1 &
	PID[$1]=$!
	wait_for "$1" answers "http://127.0.0.1:${CLEAR[$1]}/"
	wait_for "$1 over TLS" answers "https://127.0.0.1:${TLS[$1]}/"
}

l7_start() {
	local name
	for name in "${PROXIES[@]}"; do
		start_one "$name"
	done
}

# A proxy without a past: what it has kept of earlier work would hide what this one needs.
restart_one() {
	local pids
	mapfile -t pids < <(family "${PID[$1]}")
	{ # bash would say that it was killed
		kill -KILL "${pids[@]}"
		wait "${PID[$1]}" || true
	} 2>/dev/null
	unset "PID[$1]"
	start_one "$1"
}

# --- measures ---

# cpu_ns NAME: how long the proxy's threads have been on the CPU, the kernel's work for them included.
cpu_ns() {
	local pid
	for pid in $(family "${PID[$1]}"); do
		cat "/proc/$pid/task/"*/schedstat 2>/dev/null
	done | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# pss_kb NAME: the memory of all the proxy's processes; what they share is counted once.
pss_kb() {
	local pid
	for pid in $(family "${PID[$1]}"); do
		sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup" 2>/dev/null
	done | awk '{ kb += $1 } END { print kb + 0 }'
}

# --- connections held open ---

HOLDER=("$LOAD" sockets) # WebSockets; what takes `check` and `quit` as it does may stand here

# hold PORT COUNT [tls]: opens them and holds them until hold_release; hold_check asks each for an echo and prints how
# many gave it.
hold() {
	mkfifo "$TMP/holder.in" "$TMP/holder.out"
	on_load_cpu "${HOLDER[@]}" "$@" <"$TMP/holder.in" >"$TMP/holder.out" 2>"$TMP/sockets.log" &
	holder=$!
	helpers+=("$holder")
	exec {holder_in}>"$TMP/holder.in" {holder_out}<"$TMP/holder.out"
	rm "$TMP/holder.in" "$TMP/holder.out"
	[ "$(hold_answer)" = "open $2" ] || fail "$2 connections could not be opened"
}

hold_answer() {
	local answer=''
	read -r -t 60 -u "$holder_out" answer || true
	echo "$answer"
}

hold_check() {
	echo check >&"$holder_in"
	hold_answer | sed -n 's/^alive //p'
}

hold_release() {
	echo quit >&"$holder_in"
	exec {holder_in}>&- {holder_out}<&-
	wait "$holder" || fail "the holder of connections died"
	drop_helper "$holder"
}

# --- results ---

median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# l7_bench NAME CASE [PEER...]: ours beside the best of the peers; less is better. What is below 0.1, the last digit
# shown, counts as 0.1 in the ratio.
l7_bench() {
	local name=$1 case=$2 peer best=''
	shift 2
	[ $# -gt 0 ] || set -- "${PEERS[@]}"
	[ -s "$TMP/$case.lb7d" ] || return 0
	for peer in "$@"; do
		best+="$(median "$TMP/$case.$peer") "
	done
	awk -v name="$name" -v ours="$(median "$TMP/$case.lb7d")" -v all="$best" '
		function shown(x) { return x < 0.1 ? 0.1 : x }
		BEGIN { n = split(all, peers, " "); best = peers[1]
			for (i = 2; i <= n; i++) if (peers[i] < best) best = peers[i]
			printf "bench %s ours=%.1f yardstick=%.1f ratio=%.2f\n", name, ours, best, shown(ours) / shown(best) }'
}
