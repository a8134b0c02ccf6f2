# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# QUIC on the edge of edge.sh. Source it after _init.sh, instead of edge.sh.
#
# A kind is a way of making connection IDs, on a UDP port of its own, so that all can run at once:
#
#   plain  443  QUIC-LB in clear, config 0              quic_server (tests/smoke/quic/, see server.c)
#   single 444  encrypted in a single pass, config 1    ditto
#   four   445  encrypted in four passes, config 2      ditto
#   rotate 446  config 3, from SIGHUP on config 4       ditto
#   caddy  447  its own, of 4 octets                    Debian's caddy, unmodified
#   gtls   448  its own, of 18 octets                   Debian's gtlsserver, unmodified
#
# The client is Debian's gtlsclient, which nobody here wrote (and which verifies no certificate). A download would
# take fifteen seconds; once what the test is about has happened, it lifts the brake. Its body is the name of the
# backend, line by line: who answered, and whether all of it.
#
#   quic_up KIND...              edge_up, and a server of each kind on each backend
#   quic_conf FILE FORWARD KIND...  configuration with services FORWARD4-KIND and FORWARD6-KIND for every FORWARD
#                                ("dsr nat", one word); QUIC_ROTATE=old|both|new says which of rotate's configs
#   quic_get SERVICE N [OPTION...]  N downloads in the background
#   quic_begun                   waits until the first bytes of all of them are there
#   quic_finish                  lifts the brake (quic_brake off), waits for their ends; fails unless each is whole and from one backend
#   quic_moved N                 waits until servers saw that all N connections have a client's new address
#   nat_rebind, nat_reset        what a NAT does that forgot its bindings: below; nat_packets counts
#   quic_events WORD             how many of quic_server's events are of this kind; quic_forget empties the logs
#
# How often: QUIC_REPEAT (3) downloads per service and scenario; QUIC_REPEAT=50 make smoke CASE=5 for the proof.
. tests/smoke/edge.sh

QUIC_REPEAT=${QUIC_REPEAT:-3}
QUIC_AT_ONCE=${QUIC_AT_ONCE:-3} # downloads per service at the same time
QUIC_RATE=40000                 # bytes a second
QUIC_SIZE=600000                # a multiple of three, the length of a name and a newline
QUIC_KEY=8f95f09245765f80256934e50c66207f
declare -A QUIC_PORT=([plain]=443 [single]=444 [four]=445 [rotate]=446 [caddy]=447 [gtls]=448)
QUIC_CLIENTS=()
QUIC_SERVERS=() # pids of the quic_servers
QUIC_N=0
QUIC_PORTS=0

# _quic_lb KIND: its quic_lb for lb4d, in JSON.
_quic_lb() {
	local key="\"key\": \"$QUIC_KEY\"" old new
	case $1 in
	plain) echo '[{ "config_id": 0, "server_id_length": 3, "nonce_length": 8 }]' ;;
	single) echo "[{ \"config_id\": 1, \"server_id_length\": 3, \"nonce_length\": 13, $key }]" ;;
	four) echo "[{ \"config_id\": 2, \"server_id_length\": 3, \"nonce_length\": 4, $key }]" ;;
	rotate)
		old="{ \"config_id\": 3, \"server_id_length\": 3, \"nonce_length\": 6, $key }"
		new="{ \"config_id\": 4, \"server_id_length\": 3, \"nonce_length\": 13, \"key\": \"${QUIC_KEY//8/9}\" }"
		case ${QUIC_ROTATE:-old} in
		old) echo "[$old]" ;;
		both) echo "[$old, $new]" ;;
		new) echo "[$new]" ;;
		esac
		;;
	*) echo '[]' ;;
	esac
}

