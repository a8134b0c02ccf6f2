// SPDX-License-Identifier: BSD-3-Clause
// The configuration as the operator wrote it: values checked one by one (conf_json.c) and against
// each other (conf_check.c), nothing compiled yet (snapshot.c does that).
//   1. conf_load() or conf_parse() gives a whole, valid struct conf or an error that names the place;
//   2. the control plane changes it with conf_backend_*() only, which keep it valid;
//   3. conf_save() writes it back atomically;
//   4. conf_free().
// Owned by one thread at a time; immutable while a snapshot is built from it. All pointers inside
// are owned by the conf. Arrays keep the file's order. conf/reference.md lists every key with unit,
// range and default; conf/schema.json is the same for editors.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/arena.h"
#include "l4/base/err.h"

enum {
	CONF_NAME_MAX = 63, // bytes of a name, [A-Za-z0-9_][A-Za-z0-9_.-]*: safe everywhere
	CONF_MAX_PORTS = 16,
	CONF_MAX_LANES = 32,
	CONF_MAX_SERVICES = 1024,
	CONF_MAX_POOLS = 1024,
	CONF_MAX_BACKENDS = 4096, // over all pools
	CONF_MAX_POOL_BACKENDS = 1024,
	CONF_MAX_SNAT = 8, // addresses a family
	CONF_MAX_L7 = 256,
	CONF_MAX_TLS = 256,       // an l7 entry
	CONF_MAX_ROUTES = 1024,   // an l7 entry
	CONF_MAX_MODELS = 32,     // an l7 entry
	CONF_MAX_RULES = 64,      // a list of headers, cookies, statuses and the like
	CONF_FILE_MAX = 16 << 20, // bytes of a file
	CONF_MAX_QUIC_LB = 7,     // quic-lb.md section 2: rotation bits 0..6
	CONF_SERVER_ID_MAX = 15,  // bytes
	CONF_WEIGHT_MAX = 1000,
};

enum conf_driver { DRIVER_NONE, DRIVER_PCI, DRIVER_AF_XDP, DRIVER_PCAP, DRIVER_VDEV, DRIVER_COUNT };
enum conf_punt { PUNT_AUTO, PUNT_TAP, PUNT_VIRTIO_USER, PUNT_NONE, PUNT_COUNT };
enum conf_idle { IDLE_POLL, IDLE_SLEEP, IDLE_COUNT };
enum conf_protocol { PROTO_NONE, PROTO_TCP, PROTO_UDP, PROTO_QUIC, PROTO_COUNT };
enum conf_forward { FORWARD_NONE, FORWARD_DSR, FORWARD_NAT, FORWARD_LOCAL, FORWARD_COUNT };
enum conf_balance {
	BALANCE_NONE,
	BALANCE_MAGLEV,
	BALANCE_ROUND_ROBIN,
	BALANCE_LEAST_REQUESTS,
	BALANCE_COUNT
};
enum conf_state { STATE_UP, STATE_DRAIN, STATE_DOWN, STATE_COUNT };
enum conf_health {
	HEALTH_NONE,
	HEALTH_TCP,
	HEALTH_HTTP,
	HEALTH_HTTPS,
	HEALTH_GRPC,  // grpc.health.v1; through TLS if the pool has "tls"
	HEALTH_GRPCS, // the same, always through TLS
	HEALTH_COUNT
};
enum conf_hash_by { HASH_BY_SOURCE, HASH_BY_HEADER, HASH_BY_COOKIE, HASH_BY_COUNT };
enum conf_unhealthy { UNHEALTHY_ALL, UNHEALTHY_NONE, UNHEALTHY_COUNT };
enum conf_http { HTTP_1, HTTP_2, HTTP_AUTO, HTTP_COUNT };
enum conf_forwarded { FORWARDED_REPLACE, FORWARDED_APPEND, FORWARDED_COUNT };
enum conf_tls_min { TLS_MIN_1_2, TLS_MIN_1_3, TLS_MIN_COUNT };
enum conf_measure { MEASURE_EVENTS, MEASURE_TOKENS, MEASURE_OFF, MEASURE_COUNT };
enum conf_match { MATCH_PREFIX, MATCH_EXACT, MATCH_COUNT };

