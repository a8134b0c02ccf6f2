// SPDX-License-Identifier: BSD-3-Clause
// Parameters and results of the control protocol's methods; ctl_method.c describes their fields.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/ctl_field.h"
#include "l4/model/health.h"

enum { CTL_NAME_SIZE = CONF_NAME_MAX + 1, CTL_SENTENCE_SIZE = 256, CTL_PATH_SIZE = 4096 };

// State of a backend in the running configuration, or gone from it: enum conf_state and this.
enum { CTL_STATE_REMOVED = STATE_COUNT, CTL_STATE_COUNT };

// Of lb7d, as lb4d sees it; lb7d itself says running or draining.
enum ctl_l7_state {
	CTL_L7_OFF, // the configuration has nothing for it to do
	CTL_L7_STARTING,
	CTL_L7_RUNNING,
	CTL_L7_DRAINING, // stops; streams may end by themselves until the grace is over
	CTL_L7_BACK_OFF, // it ended, and will be started again in a while
	CTL_L7_COUNT
};

// --- parameters ---

struct ctl_nothing {
	char none;
};

struct ctl_backend_list_params {
	char pool[CTL_NAME_SIZE]; // "" = all
};

struct ctl_backend_add {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
	struct addr address;
	be16 port;
	uint32_t weight;
	uint8_t state; // enum conf_state
	struct ctl_hex server_id;
	struct mac mac;
};

struct ctl_backend_name {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
};

struct ctl_backend_weight {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
	uint32_t weight;
};

struct ctl_backend_state {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
	uint8_t state; // enum conf_state
};

struct ctl_flow_key {
	uint8_t protocol; // enum conf_protocol; quic means udp
	struct addr source;
	be16 source_port;
	struct addr destination;
	be16 destination_port;
};

struct ctl_explain_params {
	struct ctl_flow_key key;
	// quic only; no cid: an Initial packet with a random one, as of a client that begins
	struct ctl_cid cid;  // destination connection ID
	struct ctl_cid scid; // source connection ID; long headers only
	bool long_header;    // a cid in a Handshake packet instead of a short header
};

struct ctl_counters_params {
	bool all;
};

struct ctl_capture_params {
	char service[CTL_NAME_SIZE]; // "" = all packets
	char *filter;                // capture_filter_read()'s text; owned; NULL = everything
	uint32_t snap;               // bytes kept of a packet, 0 = none
	uint32_t rate;               // packets a second, of each lane
	bool sent;                   // also as they leave
};

// The running configuration of lb4d. lb7d checks it first and refuses it as a whole, with a sentence as of
// a reload, if it cannot serve it (a certificate that it cannot read, an address that it cannot bind).
struct ctl_l7_configure {
	char *file; // owned
	char *text; // conf_text(); owned
};

// One probed backend: a row of health.watch, or a notification.
struct ctl_health_change {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
	struct addr address;
	be16 port;
	uint8_t state; // enum health
	char reason[HEALTH_REASON_SIZE];
	uint64_t changed_ms; // CLOCK_REALTIME of the transition, 0 = none yet
};

union ctl_params {
	struct ctl_nothing nothing;
	struct ctl_backend_list_params backend_list_params;
	struct ctl_backend_add backend_add;
	struct ctl_backend_name backend_name;
	struct ctl_backend_weight backend_weight;
	struct ctl_backend_state backend_state;
	struct ctl_flow_key flow_key;
	struct ctl_explain_params explain_params;
	struct ctl_counters_params counters_params;
	struct ctl_capture_params capture_params;
	struct ctl_l7_configure l7_configure;
	struct ctl_health_change health_change;
};

// --- results ---

// Of whatever changes the running configuration.
struct ctl_change {
	uint32_t generation; // that serves now
	bool saved;
	char note[CTL_SENTENCE_SIZE]; // what an operator should know of it, "" = nothing
};

struct ctl_lane {
	uint32_t lane;
	uint32_t cpu;
	bool running;
	uint64_t packets;
	double busy; // of the last second
	uint64_t flows;
	uint64_t capacity;
};

struct ctl_port {
	char name[CTL_NAME_SIZE];
	uint8_t driver; // enum conf_driver
	char device[256];
	struct mac mac;
	bool link;
	uint64_t missed;
	char interface[16];
};