# _quic_cids KIND BACKEND: the same for quic_server.
_quic_cids() {
	case $1 in
	plain) echo "--cid 0,0000a$2,8" ;;
	single) echo "--cid 1,0000a$2,13,$QUIC_KEY" ;;
	four) echo "--random-bits --cid 2,0000a$2,4,$QUIC_KEY" ;;
	rotate) echo "--cid 3,0000a$2,6,$QUIC_KEY --cid 4,0000a$2,13,${QUIC_KEY//8/9}" ;;
	esac
}

# _quic_certificate NAME: for clients that do not look at it.
_quic_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=quic.test \
		-addext subjectAltName=DNS:quic.test -keyout "$TMP/quic.key" -out "$TMP/quic.crt" 2>/dev/null
}

# _spawn LOG NAMESPACE CMD...: without a function around it, whose subshell would hold open what the script has open.
_spawn() {
	ip netns exec "$EDGE-$2" "${@:3}" 2>>"$1" >/dev/null &
	disown
}

_caddyfile() {
	cat <<-END
		{
			admin off
			auto_https off
			servers {
				protocols h1 h2 h3
			}
		}
		https://:${QUIC_PORT[caddy]} {
			tls $TMP/quic.crt $TMP/quic.key
			root * $TMP/$1/www
			file_server
		}
	END
}

# _quic_server KIND BACKEND: says where its log is.
_quic_server() {
	local kind=$1 n=$2 ns=b$2 port=${QUIC_PORT[$1]} log=$TMP/quic/$1-b$2.log
	mkdir -p "$TMP/quic" "$TMP/$ns/www/size"
	: >"$log"
	case $kind in
	caddy)
		_caddyfile "$ns" >"$TMP/$ns/Caddyfile"
		_spawn "$log" "$ns" env HOME="$TMP/$ns" caddy run --adapter caddyfile --config "$TMP/$ns/Caddyfile"
		;;
	gtls)
		_spawn "$log" "$ns" gtlsserver -q -d "$TMP/$ns/www" '*' "$port" "$TMP/quic.key" "$TMP/quic.crt"
		;;
	*)
		# shellcheck disable=SC2046 # several words
		_spawn "$log" "$ns" "$BIN/../tests/smoke/quic_server" --name "$ns" --cert "$TMP/quic.crt" --key "$TMP/quic.key" \
			--port "$port" --rate "$QUIC_RATE" $(_quic_cids "$kind" "$n") \
			203.0.113.10 2001:db8:10::10 "10.0.0.1$n" "fd00:b::1$n"
		QUIC_SERVERS+=($!) # `ip netns exec` becomes what it executes
		;;
	esac
}

_is_bound() {
	[ -n "$(ip netns exec "$EDGE-b$1" ss -Hlun "sport = :$2")" ]
}

# The client's NAT, stateless so that a test decides when it changes: bindings 50000.. for the client's ports
# 40000.. exist at any time, and from nat_rebind on they are used. So packets to the old binding still arrive,
# but whatever the client sends, even if only acknowledgements, comes from a new port. (gtlsclient's own
# --nat-rebinding moves its socket: a client that only receives then has nothing to send, and waits for ever.)
_nat_up() {
	local direction p
	{
		echo 'table inet nat {'
		for direction in out in; do
			echo "map $direction { type inet_service : inet_service; elements = {"
			for ((p = 40000; p < 45000; p++)); do
				[ $direction = out ] && echo "$p : $((p + 10000))," || echo "$((p + 10000)) : $p,"
			done
			echo '} }'
		done
		echo 'chain in { type filter hook prerouting priority raw
			udp sport 443-448 udp dport set udp dport map @in
		}
		chain out { type filter hook output priority raw
		}
		}'
	} | in_ns client nft -f -
}

nat_rebind() {
	in_ns client nft add rule inet nat out udp dport 443-448 udp sport set udp sport map @out counter
}

# nat_packets: how many packets the client has sent by its new bindings since nat_rebind.
nat_packets() {
	in_ns client nft -j list chain inet nat out | jq '[.. | .counter? // empty | .packets] | add // 0'
}