// The words of the file for the enums above, indexed by value; "" where the file has no word.
extern const char *const conf_driver_names[DRIVER_COUNT];
extern const char *const conf_punt_names[PUNT_COUNT];
extern const char *const conf_idle_names[IDLE_COUNT];
extern const char *const conf_protocol_names[PROTO_COUNT];
extern const char *const conf_forward_names[FORWARD_COUNT];
extern const char *const conf_balance_names[BALANCE_COUNT];
extern const char *const conf_state_names[STATE_COUNT];
extern const char *const conf_health_names[HEALTH_COUNT];
extern const char *const conf_hash_by_names[HASH_BY_COUNT];
extern const char *const conf_unhealthy_names[UNHEALTHY_COUNT];
extern const char *const conf_http_names[HTTP_COUNT];
extern const char *const conf_forwarded_names[FORWARDED_COUNT];
extern const char *const conf_tls_min_names[TLS_MIN_COUNT];
extern const char *const conf_measure_names[MEASURE_COUNT];
extern const char *const conf_match_names[MATCH_COUNT];

struct conf_port {
	const char *name; // unique
	uint8_t driver;   // enum conf_driver
	// pci: "0000:01:00.0"; af_xdp: "eth1"; vdev: "net_memif0,role=client"; pcap: NULL
	const char *device;
	const char *rx;  // pcap: file to read, required; others NULL
	const char *tx;  // pcap: file to write, NULL = discard; others NULL
	bool loop;       // pcap: read rx again and again (net_pcap infinite_rx); default false
	uint16_t queues; // 1..CONF_MAX_LANES, default 1; queue q is polled by lane q % n_lanes
	uint8_t punt;    // enum conf_punt; pci and vdev only; default auto for pci, none for others
	uint16_t mtu;    // bytes of IP, 576..9000, default 1500
	struct mac mac;  // "mac": our own, all zero = ask the device; needed where it has none
};

struct conf_timeouts {              // all in seconds, 1..32767 (the flow table's clock has 16 bits)
	uint16_t tcp_syn_s;         // handshake not completed, default 15
	uint16_t tcp_established_s; // default 3600
	uint16_t tcp_fin_s;         // FIN or RST seen, default 30
	uint16_t udp_s;             // also quic, default 60
};

struct conf_quic_lb {             // quic-lb.md sections 2 and 8
	uint8_t config_id;        // 0..6, unique in its service
	uint8_t server_id_length; // bytes, 1..15
	uint8_t nonce_length;     // bytes, 4..18; sum with the above at most 19
	uint8_t draft;            // 19 (default) or 18: layout of the expand() block
	bool has_key;
	uint8_t key[16]; // AES-128, never printed
};

struct conf_service {
	const char *name;    // unique
	struct addr address; // (address, port, protocol) is unique; quic counts as udp
	be16 port;
	uint8_t protocol; // enum conf_protocol
	uint8_t forward;  // enum conf_forward; default local with `l7`, dsr with `pool` or `hosts`
	const char *pool; // name of a pool, or NULL
	const char *l7;   // name of an l7 entry, or NULL; exactly one of pool and l7
	struct conf_quic_lb *quic_lb; // [n_quic_lb], protocol quic only
	uint8_t n_quic_lb;
	bool flow_table; // default true; false: every packet by Maglev alone (dsr only)
	bool is_remote;  // no key: its l7 entry has `hosts`, see conf_service_pool()
};

struct conf_tls {
	const char *certificate; // file, relative to the configuration's folder
	const char *key;         // file
};

// What a request must have besides host, path and method; all conditions of a route must hold.
struct conf_condition {
	const char *name;  // of a header (in any case) or cookie: a token; of the query: as it came
	const char *value; // equal to it; NULL = merely present
};

struct conf_header {
	const char *name;  // a token of RFC 9110 section 5.6.2
	const char *value; // no control characters, no space at its ends; may be ""
};

struct conf_redirect {
	uint16_t status; // 301, 302 (default), 303, 307 or 308
	// Visible ASCII; $host is the request's without port, $uri its path and query as they came.
	const char *location;
};

