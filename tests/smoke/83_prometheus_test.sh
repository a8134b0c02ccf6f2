#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Known traffic, and /metrics equal to what the client and the backends counted; promtool finds no fault, a Prometheus server
# scrapes it and answers queries; rules, dashboard and the autoscaler's example use names that are there.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

promtool --version >/dev/null 2>&1 || skip "no promtool (Debian package prometheus)"

nginx_start web "server { listen 8001; listen 8002; location / { return 200 'web\\n'; }
	location /error { return 500; } location /moved { return 302 /; } location /upload { return 204; }
	location /v1 { default_type text/event-stream; alias $TMP/answer; } }"
{
	echo 'data: {"model":"m","choices":[{"delta":{"content":"Hi"}}]}'; echo
	echo 'data: {"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}'; echo
	echo 'data: [DONE]'; echo
} >"$TMP/answer"
wait_until 10 l7_listens 8002 || fail "nginx does not start"
"$PYTHON" tests/smoke/l7/ws_server.py 8003 2>"$TMP/8003.out" &
disown
wait_until 10 l7_listens 8003 || fail "ws_server.py does not start: $(cat "$TMP/8003.out")"
ca_make ca
certificate site ca site.example.com
# shellcheck disable=SC2016 # $tmp is jq's
L7_WORKERS=2 l7_conf "$TMP/a.json" '{
	admin: {address: "127.0.0.1", port: 9047},
	services: [service("site"; 80), (service("site"; 81) + {name: "other"}), service("secret"; 443)],
	l7: [{name: "site", http2: true, streams: {measure: "tokens", models: ["m"]}, routes: [{path: "/", pool: "web"}, {path: "/dead", pool: "dead"}, {path: "/none", pool: "empty"},
		{path: "/fixed", answer: {status: 200, body: "fixed"}}, {path: "/chat", pool: "chat"}, {path: "/broken", pool: "broken"}, {path: "/probed", pool: "probed"}]},
		{name: "secret", tls: [{certificate: "\($tmp)/site.pem", key: "\($tmp)/site.key"}], routes: [{path: "/", pool: "web"}]}],
	pools: [pool("web"; [8001, 8002]), pool("chat"; [8003]), pool("dead"; [8009]), pool("empty"; []), pool("spare"; []),
		(pool("probed"; [8001]) + {health: {type: "tcp", interval_ms: 200, timeout_ms: 200}}),
		(pool("broken"; [8008]) + {health: {type: "tcp", interval_ms: 200, timeout_ms: 200}})]}'
# What lb4d left in the store while it is down.
lb4d_run=${BIN%/bin}/tests/smoke/stats_run
"$lb4d_run" "$TMP/stats" write 4711 >/dev/null 2>&1
"$lb4d_run" "$TMP/stats" name 2>/dev/null