# next_ports: new sockets get other ports than those of the last minute, for which lb4d may remember a flow.
next_ports() {
	QUIC_PORTS=$(((QUIC_PORTS + 200) % 5000))
	in_ns client sysctl -qw net.ipv4.ip_local_port_range="$((40000 + QUIC_PORTS)) $((40199 + QUIC_PORTS))"
}

nat_reset() {
	in_ns client nft flush chain inet nat out
}

# client_address 7|8: from now on it is this one that the client's kernel chooses for new sockets.
client_address() {
	ip -n "$EDGE-client" route change 203.0.113.0/24 via 198.51.100.1 src "198.51.100.$1"
	ip -n "$EDGE-client" route change 2001:db8:10::/64 via 2001:db8:c::1 src "2001:db8:c::$1"
}

# quic_brake on|off: of all servers.
quic_brake() {
	[ ${#QUIC_SERVERS[@]} = 0 ] || kill -"$([ "$1" = on ] && echo USR2 || echo USR1)" "${QUIC_SERVERS[@]}"
}

quic_up() {
	local kind n program
	for program in gtlsclient nft openssl; do
		command -v $program >/dev/null || skip "$program is not installed"
	done
	edge_up 1
	_address client 2001:db8:c::8/64 nodad
	client_address 7
	_nat_up
	_quic_certificate
	for kind in "$@"; do
		for ((n = 1; n <= EDGE_BACKENDS; n++)); do
			_quic_server "$kind" "$n"
		done
	done
	for kind in "$@"; do
		for ((n = 1; n <= EDGE_BACKENDS; n++)); do
			wait_until 10 _is_bound "$n" "${QUIC_PORT[$kind]}" || fail "no $kind on b$n: $(cat "$TMP/quic/$kind-b$n.log")"
		done
	done
}

_quic_pool() {
	local kind=$1 family=$2 prefix=$3 n comma=''
	printf '{ "name": "%s-%s", "backends": [' "v$family" "$kind"
	for ((n = 1; n <= EDGE_BACKENDS; n++)); do
		printf '%s { "name": "b%d", "address": "%s%d", "port": %d, "server_id": "0000a%d" }' \
			"$comma" "$n" "$prefix" "$n" "${QUIC_PORT[$kind]}" "$n"
		comma=,
	done
	echo '] }'
}

_quic_service() {
	local forward=$1 family=$2 kind=$3
	printf '{ "name": "%s%s-%s", "address": "%s", "port": %d, "protocol": "quic", "forward": "%s", "pool": "v%s-%s", "quic_lb": %s }\n' \
		"$forward" "$family" "$kind" "$(_quic_vip "$forward$family")" "${QUIC_PORT[$kind]}" "$forward" "$family" "$kind" "$(_quic_lb "$kind")"
}

_quic_vip() {
	case $1 in
	dsr4) echo 203.0.113.10 ;;
	nat4) echo 203.0.113.20 ;;
	dsr6) echo 2001:db8:10::10 ;;
	nat6) echo 2001:db8:10::20 ;;
	esac
}

quic_conf() {
	local file=$1 forward kind n
	edge_conf "$file.tcp"
	for kind in "${@:3}"; do
		_quic_pool "$kind" 4 10.0.0.1 >&3
		_quic_pool "$kind" 6 fd00:b::1 >&3
		for forward in $2; do
			_quic_service "$forward" 4 "$kind" >&4
			_quic_service "$forward" 6 "$kind" >&4
		done
	done 3>"$TMP/pools" 4>"$TMP/services"
	jq --slurpfile pools "$TMP/pools" --slurpfile services "$TMP/services" '
		.pools = $pools | .services = ($services | map(if .quic_lb == [] then del(.quic_lb) else . end))
	' "$file.tcp" >"$file"
}

