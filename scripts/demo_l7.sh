# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The L7 part of the demo, sourced by demo.sh: lb7d, started and watched by lb4d, serves http and https on 203.0.113.30,
# an address of lb4d's own host, with the three nginx and three servers of event streams behind it.

L7=203.0.113.30

# l7_up: the address, a certificate for it, and the servers of event streams.
l7_up() {
	local n
	ip -n "$EDGE-lb" addr add $L7/32 dev lo
	# Three times a load of a request a connection: their ports come again.
	$CLIENT sysctl -qw net.ipv4.ip_local_port_range='21000 65535'
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TMP/site.key" -out "$TMP/site.pem" \
		-days 30 -subj /CN=www.example.com -addext subjectAltName=DNS:www.example.com 2>/dev/null
	for n in 1 2 3; do
		ip netns exec "$EDGE-b$n" tests/smoke/l7/events.py 8000 "b$n" 2>/dev/null &
		disown
	done
}

# l7_configure FILE: adds it to a configuration.
l7_configure() {
	jq --arg tmp "$TMP" --arg vip $L7 '
		def pool($name; $port; $health): {name: $name, balance: "round_robin", health: ($health + {interval_ms: 200, timeout_ms: 150}),
			backends: [range(1; 4) | {name: "b\(.)", address: "10.0.0.1\(.)", port: $port}]};
		def service($port; $l7): {name: $l7, address: $vip, port: $port, protocol: "tcp", l7: $l7};
		def routes: [{path: "/", pool: "web"}, {path: "/events", match: "exact", pool: "events"}];
		.control_l7 = "\($tmp)/lb7d.sock" | .access_log = "\($tmp)/access.log" | .workers = 1
		| .services += [service(80; "http"), service(443; "https")]
		| .l7 = [{name: "http", routes: routes},
			{name: "https", tls: [{certificate: "site.pem", key: "site.key"}], routes: routes}]
		| .pools += [pool("web"; 80; {type: "http"}), pool("events"; 8000; {type: "tcp"})]' "$1" >"$1.l7"
	mv "$1.l7" "$1"
}

# health POOL: "healthy 2, unhealthy 1" of its backends.
health() {
	lbctl -o json backends "$1" | jq -r '[.backends[].health] | group_by(.) | map("\(.[0]) \(length)") | join(", ")'
}

l7_answers() {
	$CLIENT curl -sf --max-time 1 "http://$L7/"
}

show_l7() {
	heading "HTTP by the L7 workers: lb7d, which lb4d started and watches"
	l7_state
	promise "every backend has answered its probes" wait_until 5 is_healthy
	echo
	printf '$ client curl -ki --resolve www.example.com:443:%s \\\n>   https://www.example.com/\n' $L7
	$CLIENT curl -ksi --max-time 5 --resolve "www.example.com:443:$L7" https://www.example.com/ | tee "$TMP/l7.answer" || true
	promise "nginx answered through TLS" grep -q '^b[123]' "$TMP/l7.answer"
	show_stream
	show_health
	show_crash
}

l7_state() {
	echo '$ lbctl l7'
	lbctl l7 | grep -E '^(state|restarts|generation|connections|requests|event streams|probes|unhealthy):'
	lbctl l7 | sed -n '/^SERVICE/,$p'
}

is_healthy() {
	[ "$(health web) $(health events)" = "healthy 3 healthy 3" ]
}

show_stream() {
	local n curl
	heading "A stream that was alive before a reload is alive after it"
	echo "\$ client curl -sN http://$L7/events?150 &    # an event each 20 ms"
	echo "\$ for n in {1..20}; do ...; lbctl reload; done"
	$CLIENT curl -sN --max-time 20 "http://$L7/events?150" >"$TMP/events" 9>&- &
	curl=$!
	wait_until 5 test -s "$TMP/events" || true
	for n in {1..20}; do
		jq ".pools[].backends[0].weight = $((60 + n))" "$CONF" >"$TMP/next.json"
		mv "$TMP/next.json" "$CONF"
		lbctl reload >/dev/null || true
	done
	promise "20 reloads while it ran" kill -0 $curl
	wait $curl || true
	n=$(awk '/^data: / { if ($3 != n++) exit } END { print n + 0 }' "$TMP/events")
	promise "$n of 150 events came, in order, from $(awk '/^data/ { print $2; exit }' "$TMP/events")" test "$n" = 150
	sleep 0.3 # the log is written four times a second
	echo
	echo "\$ tail -n 1 access.log | jq -c '[.protocol, .backend, .status, .total_ms, .end]'"
	jq -c 'select(.protocol == "sse") | [.protocol, .backend, .status, .total_ms, .end]' "$TMP/access.log" | tail -n 1
}

show_health() {
	heading "A backend dies, and comes back"
	echo "\$ kill nginx of b3"
	kill -TERM "$(cat "$TMP/b3/pid")"
	# shellcheck disable=SC2317 # wait_until calls it
	is_seen() { [ "$(health web)" = "healthy 2, unhealthy 1" ]; }
	promise "its probes noticed" wait_until 5 is_seen
	backends web
	promise "nobody is sent there: 30 of 30 requests were answered" test "$(l7_many 30)" = 30
	_nginx b3
	promise "it is back" wait_until 5 is_healthy
}

# l7_many N: how many of N requests were answered.
l7_many() {
	{ $CLIENT curl -sf --max-time 5 "http://$L7/?[1-$1]" || true; } | grep -c '^b'
}

show_crash() {
	local pid from
	heading "lb7d is killed: packets go on, and it is back at once"
	load_start
	pid=$(lbctl -o json l7 | jq .pid)
	echo "\$ kill -KILL $pid"
	kill -KILL "$pid"
	from=$(date +%s%N)
	wait_until 5 l7_answers || true
	promise "HTTP is answered again, $((($(date +%s%N) - from) / 1000000)) ms later" l7_answers
	load_end
	l7_state
}