scrape() { curl -sS -m 5 http://127.0.0.1:9047/metrics >"$TMP/metrics"; }
# value SAMPLE: as it stands in the page
value() { awk -v s="$1" 'index($0, s " ") == 1 { print substr($0, length(s) + 2) }' "$TMP/metrics"; }
# sum NAME: over all labels
sum() { awk -v s="$1{" 'index($0, s) == 1 { n += $NF } END { print n + 0 }' "$TMP/metrics"; }
has() { scrape && [ "$(value "$1")" = "$2" ]; }
counted() { wait_until 5 has "$1" "$2" || fail "$1 is \"$(value "$1")\", not $2"; }
# times N CURL-ARGUMENTS...: so many requests
times() { for _ in $(seq "$1"); do curl -sS -m 5 -o /dev/null "${@:2}" || fail "curl ${*:2}"; done; }

# On descriptor 5.
upgrade() {
	printf 'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' >&5
}

l7_start "$TMP/a.json"

# --- known traffic ---
head -c 1000 /dev/zero >"$TMP/thousand"
at=http://127.0.0.1
times 20 $at/
times 5 --http2-prior-knowledge $at/
times 3 $at/error
times 2 $at/moved
times 4 --data-binary "@$TMP/thousand" $at/upload
times 2 $at/dead
times 3 $at/none
times 6 $at/fixed
times 7 $at:81/
exec 5<>/dev/tcp/127.0.0.1/80
printf 'GARBAGE\r\n\r\n' >&5
grep -q '^HTTP/1.1 400 ' <&5 || fail "garbage is not refused"
exec 5<&-
counted 'lb_requests_total{service="site"}' 46
counted 'lb_requests_total{service="other"}' 7
counted 'lb_active_requests{service="site"}' 0
counted 'lb_responses_total{service="site",code="2xx"}' 35 # 20 + 5 + 4 + 6
counted 'lb_responses_total{service="site",code="3xx"}' 2
counted 'lb_responses_total{service="site",code="4xx"}' 1
counted 'lb_responses_total{service="site",code="5xx"}' 8 # 3 + 2 + 3
counted 'lb_requests_ended_total{service="site",reason="completed"}' 34
counted 'lb_requests_ended_total{service="site",reason="answered"}' 6
counted 'lb_requests_ended_total{service="site",reason="connect_failed"}' 2
counted 'lb_requests_ended_total{service="site",reason="no_backend"}' 3
counted 'lb_requests_ended_total{service="site",reason="refused"}' 1
counted 'lb_request_bytes_total{service="site"}' 4000
counted 'lb_connections_total{service="site",protocol="http1"}' 41
counted 'lb_connections_total{service="site",protocol="http2"}' 5
counted 'lb_connections_accepted_total{service="site"}' 46
counted 'lb_active_connections{service="site",protocol="http1"}' 0
counted 'lb_backend_failures_total{pool="dead",backend="b8009"}' 2
counted 'lb_request_duration_seconds_count{service="other"}' 7
counted 'lb_backend_time_to_first_byte_seconds_count{pool="web",backend="b8001"}' "$(value 'lb_backend_requests_total{pool="web",backend="b8001"}')"
expect "$(wc -l <"$TMP/web/access.log")" "$(($(value 'lb_backend_requests_total{pool="web",backend="b8001"}') + \
	$(value 'lb_backend_requests_total{pool="web",backend="b8002"}')))" "what nginx served"
expect "$(sum lb_requests_total)" "$(sum lb_worker_requests_total)" "requests of workers and of services"
expect "$(sum lb_requests_total)" "$(sum lb_requests_ended_total)" "requests and their ends"
expect "$(sum lb_requests_total)" "$(sum lb_responses_total)" "requests and answers"
expect "$(sum lb_responses_total)" "$(sum lb_worker_responses_total)" "answers of workers and of services"
expect "$(sum lb_response_bytes_total)" "$(sum lb_worker_response_bytes_total)" "bytes of workers and of services"
# Attempts: all requests for a pool that has backends, and once more each that was sent again.
expect $((34 + 2 + 7 + $(sum lb_retries_total))) "$(sum lb_backend_requests_total)" "attempts"

# --- TLS, and what fails of it ---
times 1 -k --http1.1 https://127.0.0.1/
times 1 -k --http2 https://127.0.0.1/
exec 5<>/dev/tcp/127.0.0.1/443
printf 'GARBAGE\r\n\r\n' >&5
cat <&5 >/dev/null
exec 5<&-
counted 'lb_tls_handshakes_total{service="secret"}' 2
counted 'lb_tls_failures_total{service="secret"}' 1
counted 'lb_connections_accepted_total{service="secret"}' 3
counted 'lb_connections_total{service="secret",protocol="http1"}' 1
counted 'lb_connections_total{service="secret",protocol="http2"}' 1

# --- what an autoscaler goes by: a WebSocket is a connection of another kind ---
exec 5<>/dev/tcp/127.0.0.1/80
counted 'lb_active_connections{service="site",protocol="handshake"}' 1
upgrade
counted 'lb_active_connections{service="site",protocol="websocket"}' 1
counted 'lb_active_connections{service="site",protocol="handshake"}' 0
counted 'lb_active_connections{service="site",protocol="http1"}' 0
counted 'lb_active_streams{service="site",protocol="websocket"}' 1
exec 5<&-
counted 'lb_active_connections{service="site",protocol="websocket"}' 0
counted 'lb_streams_ended_total{service="site",reason="client_abort"}' 1

# --- a model's answer ---
times 2 $at/v1
counted 'lb_model_tokens_total{model="m",type="output"}' 14
counted 'lb_model_ttft_seconds_count{model="m"}' 2
counted 'lb_streams_ended_total{service="site",reason="completed"}' 2

# --- lb4d is down: its counters are there, and that it is down ---
expect 4711 "$(value 'lb_lane_rx_packets_total{lane="1"}')" "packets of a lane"
expect 80 "$(value 'lb_l4_service_packets_total{service="l4"}')" "packets of a service"
expect 80 "$(value 'lb_l4_backend_packets_total{pool="pool",backend="backend"}')" "packets of a backend"
expect 8 "$(value 'lb_tcp_backend_connections_total{pool="pool",backend="backend"}')" "connections of a backend"
expect "" "$(value 'lb_tcp_connections_total{service="l4"}')" "connections of a service that nobody connected to"
expect 0 "$(value 'lb_daemon_up{program="lb4d"}')" "lb4d's state"
expect 1 "$(value 'lb_daemon_up{program="lb7d"}')" "lb7d's state"

counted 'lb_backend_healthy{pool="probed",backend="b8001"}' 1
# Of its one backend, which is unhealthy, `broken` makes use nevertheless; `dead` is not probed, and nothing is known of it.
counted 'lb_backend_healthy{pool="broken",backend="b8008"}' 0
counted 'lb_pool_failed_open{pool="broken"}' 1
expect 0 "$(value 'lb_pool_failed_open{pool="probed"}')" "a healthy pool"
expect "" "$(value 'lb_pool_usable_backends{pool="spare"}')" "a pool that no route asks"
expect 1 "$(value 'lb_backend_usable{pool="broken",backend="b8008"}')" "the backend of a pool that failed open"
expect 1 "$(value 'lb_backend_usable{pool="dead",backend="b8009"}')" "a backend that nobody probes"
expect "" "$(value 'lb_backend_healthy{pool="dead",backend="b8009"}')" "a backend that nobody probes"
expect 0 "$(value 'lb_pool_usable_backends{pool="empty"}')" "an empty pool"

# --- as Prometheus wants it ---
promtool check metrics <"$TMP/metrics" >"$TMP/verdict" 2>&1 || fail "promtool finds fault: $(cat "$TMP/verdict")"
[ ! -s "$TMP/verdict" ] || fail "promtool: $(cat "$TMP/verdict")"
promtool check rules conf/prometheus/alerts.yml >"$TMP/verdict" 2>&1 || fail "rules: $(cat "$TMP/verdict")"
promtool test rules tests/smoke/alert_cases.yml >"$TMP/verdict" 2>&1 || fail "rules: $(cat "$TMP/verdict")"
python3 tests/smoke/alert_fired.py conf/prometheus/alerts.yml tests/smoke/alert_cases.yml || fail "alerts that no case shows"
promtool check config conf/prometheus/scrape.yml >"$TMP/verdict" 2>&1 || fail "scrape.yml: $(cat "$TMP/verdict")"
python3 tests/smoke/metric_names.py "$TMP/metrics" conf/prometheus/* || fail "names that are not in /metrics"

# --- a Prometheus server ---
cat >"$TMP/prometheus.yml" <<-END
	global: { scrape_interval: 1s, evaluation_interval: 1s }
	scrape_configs: [ { job_name: lb47, static_configs: [ { targets: ["127.0.0.1:9047"] } ] } ]
	rule_files: [ "$PWD/conf/prometheus/alerts.yml" ]
END
prometheus --config.file="$TMP/prometheus.yml" --storage.tsdb.path="$TMP/tsdb" --web.listen-address=127.0.0.1:9090 >"$TMP/prometheus.log" 2>&1 &
prometheus=$!
# query EXPRESSION: the one number that it is
query() { curl -sS -m 5 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query 2>/dev/null | jq -r '.data.result[0].value[1]' 2>/dev/null; }
answers() { [ "$(query "$1")" = "$2" ]; }
says() { wait_until 20 answers "$1" "$2" || fail "Prometheus: $1 is $(query "$1"), not $2: $(tail -5 "$TMP/prometheus.log")"; }
says 'up{job="lb47"}' 1
says 'lb_requests_total{service="site"}' 49 # and the WebSocket, and the model's answers
says 'sum(lb_requests_total) - sum(lb_requests_ended_total)' 0
says 'sum by (code) (lb_responses_total{service="site",code="5xx"})' 8
says 'lb_request_duration_seconds_count{service="site"} - ignoring(le) lb_request_duration_seconds_bucket{service="site",le="+Inf"}' 0
says 'histogram_quantile(0.99, sum by (le) (lb_request_duration_seconds_bucket)) < bool 60' 1
says 'sum(lb_active_connections)' 0
alerts() { [ "$(curl -sS http://127.0.0.1:9090/api/v1/rules | jq '[.data.groups[].rules[] | select(.health == "ok")] | length')" = "$(grep -c -- '- alert:' conf/prometheus/alerts.yml)" ]; }
wait_until 10 alerts || fail "rules: $(curl -sS http://127.0.0.1:9090/api/v1/rules | jq -c '[.data.groups[].rules[] | [.name, .health, .lastError]]')"
says 'ALERTS{alertname="LbDaemonDown",program="lb4d",alertstate="pending"}' 1
says 'ALERTS{alertname="LbPoolFailedOpen",pool="broken",alertstate="pending"}' 1

# --- an operator takes a healthy pool out of service ---
lbctl() { "$BIN/lbctl" -s "$TMP/lb7d.sock" "$@" >"$TMP/lbctl" 2>&1 || fail "lbctl $*: $(cat "$TMP/lbctl")"; }
lbctl backends drain web/b8002
counted 'lb_backend_state{pool="web",backend="b8002",state="drain"}' 1
expect 1 "$(value 'lb_pool_usable_backends{pool="web"}')" "backends that are left"
says 'count(ALERTS{alertname="LbPoolWithoutBackends",pool="web"}) or vector(0)' 0
lbctl backends down web/b8001
lbctl backends down probed/b8001
counted 'lb_backend_state{pool="web",backend="b8001",state="down"}' 1
expect 00 "$(value 'lb_backend_usable{pool="web",backend="b8001"}')$(value 'lb_backend_usable{pool="web",backend="b8002"}')" "use of either"
expect 503 "$(curl -sS -m 5 -o /dev/null -w '%{http_code}' $at/)" "a request"
counted 'lb_backend_healthy{pool="probed",backend="b8001"}' 1
says 'ALERTS{alertname="LbPoolWithoutBackends",pool="web",alertstate="pending"}' 1
says 'ALERTS{alertname="LbPoolWithoutBackends",pool="probed",alertstate="pending"}' 1
lbctl backends up web/b8002
counted 'lb_backend_usable{pool="web",backend="b8002"}' 1
says 'count(ALERTS{alertname="LbPoolWithoutBackends",pool="web"}) or vector(0)' 0
kill "$prometheus"
wait "$prometheus" || true

# --- killed with a stream open: it is lost, and the sums agree again ---
exec 5<>/dev/tcp/127.0.0.1/80
upgrade
counted 'lb_active_streams{service="site",protocol="websocket"}' 1
expect $(($(sum lb_requests_total) - 1)) "$(sum lb_requests_ended_total)" "ends while a stream is open"
kill -KILL "$LB7D_PID"
wait "$LB7D_PID" 2>/dev/null || true
exec 5<&-
l7_start "$TMP/a.json"
counted 'lb_requests_ended_total{service="site",reason="lost"}' 1
counted 'lb_streams_ended_total{service="site",reason="lost"}' 1
expect 0 "$(sum lb_active_requests)" "requests on their way"
expect "$(sum lb_requests_total)" "$(sum lb_requests_ended_total)" "requests and their ends, after a kill"
expect "$(sum lb_streams_total)" "$(sum lb_streams_ended_total)" "streams and their ends, after a kill"
l7_stop