// A line on lb7d; ctl_l7_status says more.
struct ctl_l7_summary {
	uint8_t state; // enum ctl_l7_state
	uint32_t pid;
	int64_t uptime_s;
	uint32_t restarts;
	uint64_t connections, requests, streams, websockets;
	int64_t grace_left_ms;
	char reason[CTL_SENTENCE_SIZE];
};

struct ctl_status {
	char node[CTL_NAME_SIZE];
	char version[32];
	uint32_t pid;
	int64_t uptime_s;
	uint32_t generation;
	char file[CTL_PATH_SIZE];
	bool saved;
	uint32_t reloads;
	uint32_t reload_failures;
	uint32_t change_failures;
	int64_t reloaded_s;
	char last_error[CTL_SENTENCE_SIZE];
	char counters[16]; // where the counter store lives
	bool hugepages;
	struct ctl_rows lanes; // struct ctl_lane
	struct ctl_rows ports; // struct ctl_port
	struct ctl_rows l7;    // struct ctl_l7_summary; none if lb7d has nothing to do
};

struct ctl_service {
	char name[CTL_NAME_SIZE];
	struct addr address;
	be16 port;
	uint8_t protocol; // enum conf_protocol
	uint8_t forward;  // enum conf_forward
	char pool[CTL_NAME_SIZE];
	char l7[CTL_NAME_SIZE];
	uint64_t packets;
	uint64_t bytes;
	uint64_t new_flows;
	uint64_t dropped;
};

struct ctl_service_list {
	struct ctl_rows services; // struct ctl_service
};

struct ctl_pool {
	char name[CTL_NAME_SIZE];
	uint8_t balance; // enum conf_balance
	uint8_t health;  // enum conf_health
	uint32_t backends;
	uint32_t usable;
	uint32_t unhealthy;
	bool failed_open;
	uint32_t table_size;
};

struct ctl_pool_list {
	struct ctl_rows pools; // struct ctl_pool
};

struct ctl_backend {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
	struct addr address;
	be16 port;
	uint32_t weight;
	uint8_t state;  // enum conf_state or CTL_STATE_REMOVED
	uint8_t health; // enum health
	char reason[HEALTH_REASON_SIZE];
	int64_t since_s;
	struct mac mac;
	char neighbor[20];
	double share;
	uint64_t flows;
	uint64_t packets;
	uint64_t bytes;
	uint64_t new_flows;
};

struct ctl_backend_list {
	struct ctl_rows backends; // struct ctl_backend
};

struct ctl_lane_flows {
	uint32_t lane;
	uint64_t flows4, flows6;
	uint64_t capacity;
};

struct ctl_backend_flows {
	char pool[CTL_NAME_SIZE];
	char name[CTL_NAME_SIZE];
	uint64_t flows;
	double share;
};

struct ctl_flow_count {
	uint64_t flows;
	uint64_t capacity;
	struct ctl_rows lanes;    // struct ctl_lane_flows
	struct ctl_rows backends; // struct ctl_backend_flows
};

struct ctl_flow {
	uint32_t lane;
	char service[CTL_NAME_SIZE];
	char pool[CTL_NAME_SIZE];
	char backend[CTL_NAME_SIZE];
	struct addr address; // of the backend
	be16 port;
	char state[16];
	int64_t age_s;
	struct addr snat_address;
	be16 snat_port;
};

struct ctl_counter {
	char name[32];
	uint64_t value;
	char unit[16];
	char help[CTL_SENTENCE_SIZE];
};

struct ctl_reason {
	char name[32];
	char verdict[16];
	uint64_t packets;
	char help[CTL_SENTENCE_SIZE];
};

struct ctl_service_counter {
	char service[CTL_NAME_SIZE];
	char name[32];
	uint64_t value;
	char unit[16];
	char help[CTL_SENTENCE_SIZE];
};

struct ctl_steered {
	char port[CTL_NAME_SIZE];
	char name[32];
	uint64_t packets;
	char help[CTL_SENTENCE_SIZE];
};

// What the kernel counted of the TCP connections of an L7 service or of a backend.
struct ctl_tcp {
	char side[16];                // "service" or "backend"
	char name[2 * CTL_NAME_SIZE]; // of the service; pool/name of the backend
	char counter[32];
	uint64_t value;
	char unit[16];
	char help[CTL_SENTENCE_SIZE];
};

struct ctl_tcp_histogram {
	char side[16];
	char name[2 * CTL_NAME_SIZE];
	char histogram[32];
	uint64_t values; // how many
	uint64_t median, p99;
	char unit[16]; // of these two
	char help[CTL_SENTENCE_SIZE];
};

