// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_method.h"

#include <string.h>

#include "l4/model/capture_ring.h"
#include "l4/model/health.h"

#define FIELD(struct_, member)                                             \
	.name = #member, .offset = offsetof(struct ctl_##struct_, member), \
	.size = sizeof(((struct ctl_##struct_ *)NULL)->member)
#define COLUMN(struct_, member, heading_, help_) \
	FIELD(struct_, member), .heading = (heading_), .help = (help_)
#define WORDS(names) .kind = CTL_WORD, .words = (names), .n_words = ARRAY_LEN(names)
#define ROWS(struct_) .kind = CTL_ROWS, .rows = &struct_##_type
#define RANGE(from, to) .kind = CTL_U32, .min = (from), .max = (to)
#define OPTIONAL .is_optional = true

// Type `struct_` from the table <struct_>_fields.
#define TYPE(struct_)                                    \
	static const struct ctl_type struct_##_type = {  \
		.fields = struct_##_fields,              \
		.n_fields = ARRAY_LEN(struct_##_fields), \
		.size = sizeof(struct ctl_##struct_),    \
	}
// The same with initial values.
#define TYPE_FROM(struct_, ...)                                              \
	static const struct ctl_##struct_ struct_##_initial = {__VA_ARGS__}; \
	static const struct ctl_type struct_##_type = {                      \
		.fields = struct_##_fields,                                  \
		.n_fields = ARRAY_LEN(struct_##_fields),                     \
		.size = sizeof(struct ctl_##struct_),                        \
		.initial = &struct_##_initial,                               \
	}

// conf_state_names and what a backend becomes that left the configuration.
static const char *const state_words[CTL_STATE_COUNT] = {
	[STATE_UP] = "up",
	[STATE_DRAIN] = "drain",
	[STATE_DOWN] = "down",
	[CTL_STATE_REMOVED] = "removed",
};

static const char *const l7_state_words[CTL_L7_COUNT] = {
	[CTL_L7_OFF] = "off",           [CTL_L7_STARTING] = "starting",
	[CTL_L7_RUNNING] = "running",   [CTL_L7_DRAINING] = "draining",
	[CTL_L7_BACK_OFF] = "back-off",
};

// clang-format off
// --- parameters ---

static const struct ctl_type nothing_type = {.size = sizeof(struct ctl_nothing)};

static const struct ctl_field backend_list_params_fields[] = {
	{FIELD(backend_list_params, pool), .kind = CTL_TEXT, OPTIONAL, .help = "only this pool's"},
};
TYPE(backend_list_params);

static const struct ctl_field backend_add_fields[] = {
	{FIELD(backend_add, pool), .kind = CTL_TEXT, .help = "the pool it joins"},
	{FIELD(backend_add, name), .kind = CTL_TEXT, .help = "its name, new in the pool"},
	{FIELD(backend_add, address), .kind = CTL_ADDR, .help = "its IP address"},
	{FIELD(backend_add, port), .kind = CTL_PORT, .help = "its port"},
	{FIELD(backend_add, weight), RANGE(0, CONF_WEIGHT_MAX), OPTIONAL, .help = "share of new flows; default 100"},
	{FIELD(backend_add, state), WORDS(conf_state_names), OPTIONAL, .help = "up (default), drain or down"},
	{FIELD(backend_add, server_id), .kind = CTL_HEX, OPTIONAL, .help = "QUIC-LB server ID"},
	{FIELD(backend_add, mac), .kind = CTL_MAC, OPTIONAL, .help = "next hop by decree"},
};
TYPE_FROM(backend_add, .weight = 100, .state = STATE_UP);

static const struct ctl_field backend_name_fields[] = {
	{FIELD(backend_name, pool), .kind = CTL_TEXT, .help = "its pool"},
	{FIELD(backend_name, name), .kind = CTL_TEXT, .help = "its name"},
};
TYPE(backend_name);

static const struct ctl_field backend_weight_fields[] = {
	{FIELD(backend_weight, pool), .kind = CTL_TEXT, .help = "its pool"},
	{FIELD(backend_weight, name), .kind = CTL_TEXT, .help = "its name"},
	{FIELD(backend_weight, weight), RANGE(0, CONF_WEIGHT_MAX), .help = "share of new flows; 0 = none"},
};
TYPE(backend_weight);

static const struct ctl_field backend_state_fields[] = {
	{FIELD(backend_state, pool), .kind = CTL_TEXT, .help = "its pool"},
	{FIELD(backend_state, name), .kind = CTL_TEXT, .help = "its name"},
	{FIELD(backend_state, state), WORDS(conf_state_names), .help = "up, drain or down"},
};
TYPE(backend_state);

// For structs that begin with a struct ctl_flow_key, and for itself.
#define KEY_FIELDS \
	{FIELD(flow_key, protocol), WORDS(conf_protocol_names), .help = "tcp, udp or quic"}, \
	{FIELD(flow_key, source), .kind = CTL_ADDR, .help = "the client's address"}, \
	{FIELD(flow_key, source_port), .kind = CTL_PORT, .help = "the client's port"}, \
	{FIELD(flow_key, destination), .kind = CTL_ADDR, .help = "the service's address"}, \
	{FIELD(flow_key, destination_port), .kind = CTL_PORT, .help = "the service's port"}

static const struct ctl_field flow_key_fields[] = {KEY_FIELDS};
TYPE(flow_key);

static_assert(offsetof(struct ctl_explain_params, key) == 0, "KEY_FIELDS");
static const struct ctl_field explain_params_fields[] = {
	KEY_FIELDS,
	{FIELD(explain_params, cid), .kind = CTL_HEX, OPTIONAL, .help = "quic: destination connection ID"},
	{FIELD(explain_params, scid), .kind = CTL_HEX, OPTIONAL, .help = "quic: source connection ID of a long header"},
	{FIELD(explain_params, long_header), .kind = CTL_BOOL, OPTIONAL, .help = "quic: the cid stands in a long header"},
};
TYPE(explain_params);

static const struct ctl_field counters_params_fields[] = {
	{FIELD(counters_params, all), .kind = CTL_BOOL, OPTIONAL, .help = "also those that are zero"},
};
TYPE(counters_params);

static const struct ctl_field capture_params_fields[] = {
	{FIELD(capture_params, service), .kind = CTL_TEXT, OPTIONAL, .help = "only its packets"},
	{FIELD(capture_params, filter), .kind = CTL_STRING, OPTIONAL, .help = "classic BPF: \"N,code jt jf k,...\""},
	{FIELD(capture_params, snap), RANGE(0, CAPTURE_SNAP_MAX), OPTIONAL, .help = "bytes of each packet; default all"},
	{FIELD(capture_params, rate), RANGE(1, CAPTURE_RATE_MAX), OPTIONAL, .help = "packets a second, of each lane; default 10000"},
	{FIELD(capture_params, sent), .kind = CTL_BOOL, OPTIONAL, .help = "also as they leave"},
};
TYPE_FROM(capture_params, .snap = CAPTURE_SNAP_MAX, .rate = CAPTURE_RATE_DEFAULT);

static const struct ctl_field l7_configure_fields[] = {
	{FIELD(l7_configure, file), .kind = CTL_STRING, .help = "its name; relative paths in it begin at its folder"},
	{FIELD(l7_configure, text), .kind = CTL_STRING, .help = "the configuration as JSON"},
};
TYPE(l7_configure);

static const struct ctl_field health_change_fields[] = {
	{COLUMN(health_change, pool, "POOL", "its pool"), .kind = CTL_TEXT},
	{COLUMN(health_change, name, "BACKEND", "its name"), .kind = CTL_TEXT},
	{COLUMN(health_change, address, "ADDRESS", "where it listens"), .kind = CTL_ADDR},
	{COLUMN(health_change, port, "PORT", "likewise"), .kind = CTL_PORT},
	{COLUMN(health_change, state, "HEALTH", "unknown: not probed often enough yet"), WORDS(health_names)},
	{COLUMN(health_change, reason, "REASON", "of the last failed probe, if unhealthy"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(health_change, changed_ms, "CHANGED", "Unix time of the transition in ms; 0 = none yet"), .kind = CTL_U64},
};
TYPE(health_change);

// --- results ---

static const struct ctl_field change_fields[] = {
	{COLUMN(change, generation, "generation", "of the snapshot that serves now"), .kind = CTL_U32},
	{COLUMN(change, saved, "saved", "whether the configuration's file says the same"), .kind = CTL_BOOL},
	{COLUMN(change, note, "note", "what else is to be known of it"), .kind = CTL_TEXT, OPTIONAL},
};
TYPE(change);

static const struct ctl_field lane_fields[] = {
	{COLUMN(lane, lane, "LANE", "number of the lane"), .kind = CTL_U32},
	{COLUMN(lane, cpu, "CPU", "where it runs"), .kind = CTL_U32},
	{COLUMN(lane, running, "RUNNING", "whether it polls its queues"), .kind = CTL_BOOL},
	{COLUMN(lane, packets, "PACKETS", "received so far"), .kind = CTL_U64},
	{COLUMN(lane, busy, "BUSY%", "share of the last second spent on packets"), .kind = CTL_PERCENT},
	{COLUMN(lane, flows, "FLOWS", "in its tables"), .kind = CTL_U64},
	{COLUMN(lane, capacity, "CAPACITY", "flows that fit, for each family"), .kind = CTL_U64},
};
TYPE(lane);

static const struct ctl_field port_fields[] = {
	{COLUMN(port, name, "PORT", "name in the configuration"), .kind = CTL_TEXT},
	{COLUMN(port, driver, "DRIVER", "how packets get in and out"), WORDS(conf_driver_names)},
	{COLUMN(port, device, "DEVICE", "the driver's device"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(port, mac, "MAC", "our address on it"), .kind = CTL_MAC, OPTIONAL},
	{COLUMN(port, link, "LINK", "whether the link is up"), .kind = CTL_BOOL},
	{COLUMN(port, missed, "MISSED", "packets that its receive queues had no room for"), .kind = CTL_U64},
	{COLUMN(port, interface, "INTERFACE", "the kernel's interface for the port"), .kind = CTL_TEXT, OPTIONAL},
};
TYPE(port);

static const struct ctl_field l7_summary_fields[] = {
	{COLUMN(l7_summary, state, "L7", "of lb7d: starting, running, draining, back-off; off: not wanted"), WORDS(l7_state_words)},
	{COLUMN(l7_summary, pid, "PID", "of lb7d"), .kind = CTL_U32},
	{COLUMN(l7_summary, uptime_s, "UPTIME", "since it started"), .kind = CTL_SECONDS, OPTIONAL},
	{COLUMN(l7_summary, restarts, "RESTARTS", "by lb4d"), .kind = CTL_U32},
	{COLUMN(l7_summary, connections, "CONNECTIONS", "of clients, open"), .kind = CTL_U64},
	{COLUMN(l7_summary, requests, "REQUESTS", "since it started"), .kind = CTL_U64},
	{COLUMN(l7_summary, streams, "STREAMS", "open answers of unknown length"), .kind = CTL_U64},
	{COLUMN(l7_summary, websockets, "WEBSOCKETS", "open"), .kind = CTL_U64},
	{COLUMN(l7_summary, grace_left_ms, "GRACE-MS", "while it drains: until what still runs is ended"), .kind = CTL_I64, OPTIONAL},
	{COLUMN(l7_summary, reason, "REASON", "why it is not running, or what it refuses"), .kind = CTL_TEXT, OPTIONAL},
};
TYPE_FROM(l7_summary, .uptime_s = -1, .grace_left_ms = -1);

static const struct ctl_field status_fields[] = {
	{COLUMN(status, node, "node", "name of this node"), .kind = CTL_TEXT},
	{COLUMN(status, version, "version", "of the daemon"), .kind = CTL_TEXT},
	{COLUMN(status, pid, "pid", "of the daemon"), .kind = CTL_U32},
	{COLUMN(status, uptime_s, "uptime", "since it started"), .kind = CTL_SECONDS},
	{COLUMN(status, generation, "generation", "of the snapshot that serves"), .kind = CTL_U32},
	{COLUMN(status, file, "file", "the configuration"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(status, saved, "saved", "whether the file says what runs"), .kind = CTL_BOOL},
	{COLUMN(status, reloads, "reloads", "that succeeded"), .kind = CTL_U32},
	{COLUMN(status, reload_failures, "reloads refused", "for an error in the file"), .kind = CTL_U32},
	{COLUMN(status, change_failures, "changes refused", "of the backends, by lbctl"), .kind = CTL_U32, OPTIONAL},
	{COLUMN(status, reloaded_s, "last reload", "since the last success"), .kind = CTL_SECONDS, OPTIONAL},
	{COLUMN(status, last_error, "last error", "what was refused last, and why"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(status, counters, "counters", "home of the counters: bpf or shm"), .kind = CTL_TEXT},
	{COLUMN(status, hugepages, "hugepages", "whether packets lie in huge pages"), .kind = CTL_BOOL},
	{COLUMN(status, lanes, "lanes", "the fast path's cores"), ROWS(lane)},
	{COLUMN(status, ports, "ports", "where packets come from"), ROWS(port)},
	{COLUMN(status, l7, "l7", "the L7 workers, if there is anything for them to do"), ROWS(l7_summary)},
};
TYPE_FROM(status, .reloaded_s = -1);

static const struct ctl_field service_fields[] = {
	{COLUMN(service, name, "SERVICE", "name in the configuration"), .kind = CTL_TEXT},
	{COLUMN(service, address, "ADDRESS", "what clients connect to"), .kind = CTL_ADDR},
	{COLUMN(service, port, "PORT", "likewise"), .kind = CTL_PORT},
	{COLUMN(service, protocol, "PROTOCOL", "tcp, udp or quic"), WORDS(conf_protocol_names)},
	{COLUMN(service, forward, "FORWARD", "how packets reach a backend"), WORDS(conf_forward_names)},
	{COLUMN(service, pool, "POOL", "that answers"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(service, l7, "L7", "or the l7 entry that answers"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(service, packets, "PACKETS", "from clients"), .kind = CTL_U64},
	{COLUMN(service, bytes, "BYTES", "their bytes"), .kind = CTL_U64},
	{COLUMN(service, new_flows, "NEW-FLOWS", "that were given a backend; of an L7 service its TCP connections"), .kind = CTL_U64},
	{COLUMN(service, dropped, "DROPPED", "of the packets"), .kind = CTL_U64},
};
TYPE(service);

static const struct ctl_field service_list_fields[] = {
	{COLUMN(service_list, services, "services", "in the configuration's order"), ROWS(service)},
};
TYPE(service_list);

static const struct ctl_field pool_fields[] = {
	{COLUMN(pool, name, "POOL", "name in the configuration"), .kind = CTL_TEXT},
	{COLUMN(pool, balance, "BALANCE", "how a backend is chosen"), WORDS(conf_balance_names)},
	{COLUMN(pool, health, "HEALTH", "how backends are probed"), WORDS(conf_health_names)},
	{COLUMN(pool, backends, "BACKENDS", "that the pool has"), .kind = CTL_U32},
	{COLUMN(pool, usable, "USABLE", "of these: take new flows"), .kind = CTL_U32},
	{COLUMN(pool, unhealthy, "UNHEALTHY", "of its backends"), .kind = CTL_U32},
	{COLUMN(pool, failed_open, "FAILED-OPEN", "none is healthy, so all are used"), .kind = CTL_BOOL},
	{COLUMN(pool, table_size, "SLOTS", "of the Maglev table"), .kind = CTL_U32},
};
TYPE(pool);

static const struct ctl_field pool_list_fields[] = {
	{COLUMN(pool_list, pools, "pools", "in the configuration's order"), ROWS(pool)},
};
TYPE(pool_list);

static const struct ctl_field backend_fields[] = {
	{COLUMN(backend, pool, "POOL", "its pool"), .kind = CTL_TEXT},
	{COLUMN(backend, name, "BACKEND", "its name"), .kind = CTL_TEXT},
	{COLUMN(backend, address, "ADDRESS", "where it listens"), .kind = CTL_ADDR},
	{COLUMN(backend, port, "PORT", "likewise"), .kind = CTL_PORT},
	{COLUMN(backend, weight, "WEIGHT", "configured share of new flows"), .kind = CTL_U32},
	{COLUMN(backend, state, "STATE", "up, drain, down; removed: only its flows live on"), WORDS(state_words)},
	{COLUMN(backend, health, "HEALTH", "unknown counts as healthy"), WORDS(health_names)},
	{COLUMN(backend, reason, "REASON", "of an unhealthy one"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(backend, since_s, "SINCE", "the health changed"), .kind = CTL_SECONDS, OPTIONAL},
	{COLUMN(backend, mac, "NEXT-HOP", "MAC address that its frames go to"), .kind = CTL_MAC, OPTIONAL},
	{COLUMN(backend, neighbor, "NEIGHBOR", "what the kernel says of the next hop"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(backend, share, "SHARE%", "of its pool's new flows"), .kind = CTL_PERCENT},
	{COLUMN(backend, flows, "FLOWS", "living now"), .kind = CTL_U64},
	{COLUMN(backend, packets, "PACKETS", "forwarded to it"), .kind = CTL_U64},
	{COLUMN(backend, bytes, "BYTES", "their bytes"), .kind = CTL_U64},
	{COLUMN(backend, new_flows, "NEW-FLOWS", "that were given to it"), .kind = CTL_U64},
};
TYPE_FROM(backend, .since_s = -1);

static const struct ctl_field backend_list_fields[] = {
	{COLUMN(backend_list, backends, "backends", "in the configuration's order, then the removed ones"), ROWS(backend)},
};
TYPE(backend_list);

static const struct ctl_field lane_flows_fields[] = {
	{COLUMN(lane_flows, lane, "LANE", "number of the lane"), .kind = CTL_U32},
	{COLUMN(lane_flows, flows4, "IPV4", "living IPv4 flows"), .kind = CTL_U64},
	{COLUMN(lane_flows, flows6, "IPV6", "living IPv6 flows"), .kind = CTL_U64},
	{COLUMN(lane_flows, capacity, "CAPACITY", "flows that fit, for each family"), .kind = CTL_U64},
};
TYPE(lane_flows);

static const struct ctl_field backend_flows_fields[] = {
	{COLUMN(backend_flows, pool, "POOL", "its pool"), .kind = CTL_TEXT},
	{COLUMN(backend_flows, name, "BACKEND", "its name"), .kind = CTL_TEXT},
	{COLUMN(backend_flows, flows, "FLOWS", "living now"), .kind = CTL_U64},
	{COLUMN(backend_flows, share, "SHARE%", "of all living flows"), .kind = CTL_PERCENT},
};
TYPE(backend_flows);

static const struct ctl_field flow_count_fields[] = {
	{COLUMN(flow_count, flows, "flows", "living now, in all lanes"), .kind = CTL_U64},
	{COLUMN(flow_count, capacity, "capacity", "flows that fit, for each family"), .kind = CTL_U64},
	{COLUMN(flow_count, lanes, "lanes", "by lane"), ROWS(lane_flows)},
	{COLUMN(flow_count, backends, "backends", "by backend"), ROWS(backend_flows)},
};
TYPE(flow_count);

static const struct ctl_field flow_fields[] = {
	{COLUMN(flow, lane, "lane", "that owns the flow"), .kind = CTL_U32},
	{COLUMN(flow, service, "service", "that it belongs to"), .kind = CTL_TEXT},
	{COLUMN(flow, pool, "pool", "of the backend"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(flow, backend, "backend", "that answers it"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(flow, address, "address", "of the backend"), .kind = CTL_ADDR, OPTIONAL},
	{COLUMN(flow, port, "port", "of the backend"), .kind = CTL_PORT, OPTIONAL},
	{COLUMN(flow, state, "state", "opening, established, closing, udp"), .kind = CTL_TEXT},
	{COLUMN(flow, age_s, "age", "since its last packet"), .kind = CTL_SECONDS},
	{COLUMN(flow, snat_address, "snat address", "our address towards the backend"), .kind = CTL_ADDR, OPTIONAL},
	{COLUMN(flow, snat_port, "snat port", "our port towards the backend"), .kind = CTL_PORT, OPTIONAL},
};
TYPE(flow);

static const struct ctl_field counter_fields[] = {
	{COLUMN(counter, name, "COUNTER", "its name"), .kind = CTL_TEXT},
	{COLUMN(counter, value, "VALUE", "sum over the lanes"), .kind = CTL_U64},
	{COLUMN(counter, unit, "UNIT", "of the value"), .kind = CTL_TEXT},
	{COLUMN(counter, help, "MEANING", "what it counts"), .kind = CTL_TEXT},
};
TYPE(counter);

static const struct ctl_field reason_fields[] = {
	{COLUMN(reason, name, "REASON", "its name"), .kind = CTL_TEXT},
	{COLUMN(reason, verdict, "VERDICT", "what happened to these packets"), .kind = CTL_TEXT},
	{COLUMN(reason, packets, "PACKETS", "sum over the lanes"), .kind = CTL_U64},
	{COLUMN(reason, help, "MEANING", "what it says"), .kind = CTL_TEXT},
};
TYPE(reason);

static const struct ctl_field steered_fields[] = {
	{COLUMN(steered, port, "PORT", "that has an XDP program"), .kind = CTL_TEXT},
	{COLUMN(steered, name, "STEERED", "where the program found the packets to belong"), .kind = CTL_TEXT},
	{COLUMN(steered, packets, "PACKETS", "since the daemon started"), .kind = CTL_U64},
	{COLUMN(steered, help, "MEANING", "what it counts"), .kind = CTL_TEXT},
};
TYPE(steered);

static const struct ctl_field service_counter_fields[] = {
	{COLUMN(service_counter, service, "SERVICE", "name in the configuration"), .kind = CTL_TEXT},
	{COLUMN(service_counter, name, "COUNTER", "as in conf/counters.md"), .kind = CTL_TEXT},
	{COLUMN(service_counter, value, "VALUE", "sum over the lanes, or over the workers"), .kind = CTL_U64},
	{COLUMN(service_counter, unit, "UNIT", "of the value"), .kind = CTL_TEXT},
	{COLUMN(service_counter, help, "MEANING", "what it counts"), .kind = CTL_TEXT},
};
TYPE(service_counter);

static const struct ctl_field tcp_fields[] = {
	{COLUMN(tcp, side, "TCP OF", "`service`: connections of its clients; `backend`: made to it"), .kind = CTL_TEXT},
	{COLUMN(tcp, name, "NAME", "of the L7 service, or pool/name of the backend"), .kind = CTL_TEXT},
	{COLUMN(tcp, counter, "COUNTER", "as in conf/counters.md"), .kind = CTL_TEXT},
	{COLUMN(tcp, value, "VALUE", "as the kernel counted"), .kind = CTL_U64},
	{COLUMN(tcp, unit, "UNIT", "of the value"), .kind = CTL_TEXT},
	{COLUMN(tcp, help, "MEANING", "what it counts"), .kind = CTL_TEXT},
};
TYPE(tcp);

static const struct ctl_field tcp_histogram_fields[] = {
	{COLUMN(tcp_histogram, side, "TCP OF", "`service`: connections of its clients; `backend`: made to it"), .kind = CTL_TEXT},
	{COLUMN(tcp_histogram, name, "NAME", "of the L7 service, or pool/name of the backend"), .kind = CTL_TEXT},
	{COLUMN(tcp_histogram, histogram, "HISTOGRAM", "as in conf/counters.md"), .kind = CTL_TEXT},
	{COLUMN(tcp_histogram, values, "VALUES", "how many, one a connection"), .kind = CTL_U64},
	{COLUMN(tcp_histogram, median, "MEDIAN", "within a factor of two"), .kind = CTL_U64},
	{COLUMN(tcp_histogram, p99, "P99", "what 99 of 100 do not exceed, likewise"), .kind = CTL_U64},
	{COLUMN(tcp_histogram, unit, "UNIT", "of these two"), .kind = CTL_TEXT},
	{COLUMN(tcp_histogram, help, "MEANING", "what is measured"), .kind = CTL_TEXT},
};
TYPE(tcp_histogram);

static const struct ctl_field backend_counter_fields[] = {
	{COLUMN(backend_counter, pool, "POOL", "its pool"), .kind = CTL_TEXT},
	{COLUMN(backend_counter, backend, "BACKEND", "its name"), .kind = CTL_TEXT},
	{COLUMN(backend_counter, name, "COUNTER", "as in conf/counters.md"), .kind = CTL_TEXT},
	{COLUMN(backend_counter, value, "VALUE", "sum over the workers"), .kind = CTL_U64},
	{COLUMN(backend_counter, unit, "UNIT", "of the value"), .kind = CTL_TEXT},
	{COLUMN(backend_counter, help, "MEANING", "what it counts"), .kind = CTL_TEXT},
};
TYPE(backend_counter);

static const struct ctl_field time_fields[] = {
	{COLUMN(time, of, "TIMES OF", "`service` and its name, `backend` and its pool and name"), .kind = CTL_TEXT},
	{COLUMN(time, name, "TIME", "as in conf/counters.md"), .kind = CTL_TEXT},
	{COLUMN(time, values, "VALUES", "how many were measured"), .kind = CTL_U64},
	{COLUMN(time, median_us, "MEDIAN", "us, within a quarter"), .kind = CTL_U64},
	{COLUMN(time, p95_us, "P95", "us; what 95 of 100 do not exceed, likewise"), .kind = CTL_U64},
	{COLUMN(time, p99_us, "P99", "likewise"), .kind = CTL_U64},
	{COLUMN(time, help, "MEANING", "what is measured"), .kind = CTL_TEXT},
};
TYPE(time);

static const struct ctl_field counters_fields[] = {
	{COLUMN(counters, received, "received", "packets that were given a verdict"), .kind = CTL_U64},
	{COLUMN(counters, forwarded, "forwarded", "of these"), .kind = CTL_U64},
	{COLUMN(counters, punted, "punted", "of these"), .kind = CTL_U64},
	{COLUMN(counters, answered, "answered", "of these"), .kind = CTL_U64},
	{COLUMN(counters, dropped, "dropped", "of these, for any reason"), .kind = CTL_U64},
	{COLUMN(counters, difference, "difference", "received minus all of them: 0 when nothing is in flight"), .kind = CTL_I64},
	{COLUMN(counters, counters, "counters", "of the lanes"), ROWS(counter)},
	{COLUMN(counters, reasons, "reasons", "of the verdicts"), ROWS(reason)},
	{COLUMN(counters, steered, "steered", "before the lanes: by the XDP programs of af_xdp ports"), ROWS(steered)},
	{COLUMN(counters, services, "services", "of each service"), ROWS(service_counter)},
	{COLUMN(counters, services_steered, "services steered", "of each service, before the lanes: by the XDP programs of af_xdp ports"), ROWS(service_counter)},
	{COLUMN(counters, tcp, "tcp", "connections of L7 services and of backends, by the kernel"), ROWS(tcp)},
	{COLUMN(counters, tcp_histograms, "tcp histograms", "of the same"), ROWS(tcp_histogram)},
	{COLUMN(counters, backends, "backends", "of each backend, by lb7d: what L7 workers did with it"), ROWS(backend_counter)},
	{COLUMN(counters, times, "times", "of L7 services and their backends, by lb7d; in us"), ROWS(time)},
};
TYPE(counters);

static const struct ctl_field step_fields[] = {
	{COLUMN(step, stage, "STAGE", "of the packet's way"), .kind = CTL_TEXT},
	{COLUMN(step, text, "WHAT IT DID", "in a sentence"), .kind = CTL_TEXT},
};
TYPE(step);

static const struct ctl_field explain_fields[] = {
	{COLUMN(explain, verdict, "verdict", "what would happen to the packet"), .kind = CTL_TEXT},
	{COLUMN(explain, reason, "reason", "its name"), .kind = CTL_TEXT},
	{COLUMN(explain, help, "meaning", "of the reason"), .kind = CTL_TEXT},
	{COLUMN(explain, service, "service", "that the packet is for"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(explain, pool, "pool", "of the backend"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(explain, backend, "backend", "that would get it"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(explain, flow, "flow", "living, or new: the packet would open it"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(explain, lane, "lane", "that owns the living flow"), .kind = CTL_I64, OPTIONAL},
	{COLUMN(explain, generation, "generation", "of the snapshot that was asked"), .kind = CTL_U32},
	{COLUMN(explain, steps, "steps", "what each stage did"), ROWS(step)},
};
TYPE_FROM(explain, .lane = -1);

static const struct ctl_field capture_fields[] = {
	{COLUMN(capture, lanes, "lanes", "that tell of their packets"), .kind = CTL_U32},
	{COLUMN(capture, note, "note", "what cannot be seen"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(capture, ports, "ports", "where packets come in and leave"), ROWS(port)},
};
TYPE(capture);

static const struct ctl_field health_watch_fields[] = {
	{COLUMN(health_watch, backends, "backends", "of pools with a health check"), ROWS(health_change)},
};
TYPE(health_watch);

static const struct ctl_field l7_worker_fields[] = {
	{COLUMN(l7_worker, worker, "WORKER", "its number"), .kind = CTL_U32},
	{COLUMN(l7_worker, connections, "CONNECTIONS", "of clients, open"), .kind = CTL_U64},
	{COLUMN(l7_worker, upstream, "UPSTREAM", "connections to backends, idle ones too"), .kind = CTL_U64},
	{COLUMN(l7_worker, requests, "REQUESTS", "since it started"), .kind = CTL_U64},
	{COLUMN(l7_worker, websockets, "WEBSOCKETS", "open"), .kind = CTL_U64},
	{COLUMN(l7_worker, event_streams, "EVENT-STREAMS", "open"), .kind = CTL_U64},
	{COLUMN(l7_worker, memory, "MEMORY", "bytes of its budget in use"), .kind = CTL_U64},
	{COLUMN(l7_worker, busy, "BUSY%", "of the last second"), .kind = CTL_PERCENT},
};
TYPE(l7_worker);

static const struct ctl_field l7_listener_fields[] = {
	{COLUMN(l7_listener, service, "SERVICE", "that it is for"), .kind = CTL_TEXT},
	{COLUMN(l7_listener, address, "ADDRESS", "where clients connect to"), .kind = CTL_ADDR},
	{COLUMN(l7_listener, port, "PORT", "likewise"), .kind = CTL_PORT},
	{COLUMN(l7_listener, l7, "L7", "the l7 entry that answers"), .kind = CTL_TEXT},
	{COLUMN(l7_listener, tls, "TLS", "whether it speaks TLS"), .kind = CTL_BOOL},
	{COLUMN(l7_listener, listening, "LISTENING", "no: see ERROR, or it drains"), .kind = CTL_BOOL},
	{COLUMN(l7_listener, error, "ERROR", "why it does not listen"), .kind = CTL_TEXT, OPTIONAL},
};
TYPE(l7_listener);

static const struct ctl_field l7_status_fields[] = {
	{COLUMN(l7_status, state, "state", "off: nothing for it to do; starting, running, draining, back-off"), WORDS(l7_state_words)},
	{COLUMN(l7_status, reason, "reason", "why it is not running, or how it ended last"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(l7_status, restarts, "restarts", "by lb4d, since that started"), .kind = CTL_U32, OPTIONAL},
	{COLUMN(l7_status, version, "version", "of lb7d"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(l7_status, pid, "pid", "of lb7d"), .kind = CTL_U32},
	{COLUMN(l7_status, uptime_s, "uptime", "since it started"), .kind = CTL_SECONDS, OPTIONAL},
	{COLUMN(l7_status, managed, "managed", "whether its configuration comes from lb4d"), .kind = CTL_BOOL},
	{COLUMN(l7_status, generation, "generation", "of its configuration: counts those it took"), .kind = CTL_U32},
	{COLUMN(l7_status, last_error, "last error", "what it refused last, and why"), .kind = CTL_TEXT, OPTIONAL},
	{COLUMN(l7_status, draining, "draining", "accepts no more and waits for streams to end"), .kind = CTL_BOOL},
	{COLUMN(l7_status, grace_left_ms, "grace left ms", "until what still runs is ended"), .kind = CTL_I64, OPTIONAL},
	{COLUMN(l7_status, connections, "connections", "of clients, open"), .kind = CTL_U64},
	{COLUMN(l7_status, idle, "idle", "of these: between two requests"), .kind = CTL_U64},
	{COLUMN(l7_status, accepted, "accepted", "connections since it started"), .kind = CTL_U64},
	{COLUMN(l7_status, refused, "refused", "connections: out of room, memory or descriptors"), .kind = CTL_U64},
	{COLUMN(l7_status, requests, "requests", "since it started"), .kind = CTL_U64},
	{COLUMN(l7_status, active, "active", "requests under way, without the streams below"), .kind = CTL_U64},
	{COLUMN(l7_status, streams, "streams", "open answers of unknown length, event streams too"), .kind = CTL_U64},
	{COLUMN(l7_status, event_streams, "event streams", "open"), .kind = CTL_U64},
	{COLUMN(l7_status, websockets, "websockets", "open"), .kind = CTL_U64},
	{COLUMN(l7_status, upstream, "upstream", "connections to backends, idle ones too"), .kind = CTL_U64},
	{COLUMN(l7_status, upstream_idle, "upstream idle", "of these: kept for the next request"), .kind = CTL_U64},
	{COLUMN(l7_status, probes, "probes", "backends under health check"), .kind = CTL_U64},
	{COLUMN(l7_status, unhealthy, "unhealthy", "of these"), .kind = CTL_U64},
	{COLUMN(l7_status, memory, "memory", "bytes that the workers use of their budgets"), .kind = CTL_U64},
	{COLUMN(l7_status, memory_budget, "memory budget", "bytes, of all workers"), .kind = CTL_U64},
	{COLUMN(l7_status, resident, "resident", "bytes of the process in memory"), .kind = CTL_U64},
	{COLUMN(l7_status, workers, "workers", "threads that serve"), ROWS(l7_worker)},
	{COLUMN(l7_status, listeners, "listeners", "services that it answers"), ROWS(l7_listener)},
};
TYPE_FROM(l7_status, .uptime_s = -1, .grace_left_ms = -1);
// clang-format on

#define X(SYMBOL, name_, params_, result_, help_)    \
	[CTL_##SYMBOL] = {.name = name_,             \
	                  .help = help_,             \
	                  .params = &params_##_type, \
	                  .result = &result_##_type},
const struct ctl_method_type ctl_method_types[CTL_METHOD_COUNT] = {CTL_METHODS(X)};
#undef X

enum ctl_method ctl_method_find(const char *name)
{
	for (unsigned i = CTL_METHOD_NONE + 1; i < CTL_METHOD_COUNT; i++)
		if (strcmp(ctl_method_types[i].name, name) == 0)
			return (enum ctl_method)i;
	return CTL_METHOD_NONE;
}

static void init(const struct ctl_type *type, void *out)
{
	if (type->initial)
		memcpy(out, type->initial, type->size);
	else
		memset(out, 0, type->size);
}

void ctl_method_init_result(enum ctl_method method, union ctl_result *result)
{
	init(ctl_method_types[method].result, result);
}

void ctl_method_free_result(enum ctl_method method, union ctl_result *result)
{
	ctl_field_free_owned(ctl_method_types[method].result, result);
}

void ctl_method_init_params(enum ctl_method method, union ctl_params *params)
{
	init(ctl_method_types[method].params, params);
}

void ctl_method_free_params(enum ctl_method method, union ctl_params *params)
{
	// A notification that we do not know (CTL_METHOD_NONE) has none.
	if (ctl_method_types[method].params)
		ctl_field_free_owned(ctl_method_types[method].params, params);
}