quic_get() {
	local service=$1 dir host kind=${1#*-} i rc
	host=$(_quic_vip "${service%-*}")
	for ((i = 0; i < $2; i++)); do
		dir=$TMP/get/$service-$((QUIC_N++))
		mkdir -p "$dir"
		{
			rc=0
			in_ns client timeout 30 gtlsclient -q --exit-on-all-streams-close --download="$dir" "${@:3}" \
				"$host" "${QUIC_PORT[$kind]}" "https://quic.test/size/$QUIC_SIZE" >"$dir/log" 2>&1 || rc=$?
			echo $rc >"$dir/status"
		} &
		QUIC_CLIENTS+=($!)
	done
}

_all_begun() {
	[ "$(find "$TMP/get" -name $QUIC_SIZE -size +0 | wc -l)" = "${#QUIC_CLIENTS[@]}" ]
}

quic_begun() {
	wait_until 12 _all_begun || fail "only $(find "$TMP/get" -name $QUIC_SIZE -size +0 | wc -l) of ${#QUIC_CLIENTS[@]} downloads began: $(quic_report)"
	[ -z "$(find "$TMP/get" -name status)" ] || fail "a download is over before the others began: $(quic_report)"
}

# quic_report: what is known of the downloads that are not whole, for people.
quic_report() {
	local dir
	for dir in "$TMP"/get/*; do
		[ "$(stat -c %s "$dir/$QUIC_SIZE" 2>/dev/null)" = $QUIC_SIZE ] ||
			echo "${dir##*/}: status $(cat "$dir/status" 2>/dev/null), $(stat -c %s "$dir/$QUIC_SIZE" 2>/dev/null || echo no) bytes"
	done
	ctl services
	ctl counters
	cat "$TMP"/quic/*.log | grep -v ' cid ' | tail -n 40
}

# backend_of DIR: who sent the whole of it; several names if several did.
backend_of() {
	uniq "$1/$QUIC_SIZE" | sort -u | xargs
}

_is_whole() {
	[ "$(cat "$1/status")" = 0 ] || return 1
	[ "$(stat -c %s "$1/$QUIC_SIZE")" = $QUIC_SIZE ] || return 1
	[[ $(backend_of "$1") == b[1-9] ]]
}

quic_finish() {
	local dir n=0
	quic_brake off
	wait "${QUIC_CLIENTS[@]}" || true
	quic_brake on
	for dir in "$TMP"/get/*; do
		_is_whole "$dir" || fail "download ${dir##*/} is broken: $(quic_report)"
		n=$((n + 1))
	done
	[ $n = ${#QUIC_CLIENTS[@]} ] || fail "$n of ${#QUIC_CLIENTS[@]} downloads are there"
	QUIC_CLIENTS=()
	rm -rf "$TMP/get"
}

quic_events() {
	cat "$TMP"/quic/*.log | grep -c "^b[0-9] $1" || true
}

quic_forget() {
	local log
	for log in "$TMP"/quic/*.log; do
		: >"$log"
	done
}

_moved() {
	[ "$(grep ' path ' "$TMP"/quic/*.log | cut -d' ' -f1,3 | sort -u | wc -l)" -ge "$1" ]
}

quic_moved() {
	wait_until 8 _moved "$1" || fail "$(quic_events path) of $1 clients moved: $(quic_report)"
}

# in_batches FUNCTION: calls it with how many downloads per service to make at once, QUIC_REPEAT in total.
in_batches() {
	local left=$QUIC_REPEAT n
	while [ "$left" -gt 0 ]; do
		n=$((left < QUIC_AT_ONCE ? left : QUIC_AT_ONCE))
		next_ports
		"$1" "$n"
		left=$((left - n))
	done
}

quic_start() {
	edge_start "$1"
	wait_until 10 all_resolved || fail "next hops are not resolved"
}

# quic_count COUNTER: of all services together.
quic_count() {
	ctl -o json counters --all | jq --arg n "$1" '[.services[] | select(.name == $n) | .value] | add'
}
