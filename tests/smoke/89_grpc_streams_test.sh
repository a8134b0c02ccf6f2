#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What lb7d counts of gRPC calls is what grpcio's client saw: messages, times, how they ended.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh
# shellcheck source=tests/smoke/grpc.sh
. tests/smoke/grpc.sh

trap 'rm -rf "$TMP" "/dev/shm/lb47${TMP//\//-}-stats"' EXIT
grpc_start py 9001
l7_conf "$TMP/a.json" '{services: [service("a"; 80), service("off"; 81), service("hasty"; 82)],
	l7: [{name: "a", streams: {measure: "tokens"}, routes: [{path: "/", pool: "grpc"}]},
		{name: "off", streams: {measure: "off"}, routes: [{path: "/", pool: "grpc"}]},
		{name: "hasty", streams: {measure: "tokens", stalled_ms: 5}, routes: [{path: "/", pool: "grpc"}]}],
	pools: [pool("grpc"; [9001]) + {protocol: "http2"}]}'
l7_start "$TMP/a.json"
"$PYTHON" tests/smoke/l7/grpc_timed.py 127.0.0.1:80 >"$TMP/seen" || fail "the calls fail"

# holds FILTER: of what the client saw and of what was counted.
service=a
counted() { "$(dirname "$BIN")/tests/smoke/service_run" "$TMP/stats" "$service" >"$TMP/counted"; }
holds() {
	counted
	jq -es ".[0] as \$seen | .[1] | $1" "$TMP/seen" "$TMP/counted" >/dev/null
}
# The cancelled call: two messages, and those that came before lb7d heard of it.
wait_until 5 holds '.streams_grpc == 5 and .active_grpc == 0' || fail "calls: $(cat "$TMP/counted")"
expects=(
	'.stream_ends_completed == 3 and .stream_ends_error_event == 1 and .stream_ends_client_abort == 1'
	'.events >= 8 and .time_to_first_event_count == 3'
	'.inter_event_gap_count + .time_to_first_event_count == .events'
	'.delay_added_count + .delay_client_count + .events_undelivered == .events'
	# The call of one message is a request, and so are those that failed at once; the others are streams.
	'.stream_duration_count == 2 and .request_duration_count == 3'
	'.time_to_first_token_count == 3 and .no_first_token_error == 1 and .no_first_token_no_output == 1'
	'.time_per_output_token_events_count == 2 and .events_malformed == 0 and .streams_opaque == 0'
)
for claim in "${expects[@]}"; do
	holds "$claim" || fail "$claim: $(cat "$TMP/seen" "$TMP/counted")"
done
logged '.protocol == "grpc" and .events == 5 and .end == "completed" and .grpc_status == 0'
logged '.protocol == "grpc" and .events == 0 and .grpc_status == 3 and .stream_end == "completed"'
logged '.protocol == "grpc" and .events == 0 and .grpc_status == 13 and .stream_end == "error_event"'
# One clock: what the client measured, less what lies between it and lb7d.
jq -es '.[0] as $seen | map(select(.protocol == "grpc" and .events == 5))[0] |
	.ttft_ms <= $seen.first_ms and .ttft_ms >= 20 and .tpot_ms * 4 >= 79' "$TMP/seen" "$TMP/access.log" >/dev/null ||
	fail "times: $(cat "$TMP/seen" "$TMP/access.log")"
# What is a stream is seen where nothing is measured, too.
"$PYTHON" tests/smoke/l7/grpc_timed.py 127.0.0.1:81 >/dev/null || fail "the calls fail"
service=off
wait_until 5 holds '.streams_grpc == 5 and .active_grpc == 0' || fail "calls: $(cat "$TMP/counted")"
for claim in '.stream_duration_count == 2 and .request_duration_count == 3' '.events == 0'; do
	holds "$claim" || fail "measure off: $claim: $(cat "$TMP/counted")"
done
# Who may be silent for 5 ms stalls between any two messages that are 20 ms apart, and no longer when the next one comes.
"$PYTHON" tests/smoke/l7/grpc_timed.py 127.0.0.1:82 >/dev/null || fail "the calls fail"
service=hasty
wait_until 5 holds '.streams_grpc == 5 and .active_grpc == 0' || fail "calls: $(cat "$TMP/counted")"
holds '.stalls >= 4 and .stalls <= .events and .streams_stalled == 0' || fail "stalls: $(cat "$TMP/counted")"
l7_stop