struct conf_answer {
	uint16_t status;          // 200..599, default 200
	const char *body;         // default ""; may hold newlines and tabs
	const char *content_type; // default "text/plain"
};

struct conf_route {
	const char *host;   // exact or "*.example.com"; NULL = any
	const char *path;   // begins with '/'
	const char *method; // a token, case matters; NULL = any
	struct conf_condition *headers, *cookies, *query;
	const char *pool; // exactly one of pool, redirect and answer
	struct conf_redirect redirect;
	struct conf_answer answer;
	const char *rewrite; // for the matched part of the path, begins with '/'; NULL = as it came
	struct conf_header *set_request_headers, *set_response_headers;
	const char **remove_request_headers, **remove_response_headers;
	uint8_t match; // enum conf_match, of path; default prefix
	bool has_redirect, has_answer;
	uint8_t retries; // 0..10, default 1
	uint8_t n_headers, n_cookies, n_query;
	uint8_t n_set_request_headers, n_set_response_headers;
	uint8_t n_remove_request_headers, n_remove_response_headers;
};

struct conf_l7_limits {   // of a request
	uint32_t line;    // bytes of one line of the head, 256..65536, default 8192
	uint32_t header;  // bytes of the whole head, 1024..65536, default 32768
	uint16_t headers; // 8..256, default 100
	uint32_t body_kb; // 0..4194303, default 0 = unlimited
	uint32_t streams; // at once on a connection of HTTP/2, 1..1000, default 100
};

struct conf_l7_timeouts {        // each 0..86400000 ms, 0 = none
	uint32_t header_ms;      // 1.., whole head from its first byte, default 10000
	uint32_t client_idle_ms; // between requests, and a stalled request body; default 60000
	uint32_t connect_ms;     // 1.., to the backend, default 3000
	uint32_t first_byte_ms;  // from the request sent to the answer's head, default 300000
	uint32_t stream_idle_ms; // neither side sends, default 0
	uint32_t total_ms;       // whole request, default 0
	uint32_t max_age_ms;     // of a client's connection, then GOAWAY or close; default 0
	uint32_t ping_ms;        // HTTP/2: silent for so long while streams run: PING; default 0
};

struct conf_l7_streams {     // how event streams, WebSockets and gRPC calls are measured
	const char **models; // [n_models] that metrics may name; of others they say "other"
	// measure tokens: labels of the gen_ai_ metrics, as OpenTelemetry calls them; NULL = none
	const char *operation, *provider;
	uint32_t event_kb; // measure tokens: of an event that is read, 1..127, default 64
	uint32_t
		stalled_ms; // of silence within an answer, then it counts as stalled; 0 = never, default 10000
	uint8_t n_models;
	uint8_t measure; // enum conf_measure, default events
};

struct conf_l7 { // parsed and checked here, served by lb7d
	const char *name;
	const char *hosts; // pool of L7 hosts that lb4d forwards to; NULL = this host's workers
	struct conf_tls *tls;
	struct conf_route *routes;
	struct conf_l7_limits limits;
	struct conf_l7_timeouts timeouts;
	struct conf_l7_streams streams;
	uint32_t sse_keepalive_ms;  // comment on an event stream silent so long; 0 = off (default)
	uint32_t websocket_ping_ms; // ping on a WebSocket silent so long; 0 = off (default)
	uint16_t n_tls;
	uint16_t n_routes;
	uint8_t forwarded;   // enum conf_forwarded, default replace
	uint8_t tls_min;     // enum conf_tls_min, default 1.2
	bool proxy_protocol; // clients' connections begin with a PROXY v2 header; default false
	bool http2;          // spoken with clients that ask for it; default true
};

struct conf_status {
	uint16_t first, last; // 100..599, both included
};