// Of an L7 service or a backend: a histogram in short.
struct ctl_time {
	char of[2 * CTL_NAME_SIZE + 16]; // "service NAME" or "backend POOL/NAME"
	char name[32];
	uint64_t values; // how many
	uint64_t median_us, p95_us, p99_us;
	char help[CTL_SENTENCE_SIZE];
};

struct ctl_backend_counter {
	char pool[CTL_NAME_SIZE];
	char backend[CTL_NAME_SIZE];
	char name[32];
	uint64_t value;
	char unit[16];
	char help[CTL_SENTENCE_SIZE];
};

struct ctl_counters {
	uint64_t received;
	uint64_t forwarded, punted, answered, dropped;
	int64_t difference;               // 0 when nothing is in flight
	struct ctl_rows counters;         // struct ctl_counter
	struct ctl_rows reasons;          // struct ctl_reason
	struct ctl_rows steered;          // struct ctl_steered
	struct ctl_rows services;         // struct ctl_service_counter
	struct ctl_rows services_steered; // struct ctl_service_counter
	struct ctl_rows tcp;              // struct ctl_tcp
	struct ctl_rows tcp_histograms;   // struct ctl_tcp_histogram
	struct ctl_rows backends;         // struct ctl_backend_counter, of L7 workers
	struct ctl_rows times;            // struct ctl_time, likewise
};

struct ctl_step {
	char stage[16];
	char text[CTL_SENTENCE_SIZE];
};

struct ctl_explain {
	char verdict[16];
	char reason[32];
	char help[CTL_SENTENCE_SIZE];
	char service[CTL_NAME_SIZE];
	char pool[CTL_NAME_SIZE];
	char backend[CTL_NAME_SIZE];
	char flow[16]; // "new", "living", or ""
	int64_t lane;  // of a living flow, -1 = none
	uint32_t generation;
	struct ctl_rows steps; // struct ctl_step
};

// With the answer comes a descriptor (SCM_RIGHTS): the memory of capture_ring.h.
struct ctl_capture {
	uint32_t lanes;
	char note[CTL_SENTENCE_SIZE]; // what cannot be seen of it, "" = nothing
	struct ctl_rows ports;        // struct ctl_port
};

struct ctl_health_watch {
	struct ctl_rows backends; // struct ctl_health_change
};

struct ctl_l7_worker {
	uint32_t worker;
	uint64_t connections;
	uint64_t upstream;
	uint64_t requests;
	uint64_t websockets;
	uint64_t event_streams;
	uint64_t memory; // bytes
	double busy;     // of the last second
};

struct ctl_l7_listener {
	char service[CTL_NAME_SIZE];
	struct addr address;
	be16 port;
	char l7[CTL_NAME_SIZE];
	bool tls;
	bool listening;
	char error[CTL_SENTENCE_SIZE];
};

// lb7d fills all but reason and restarts; lb4d passes on what it asked last and fills these.
struct ctl_l7_status {
	uint8_t state; // enum ctl_l7_state
	char reason[CTL_SENTENCE_SIZE];
	uint32_t restarts;
	char version[32];
	uint32_t pid; // 0 = none
	int64_t uptime_s;
	bool managed;
	uint32_t generation;
	char last_error[CTL_SENTENCE_SIZE];
	bool draining;
	int64_t grace_left_ms; // -1 = does not drain, or waits for ever
	uint64_t connections, idle;
	uint64_t accepted, refused;
	uint64_t requests, active;
	uint64_t streams, event_streams, websockets;
	uint64_t upstream, upstream_idle;
	uint64_t probes, unhealthy;
	uint64_t memory, memory_budget, resident; // bytes
	struct ctl_rows workers;                  // struct ctl_l7_worker
	struct ctl_rows listeners;                // struct ctl_l7_listener
};

union ctl_result {
	struct ctl_nothing nothing;
	struct ctl_change change;
	struct ctl_status status;
	struct ctl_service_list service_list;
	struct ctl_pool_list pool_list;
	struct ctl_backend_list backend_list;
	struct ctl_flow_count flow_count;
	struct ctl_flow flow;
	struct ctl_counters counters;
	struct ctl_explain explain;
	struct ctl_capture capture;
	struct ctl_l7_status l7_status;
	struct ctl_health_watch health_watch;
};