struct conf_health_check {
	uint8_t type;         // enum conf_health; HEALTH_NONE if the pool has no "health"
	const char *path;     // http, https; default "/"
	uint32_t interval_ms; // 10..3600000, default 1000
	uint32_t timeout_ms;  // 1..interval_ms, default the lesser of it and 500
	uint16_t rise;        // 1..100, default 2
	uint16_t fall;        // 1..100, default 3
	// http, https: the good ones; none = 200..399, see conf_health_accepts()
	struct conf_status *status;
	const char *host;        // not tcp: Host header; NULL = the backend's address
	const char *server_name; // through TLS: SNI; NULL = none sent
	const char *service;     // grpc, grpcs: what is asked for; NULL = the server as a whole
	be16 port;               // 0 = the backend's (default)
	uint8_t n_status;
	uint8_t jitter_percent; // of interval_ms, 0..50, default 10
};

struct conf_backend {
	const char *name;    // unique in its pool
	struct addr address; // (address, port) is unique in its pool
	be16 port;
	uint16_t weight;       // 0..CONF_WEIGHT_MAX, default 100; 0 = no new flows
	uint8_t state;         // enum conf_state, default up
	uint8_t server_id_len; // 0 = none
	uint8_t server_id[CONF_SERVER_ID_MAX];
	bool has_mac;
	struct mac mac; // next hop by decree: tests and ports without a kernel behind them
};

struct conf_hash {        // what maglev hashes at L7
	uint8_t by;       // enum conf_hash_by, default source
	const char *name; // of the header or cookie; NULL for source
};

struct conf_pool_tls {  // TLS to the backends, for routes
	bool verify;    // default true
	const char *ca; // PEM file, relative to the configuration's folder; NULL = the system's
	const char *server_name; // SNI and the name to verify; NULL = the request's host
};

struct conf_http2 {           // HTTP/2 to the backends, for routes
	uint32_t streams;     // at once on a connection, default 100
	uint32_t connections; // of each worker to each backend, default 64
	uint32_t
		ping_ms; // of silence before a connection with streams is asked; 0 = never, default 15000
};

struct conf_retry_budget {   // of requests that are sent once more, for routes
	uint32_t percent;    // of the requests, default 20
	uint32_t per_second; // at least, by each worker, default 10
};

struct conf_pool {
	const char *name;    // unique
	uint8_t balance;     // enum conf_balance, default maglev
	uint32_t table_size; // "table_size": Maglev slots, a prime, default 65537
	struct conf_health_check health;
	struct conf_backend *backends; // [n_backends]
	uint16_t n_backends;           // may be 0: the pool then drops with pool_empty
	bool has_hash, has_tls;
	bool proxy_protocol; // connections to backends begin with a PROXY v2 header; default false
	struct conf_hash hash;
	struct conf_pool_tls tls;
	uint8_t when_unhealthy; // enum conf_unhealthy: who serves if no backend is healthy; default all
	uint16_t keepalive;     // idle connections a worker keeps to each backend, default 64
	uint8_t protocol;       // enum conf_http: what routes speak to the backends, default http1
	bool has_http2;
	struct conf_http2 http2;
	struct conf_retry_budget retry_budget;
};

struct conf_snat {              // our side of nat services
	struct addr *addresses; // [n_addresses], at most CONF_MAX_SNAT a family
	uint8_t n_addresses;
	uint16_t port_first; // host order, default 1024
	uint16_t port_last;  // default 65535
};

struct conf_admin {          // HTTP for metrics and probes, by lb7d
	struct addr address; // default 127.0.0.1
	be16 port;
};

// What the kernel's own programs count (bpf/); a program that is off is not loaded, or not given the counters.
struct conf_telemetry {
	bool tcp;   // connections of L7 services and their backends, default true
	bool steer; // packets of each service at af_xdp ports, default true
};

struct conf {
	const char *node;       // default "lb47"
	const char *control;    // control socket, default "/run/lb47/lb4d.sock"
	const char *control_l7; // that of lb7d, default "/run/lb47/lb7d.sock"
	const char *stats;      // folder of the counters in bpffs, default "/sys/fs/bpf/lb47"
	const char *file;       // where it was loaded from, "-" if from memory
	struct conf_port *ports;
	struct conf_service *services;
	struct conf_pool *pools;
	struct conf_l7 *l7;
	uint16_t *lanes; // CPU numbers, unique, at least one if there are ports
	struct conf_snat snat;
	struct conf_timeouts timeouts;
	uint32_t
		flows; // flow table of all lanes together, entries a family: 1024..16777216, default 1048576
	uint16_t workers;            // 0..256, default 0 = as many as CPUs
	uint32_t worker_memory_mb;   // 1..65536, default 256
	uint32_t worker_connections; // 16..1048576, default 0 = what RLIMIT_NOFILE allows
	const char *access_log;      // file, "-" = stdout, NULL = none
	bool has_admin;
	struct conf_admin admin;
	struct conf_telemetry telemetry;
	uint16_t n_ports, n_services, n_pools, n_l7, n_lanes;
	uint8_t idle;         // enum conf_idle, default sleep
	uint32_t idle_max_us; // longest sleep of an idle lane, 1..10000, default 200
	bool hugepages;       // default true: used if there are any, else said in the log
	struct arena arena;   // owns everything above
};

// Reads and checks a whole file. On failure *out is untouched and *err says
// "FILE: PLACE: REASON" ("edge.json: services[2].port: 70000 is not in 1..65535",
// "edge.json:12:7: '}' expected near ..." for broken JSON).
// Returns 0, -EINVAL, -ENOMEM, -EFBIG above CONF_FILE_MAX or what open(2)/read(2) said. Free with
// conf_free().
NODISCARD int conf_load(struct conf **out, const char *file, struct err *err);

// The same from text of `len` bytes that needs no end mark; places are named without a file.
NODISCARD int conf_parse(struct conf **out, const char *text, size_t len, struct err *err);

// A copy that shares nothing: the control plane edits copies and swaps them in.
NODISCARD int conf_clone(struct conf **out, const struct conf *conf);

// The configuration as JSON, every key that differs from its default and all names kept; ends with
// a newline; free() it. NULL if there is no memory. conf_parse() of it gives an equal configuration.
char *conf_text(const struct conf *conf);

// Writes conf_text() to `file` so that at every moment it holds either the old or the new text
// (temporary file beside it, fsync, rename, fsync of the folder). Keeps the file's mode.
NODISCARD int conf_save(const struct conf *conf, const char *file, struct err *err);

void conf_free(struct conf *conf);

// The meaning across keys: names that point somewhere, duplicates, families that fit, lengths of
// server IDs. conf_parse() calls it; so does whoever changed a conf in memory.
NODISCARD int conf_check(const struct conf *conf, struct err *err);

// What can only change by a restart (ports, lanes, flows, control, stats, idle, hugepages, workers,
// snat ports): 0 if `next` keeps it all, else -EBUSY and the sentence "ports[0].device: cannot change
// while lb4d runs".
NODISCARD int conf_check_reload(const struct conf *running, const struct conf *next,
                                struct err *err);

struct conf_pool *conf_pool_find(const struct conf *conf, const char *name); // or NULL
bool conf_pool_is_used(const struct conf *conf,
                       const char *name); // by a service, a route or as hosts
struct conf_service *conf_service_find(const struct conf *conf, const char *name);      // or NULL
struct conf_l7 *conf_l7_find(const struct conf *conf, const char *name);                // or NULL
struct conf_backend *conf_backend_find(const struct conf_pool *pool, const char *name); // or NULL

// The pool that the service's packets are forwarded to: its own, or the `hosts` of its l7 entry. NULL
// if they are for this host's workers.
struct conf_pool *conf_service_pool(const struct conf *conf, const struct conf_service *service);

// Whether an HTTP status is a good answer to the health check.
bool conf_health_accepts(const struct conf_health_check *health, unsigned int status);
bool conf_health_is_grpc(const struct conf_health_check *health);
bool conf_health_uses_tls(const struct conf_pool *pool);

// Appends a copy of *backend (its name too) to the pool and checks the whole.
// -EEXIST, -EINVAL, -ENOMEM with *err; on failure nothing changed.
NODISCARD int conf_backend_add(struct conf *conf, struct conf_pool *pool,
                               const struct conf_backend *backend, struct err *err);
// Removes backend number `i` of the pool; those behind it move up.
void conf_backend_remove(struct conf_pool *pool, size_t i);

// The text of the file's own words: reads "up" "drain" "down" and the like through the tables
// above. Returns the value or -EINVAL.
NODISCARD int conf_word(const char *const *names, size_t n, const char *word);
