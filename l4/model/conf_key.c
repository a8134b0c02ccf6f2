// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_key.h"

#include <string.h>

#define FIELD(struct_, field) \
	.offset = offsetof(struct struct_, field), .size = sizeof(((struct struct_ *)NULL)->field)
#define COUNT(struct_, field)                        \
	.n_offset = offsetof(struct struct_, field), \
	.n_size = sizeof(((struct struct_ *)NULL)->field)
#define WORDS(names) .words = (names), .n_words = ARRAY_LEN(names)
#define RANGE(from, to) .min = (from), .max = (to)
#define KEYS(title_, k)                                                \
	{                                                              \
		.title = (title_), .keys = (k), .n_keys = ARRAY_LEN(k) \
	}
#define ITEM(struct_, o)                                                           \
	{                                                                          \
		.type = KEY_OBJECT, .size = sizeof(struct struct_), .object = &(o) \
	}

enum {
	TEXT_MAX = 4095,     // PATH_MAX of Linux without its end mark
	SOCKET_MAX = 107,    // sun_path of sockaddr_un without its end mark
	CPU_MAX = 1023,      // CPU_SETSIZE - 1
	SECONDS_MAX = 32767, // conf.h: the flow table's clock has 16 bits
	MS_MAX = 86400000,   // a day
	MODEL_API_MAX = 32,  // bytes of a value that OpenTelemetry knows, or one like it
	HEADER_MAX = 255,    // bytes of a header's name
	BODY_MAX = 65535,    // bytes of a fixed answer
};

static uint32_t derive_punt(const void *object)
{
	const struct conf_port *port = object;

	return port->driver == DRIVER_PCI ? PUNT_AUTO : PUNT_NONE;
}

static uint32_t derive_forward(const void *object)
{
	const struct conf_service *service = object;

	return service->l7 && !service->is_remote ? FORWARD_LOCAL : FORWARD_DSR;
}

static uint32_t derive_timeout(const void *object)
{
	const struct conf_health_check *health = object;

	return health->interval_ms < 500 ? health->interval_ms : 500;
}

// clang-format off
static const struct conf_key port_keys[] = {
	{"name", KEY_NAME, FIELD(conf_port, name), .is_required = true,
	 .help = "unique"},
	{"driver", KEY_WORD, FIELD(conf_port, driver), .is_required = true, WORDS(conf_driver_names),
	 .help = "what moves the packets: `pci` any DPDK driver on a PCI device, `af_xdp` a kernel interface, `pcap` files, `vdev` any other DPDK device"},
	{"device", KEY_TEXT, FIELD(conf_port, device), RANGE(1, TEXT_MAX),
	 .help = "`pci`: the address, 0000:01:00.0; `af_xdp`: the interface; `vdev`: DPDK's device string, net_memif0,role=client; required for these three, not for `pcap`"},
	{"rx", KEY_TEXT, FIELD(conf_port, rx), RANGE(1, TEXT_MAX),
	 .help = "file to read packets from; required for `pcap`, only there"},
	{"tx", KEY_TEXT, FIELD(conf_port, tx), RANGE(1, TEXT_MAX), .otherwise = "packets are discarded",
	 .help = "file to write packets to; only for `pcap`"},
	{"loop", KEY_BOOLEAN, FIELD(conf_port, loop),
	 .help = "read `rx` again and again; only for `pcap`"},
	{"queues", KEY_INTEGER, FIELD(conf_port, queues), RANGE(1, CONF_MAX_LANES), .initial = 1,
	 .help = "receive queues; queue q is polled by lane q modulo the number of lanes; 1 for `pcap`"},
	{"punt", KEY_WORD, FIELD(conf_port, punt), WORDS(conf_punt_names), .derive = derive_punt,
	 .otherwise = "`auto` for `pci`, `none` for the others",
	 .help = "how packets that are not ours reach the kernel: `virtio_user` through /dev/vhost-net, `tap`, `auto` the first of the two that works, `none` not at all; only for `pci` and `vdev`"},
	{"mtu", KEY_INTEGER, FIELD(conf_port, mtu), RANGE(576, 9000), .initial = 1500, .unit = "bytes of IP",
	 .help = "largest packet sent and received"},
	{"mac", KEY_MAC, FIELD(conf_port, mac), .otherwise = "the device's",
	 .help = "our own address on this port; for devices that have none"},
};

static const struct conf_key timeouts_keys[] = {
	{"tcp_syn_s", KEY_INTEGER, FIELD(conf_timeouts, tcp_syn_s), RANGE(1, SECONDS_MAX), .initial = 15,
	 .unit = "s", .help = "TCP, handshake not completed"},
	{"tcp_established_s", KEY_INTEGER, FIELD(conf_timeouts, tcp_established_s), RANGE(1, SECONDS_MAX),
	 .initial = 3600, .unit = "s", .help = "TCP, established"},
	{"tcp_fin_s", KEY_INTEGER, FIELD(conf_timeouts, tcp_fin_s), RANGE(1, SECONDS_MAX), .initial = 30,
	 .unit = "s", .help = "TCP, FIN or RST seen"},
	{"udp_s", KEY_INTEGER, FIELD(conf_timeouts, udp_s), RANGE(1, SECONDS_MAX), .initial = 60,
	 .unit = "s", .help = "UDP and QUIC"},
};

static const struct conf_key quic_lb_keys[] = {
	{"config_id", KEY_INTEGER, FIELD(conf_quic_lb, config_id), RANGE(0, 6), .is_required = true,
	 .help = "the connection ID's first three bits; unique in its service; 7 is reserved by the draft"},
	{"server_id_length", KEY_INTEGER, FIELD(conf_quic_lb, server_id_length),
	 RANGE(1, CONF_SERVER_ID_MAX), .is_required = true, .unit = "bytes",
	 .help = "length of every backend's `server_id`"},
	{"nonce_length", KEY_INTEGER, FIELD(conf_quic_lb, nonce_length), RANGE(4, 18), .is_required = true,
	 .unit = "bytes", .help = "at most 19 together with `server_id_length`"},
	{"draft", KEY_INTEGER, FIELD(conf_quic_lb, draft), RANGE(18, 19), .initial = 19,
	 .help = "version of draft-ietf-quic-load-balancers: 19 for 19 and later, 18 for 17 and 18 (quiche, Envoy); they encrypt differently"},
	{"key", KEY_HEX, FIELD(conf_quic_lb, key), COUNT(conf_quic_lb, has_key), RANGE(16, 16),
	 .otherwise = "connection IDs are not encrypted",
	 .help = "AES-128 key shared with the servers; keep the file readable by its owner only"},
};

static const struct conf_object quic_lb_object = KEYS("QUIC-LB configuration", quic_lb_keys);
static const struct conf_key quic_lb_item = ITEM(conf_quic_lb, quic_lb_object);

static const struct conf_key service_keys[] = {
	{"name", KEY_NAME, FIELD(conf_service, name), .is_required = true,
	 .help = "unique"},
	{"address", KEY_ADDRESS, FIELD(conf_service, address), .is_required = true,
	 .help = "the VIP; (address, port, protocol) is unique, `quic` counts as `udp`"},
	{"port", KEY_PORT, FIELD(conf_service, port), RANGE(1, 65535), .is_required = true,
	 .help = "what clients connect to"},
	{"protocol", KEY_WORD, FIELD(conf_service, protocol), .is_required = true, WORDS(conf_protocol_names),
	 .help = "`quic` is UDP whose flows survive a change of the client's address"},
	{"forward", KEY_WORD, FIELD(conf_service, forward), WORDS(conf_forward_names),
	 .derive = derive_forward, .otherwise = "`local` with `l7` that has no `hosts`, else `dsr`",
	 .help = "how a packet reaches its backend: `dsr` rewrites the MAC address only, the backend answers the client itself; `nat` rewrites both addresses and ports, answers return through us; `local` leaves it to this host's kernel, for `l7` without `hosts`"},
	{"pool", KEY_NAME, FIELD(conf_service, pool),
	 .help = "the pool that answers; exactly one of `pool` and `l7`"},
	{"l7", KEY_NAME, FIELD(conf_service, l7),
	 .help = "the `l7` entry that answers; `protocol` is then `tcp`"},
	{"quic_lb", KEY_LIST, FIELD(conf_service, quic_lb), COUNT(conf_service, n_quic_lb),
	 RANGE(0, CONF_MAX_QUIC_LB), .item = &quic_lb_item,
	 .help = "how the server's ID lies in connection IDs; only for `quic`"},
	{"flow_table", KEY_BOOLEAN, FIELD(conf_service, flow_table), .initial = true,
	 .help = "`false`: no flow is remembered, every packet goes where Maglev says; only for `dsr`"},
};

static const struct conf_key tls_keys[] = {
	{"certificate", KEY_TEXT, FIELD(conf_tls, certificate), RANGE(1, TEXT_MAX), .is_required = true,
	 .help = "PEM file with the chain, relative to the configuration's folder"},
	{"key", KEY_TEXT, FIELD(conf_tls, key), RANGE(1, TEXT_MAX), .is_required = true,
	 .help = "PEM file with the private key, relative to the configuration's folder"},
};

static const struct conf_key condition_keys[] = {
	{"name", KEY_TOKEN, FIELD(conf_condition, name), RANGE(1, HEADER_MAX), .is_required = true,
	 .help = "of the header, in any case, or of the cookie; where the request has several, the first counts"},
	{"value", KEY_TEXT, FIELD(conf_condition, value), RANGE(0, TEXT_MAX), .otherwise = "any value",
	 .help = "equal to this, byte by byte"},
};

static const struct conf_key query_keys[] = {
	{"name", KEY_TEXT, FIELD(conf_condition, name), RANGE(1, TEXT_MAX), .is_required = true,
	 .help = "of the parameter as it stands in the request, nothing is decoded"},
	{"value", KEY_TEXT, FIELD(conf_condition, value), RANGE(0, TEXT_MAX), .otherwise = "any value",
	 .help = "equal to this, byte by byte, nothing is decoded"},
};

static const struct conf_key redirect_keys[] = {
	{"status", KEY_INTEGER, FIELD(conf_redirect, status), RANGE(301, 308), .initial = 302,
	 .help = "301, 302, 303, 307 or 308"},
	{"location", KEY_TEXT, FIELD(conf_redirect, location), RANGE(1, TEXT_MAX), .is_required = true,
	 .help = "a URL, absolute or from `/`; `$host` is the request's host without port, `$uri` its path and query as they came"},
};

static const struct conf_key answer_keys[] = {
	{"status", KEY_INTEGER, FIELD(conf_answer, status), RANGE(200, 599), .initial = 200,
	 .help = "HTTP status"},
	{"body", KEY_LINES, FIELD(conf_answer, body), RANGE(0, BODY_MAX), .text = "",
	 .help = "what is answered; none for 204, 205 and 304"},
	{"content_type", KEY_TEXT, FIELD(conf_answer, content_type), RANGE(1, HEADER_MAX),
	 .text = "text/plain", .help = "type of `body`"},
};

static const struct conf_key header_keys[] = {
	{"name", KEY_TOKEN, FIELD(conf_header, name), RANGE(1, HEADER_MAX), .is_required = true,
	 .help = "of the header"},
	{"value", KEY_TEXT, FIELD(conf_header, value), RANGE(0, TEXT_MAX), .is_required = true,
	 .help = "takes the place of all values it has"},
};

static const struct conf_object tls_object = KEYS("TLS certificate", tls_keys);
static const struct conf_key tls_item = ITEM(conf_tls, tls_object);
static const struct conf_object condition_object = KEYS("Condition", condition_keys);
static const struct conf_key condition_item = ITEM(conf_condition, condition_object);
static const struct conf_object query_object = KEYS("Condition on the query", query_keys);
static const struct conf_key query_item = ITEM(conf_condition, query_object);
static const struct conf_object redirect_object = KEYS("Redirect", redirect_keys);
static const struct conf_object answer_object = KEYS("Fixed answer", answer_keys);
static const struct conf_object header_object = KEYS("Header", header_keys);
static const struct conf_key header_item = ITEM(conf_header, header_object);
static const struct conf_key header_name_item = {.type = KEY_TOKEN, .size = sizeof(char *),
						 RANGE(1, HEADER_MAX)};

static const struct conf_key route_keys[] = {
	{"host", KEY_HOST, FIELD(conf_route, host), .is_wild = true, .otherwise = "any host",
	 .help = "host name, or `*.` and a domain for every name below it"},
	{"path", KEY_PATH, FIELD(conf_route, path), RANGE(1, TEXT_MAX), .is_required = true,
	 .help = "of the request; see `match`"},
	{"match", KEY_WORD, FIELD(conf_route, match), WORDS(conf_match_names),
	 .help = "`prefix`: the request's path is `path` or goes on behind it, at a `/`; `exact`: it is `path`. Byte by byte, as sent"},
	{"method", KEY_TOKEN, FIELD(conf_route, method), RANGE(1, 32), .otherwise = "any method",
	 .help = "of the request, in capitals as a rule"},
	{"headers", KEY_LIST, FIELD(conf_route, headers), COUNT(conf_route, n_headers),
	 RANGE(0, CONF_MAX_RULES), .item = &condition_item, .help = "that the request must have, all of them"},
	{"cookies", KEY_LIST, FIELD(conf_route, cookies), COUNT(conf_route, n_cookies),
	 RANGE(0, CONF_MAX_RULES), .item = &condition_item, .help = "that the request must have, all of them"},
	{"query", KEY_LIST, FIELD(conf_route, query), COUNT(conf_route, n_query),
	 RANGE(0, CONF_MAX_RULES), .item = &query_item, .help = "parameters that the request must have, all of them"},
	{"pool", KEY_NAME, FIELD(conf_route, pool),
	 .help = "the pool that answers; exactly one of `pool`, `redirect` and `answer`"},
	{"redirect", KEY_OBJECT, FIELD(conf_route, redirect), COUNT(conf_route, has_redirect),
	 .object = &redirect_object, .help = "send the client elsewhere"},
	{"answer", KEY_OBJECT, FIELD(conf_route, answer), COUNT(conf_route, has_answer),
	 .object = &answer_object, .help = "answer without a backend"},
	{"rewrite", KEY_PATH, FIELD(conf_route, rewrite), RANGE(1, TEXT_MAX), .otherwise = "path as it came",
	 .help = "stands for the matched part of the path on the way to the backend; only with `pool`"},
	{"set_request_headers", KEY_LIST, FIELD(conf_route, set_request_headers),
	 COUNT(conf_route, n_set_request_headers), RANGE(0, CONF_MAX_RULES), .item = &header_item,
	 .help = "on the way to the backend; only with `pool`"},
	{"set_response_headers", KEY_LIST, FIELD(conf_route, set_response_headers),
	 COUNT(conf_route, n_set_response_headers), RANGE(0, CONF_MAX_RULES), .item = &header_item,
	 .help = "on the way to the client"},
	{"remove_request_headers", KEY_LIST, FIELD(conf_route, remove_request_headers),
	 COUNT(conf_route, n_remove_request_headers), RANGE(0, CONF_MAX_RULES), .item = &header_name_item,
	 .unit = "bytes", .help = "names of headers that the backend does not see; only with `pool`"},
	{"remove_response_headers", KEY_LIST, FIELD(conf_route, remove_response_headers),
	 COUNT(conf_route, n_remove_response_headers), RANGE(0, CONF_MAX_RULES), .item = &header_name_item,
	 .unit = "bytes", .help = "names of headers that the client does not see"},
	{"retries", KEY_INTEGER, FIELD(conf_route, retries), RANGE(0, 10), .initial = 1,
	 .help = "how often a request goes to another backend after one failed, where that is safe"},
};

static const struct conf_key limits_keys[] = {
	{"line", KEY_INTEGER, FIELD(conf_l7_limits, line), RANGE(256, 65536), .initial = 8192,
	 .unit = "bytes", .help = "longest line of the head; at most `header`"},
	{"header", KEY_INTEGER, FIELD(conf_l7_limits, header), RANGE(1024, 65536), .initial = 32768,
	 .unit = "bytes", .help = "the whole head"},
	{"headers", KEY_INTEGER, FIELD(conf_l7_limits, headers), RANGE(8, 256), .initial = 100,
	 .help = "number of headers"},
	{"body_kb", KEY_INTEGER, FIELD(conf_l7_limits, body_kb), RANGE(0, 4194303), .unit = "KiB",
	 .help = "the body; 0 = unlimited"},
	{"streams", KEY_INTEGER, FIELD(conf_l7_limits, streams), RANGE(1, 1000), .initial = 100,
	 .help = "requests at once on one connection of HTTP/2"},
};

static const struct conf_key l7_timeouts_keys[] = {
	{"header_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, header_ms), RANGE(1, MS_MAX), .initial = 10000,
	 .unit = "ms", .help = "from the first byte of a request's head to its last"},
	{"client_idle_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, client_idle_ms), RANGE(0, MS_MAX),
	 .initial = 60000, .unit = "ms", .help = "between requests, and of a request body that stalls; 0 = none"},
	{"connect_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, connect_ms), RANGE(1, MS_MAX), .initial = 3000,
	 .unit = "ms", .help = "until a connection to a backend stands"},
	{"first_byte_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, first_byte_ms), RANGE(0, MS_MAX),
	 .initial = 300000, .unit = "ms", .help = "from the whole request to the answer's first byte; 0 = none"},
	{"stream_idle_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, stream_idle_ms), RANGE(0, MS_MAX),
	 .unit = "ms", .help = "of an answer or a WebSocket on which neither side sends, and of a request whose content the backend does not take, after `client_idle_ms`; 0 = none"},
	{"total_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, total_ms), RANGE(0, MS_MAX), .unit = "ms",
	 .help = "of a whole request, streams too; 0 = none"},
	{"max_age_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, max_age_ms), RANGE(0, MS_MAX), .unit = "ms",
	 .help = "of a client's connection: then HTTP/2 gets GOAWAY, HTTP/1.1 `Connection: close`, and what runs goes on; 0 = none"},
	{"ping_ms", KEY_INTEGER, FIELD(conf_l7_timeouts, ping_ms), RANGE(0, MS_MAX), .unit = "ms",
	 .help = "an HTTP/2 client silent for so long while requests run gets a PING and is given up after another such time; 0 = none"},
};

static const struct conf_key model_item = {.type = KEY_TEXT, .size = sizeof(char *), RANGE(1, CONF_NAME_MAX)};

static const struct conf_key streams_keys[] = {
	{"measure", KEY_WORD, FIELD(conf_l7_streams, measure), WORDS(conf_measure_names),
	 .help = "`events`: when events and messages come and leave; `tokens`: what event streams of language models say, too; `off`: nothing"},
	{"models", KEY_LIST, FIELD(conf_l7_streams, models), COUNT(conf_l7_streams, n_models),
	 RANGE(0, CONF_MAX_MODELS), .item = &model_item, .unit = "bytes",
	 .help = "names of models that metrics and log may repeat from streams, byte by byte; any other is `other`, which is not to be listed; only with `tokens`"},
	{"operation", KEY_TOKEN, FIELD(conf_l7_streams, operation), RANGE(1, MODEL_API_MAX),
	 .help = "the label `gen_ai_operation_name` of the `gen_ai_` metrics, as OpenTelemetry has it: `chat`, `text_completion` ...; only with `tokens`"},
	{"provider", KEY_TOKEN, FIELD(conf_l7_streams, provider), RANGE(1, MODEL_API_MAX),
	 .help = "the label `gen_ai_provider_name`: `openai`, `anthropic`, `aws.bedrock` ..., or a name of your own for servers of your own; only with `tokens`"},
	{"event_kb", KEY_INTEGER, FIELD(conf_l7_streams, event_kb), RANGE(1, 127), .initial = 64, .unit = "KiB",
	 .help = "most of an event that is read for `tokens`, and kept until the rest of it has come (that, of all streams, takes an eighth of `worker_memory_mb`); any other passes unread"},
	{"stalled_ms", KEY_INTEGER, FIELD(conf_l7_streams, stalled_ms), RANGE(0, 3600000), .initial = 10000, .unit = "ms",
	 .help = "measure tokens: an answer that has begun and not ended counts as stalled when nothing, not even a heartbeat, came for so long; nothing is done about it; 0 = never"},
};

static const struct conf_object route_object = KEYS("Route", route_keys);
static const struct conf_key route_item = ITEM(conf_route, route_object);
static const struct conf_object limits_object = KEYS("Limits of a request", limits_keys);
static const struct conf_object streams_object = KEYS("Measuring of streams", streams_keys);
static const struct conf_object l7_timeouts_object = KEYS("Timeouts of a request", l7_timeouts_keys);

static const struct conf_key l7_keys[] = {
	{"name", KEY_NAME, FIELD(conf_l7, name), .is_required = true,
	 .help = "unique"},
	{"hosts", KEY_NAME, FIELD(conf_l7, hosts), .otherwise = "this host's workers",
	 .help = "pool of the hosts whose workers serve it; lb4d forwards to them as to any pool"},
	{"tls", KEY_LIST, FIELD(conf_l7, tls), COUNT(conf_l7, n_tls), RANGE(0, CONF_MAX_TLS),
	 .item = &tls_item, .otherwise = "plain HTTP",
	 .help = "certificates; the client's SNI chooses, the first serves the others"},
	{"tls_min", KEY_WORD, FIELD(conf_l7, tls_min), WORDS(conf_tls_min_names),
	 .help = "oldest version of TLS that is spoken with clients"},
	{"proxy_protocol", KEY_BOOLEAN, FIELD(conf_l7, proxy_protocol),
	 .help = "clients' connections begin with a PROXY protocol v2 header, which is required then"},
	{"http2", KEY_BOOLEAN, FIELD(conf_l7, http2), .initial = 1,
	 .help = "HTTP/2 is spoken with clients that ask for it: by ALPN over TLS, in clear by beginning with it (prior knowledge)"},
	{"forwarded", KEY_WORD, FIELD(conf_l7, forwarded), WORDS(conf_forwarded_names),
	 .help = "what becomes of X-Forwarded-* and Forwarded that the client sent: `replace` drops them, `append` keeps them and appends"},
	{"limits", KEY_OBJECT, FIELD(conf_l7, limits), .object = &limits_object, .otherwise = "theirs",
	 .help = "how large a request may be"},
	{"timeouts", KEY_OBJECT, FIELD(conf_l7, timeouts), .object = &l7_timeouts_object, .otherwise = "theirs",
	 .help = "how long a request may take; none cuts a healthy stream by default"},
	{"streams", KEY_OBJECT, FIELD(conf_l7, streams), .object = &streams_object, .otherwise = "theirs",
	 .help = "how event streams, WebSockets and gRPC calls are measured; never changes a byte of them"},
	{"sse_keepalive_ms", KEY_INTEGER, FIELD(conf_l7, sse_keepalive_ms), RANGE(0, 3600000), .unit = "ms",
	 .help = "an event stream silent for so long gets a comment; 0 = off"},
	{"websocket_ping_ms", KEY_INTEGER, FIELD(conf_l7, websocket_ping_ms), RANGE(0, 3600000), .unit = "ms",
	 .help = "a WebSocket silent for so long gets a ping; 0 = off"},
	{"routes", KEY_LIST, FIELD(conf_l7, routes), COUNT(conf_l7, n_routes), RANGE(1, CONF_MAX_ROUTES),
	 .item = &route_item, .is_required = true,
	 .help = "which request goes where"},
};

static const struct conf_key status_item = {.type = KEY_STATUS, .size = sizeof(struct conf_status)};

static const struct conf_key health_keys[] = {
	{"type", KEY_WORD, FIELD(conf_health_check, type), .is_required = true, WORDS(conf_health_names),
	 .help = "`tcp` connects; `http` and `https` ask for `path`; `grpc` asks grpc.health.v1, through TLS where the pool has `tls`, `grpcs` always through TLS"},
	{"path", KEY_PATH, FIELD(conf_health_check, path), RANGE(1, TEXT_MAX), .text = "/",
	 .help = "what `http` and `https` ask for; may hold a query"},
	{"interval_ms", KEY_INTEGER, FIELD(conf_health_check, interval_ms), RANGE(10, 3600000),
	 .initial = 1000, .unit = "ms", .help = "from one probe to the next"},
	{"timeout_ms", KEY_INTEGER, FIELD(conf_health_check, timeout_ms), RANGE(1, 3600000),
	 .derive = derive_timeout, .otherwise = "500, or `interval_ms` if that is less", .unit = "ms",
	 .help = "until a probe counts as failed; at most `interval_ms`"},
	{"rise", KEY_INTEGER, FIELD(conf_health_check, rise), RANGE(1, 100), .initial = 2, .unit = "probes",
	 .help = "successes in a row that make an unhealthy backend healthy; the very first probe decides alone"},
	{"fall", KEY_INTEGER, FIELD(conf_health_check, fall), RANGE(1, 100), .initial = 3, .unit = "probes",
	 .help = "failures in a row that make a healthy one unhealthy; the very first probe decides alone"},
	{"jitter_percent", KEY_INTEGER, FIELD(conf_health_check, jitter_percent), RANGE(0, 50), .initial = 10,
	 .unit = "%", .help = "how much of `interval_ms` a probe may come sooner or later, by chance"},
	{"port", KEY_PORT, FIELD(conf_health_check, port), RANGE(0, 65535), .otherwise = "the backend's",
	 .help = "what is probed; 0 = the backend's"},
	{"status", KEY_LIST, FIELD(conf_health_check, status), COUNT(conf_health_check, n_status),
	 RANGE(1, CONF_MAX_RULES), .item = &status_item, .otherwise = "`200-399`",
	 .help = "good answers to `http` and `https`: `200`, `200-299`"},
	{"host", KEY_HOST, FIELD(conf_health_check, host), .otherwise = "the backend's address",
	 .help = "Host header, :authority for all types but `tcp`"},
	{"server_name", KEY_HOST, FIELD(conf_health_check, server_name), .otherwise = "none is sent",
	 .help = "SNI of what goes through TLS"},
	{"service", KEY_TEXT, FIELD(conf_health_check, service), RANGE(1, TEXT_MAX), .otherwise = "the server as a whole",
	 .help = "which service `grpc` and `grpcs` ask for: `package.Service`"},
};

static const struct conf_key backend_keys[] = {
	{"name", KEY_NAME, FIELD(conf_backend, name), .is_required = true,
	 .help = "unique in its pool"},
	{"address", KEY_ADDRESS, FIELD(conf_backend, address), .is_required = true,
	 .help = "(address, port) is unique in its pool; of the services' family"},
	{"port", KEY_PORT, FIELD(conf_backend, port), RANGE(1, 65535), .is_required = true,
	 .help = "where it listens; the service's port for `dsr`, which rewrites none"},
	{"weight", KEY_INTEGER, FIELD(conf_backend, weight), RANGE(0, CONF_WEIGHT_MAX), .initial = 100,
	 .help = "share of new flows relative to the pool's others; 0 = no new flows"},
	{"state", KEY_WORD, FIELD(conf_backend, state), WORDS(conf_state_names),
	 .help = "the operator's will: `up`, `drain` no new flows but the old ones stay, `down` none at all"},
	{"server_id", KEY_HEX, FIELD(conf_backend, server_id), COUNT(conf_backend, server_id_len),
	 RANGE(1, CONF_SERVER_ID_MAX),
	 .help = "its ID in QUIC connection IDs; unique in its pool; required where a service has `quic_lb`"},
	{"mac", KEY_MAC, FIELD(conf_backend, mac), COUNT(conf_backend, has_mac),
	 .otherwise = "the kernel's neighbour table says",
	 .help = "next hop by decree; for tests and ports without a kernel behind them"},
};

static const struct conf_object health_object = KEYS("Health check", health_keys);
static const struct conf_object backend_object = KEYS("Backend", backend_keys);
static const struct conf_key backend_item = ITEM(conf_backend, backend_object);

static const struct conf_key hash_keys[] = {
	{"by", KEY_WORD, FIELD(conf_hash, by), WORDS(conf_hash_by_names),
	 .help = "`source` the client's address, `header` or `cookie` the value of one; a request that has none counts by its source"},
	{"name", KEY_TOKEN, FIELD(conf_hash, name), RANGE(1, HEADER_MAX),
	 .help = "of the header or cookie; required for them, only there"},
};

static const struct conf_key pool_tls_keys[] = {
	{"verify", KEY_BOOLEAN, FIELD(conf_pool_tls, verify), .initial = true,
	 .help = "whether the backend's certificate must be good and for its name"},
	{"ca", KEY_TEXT, FIELD(conf_pool_tls, ca), RANGE(1, TEXT_MAX), .otherwise = "the system's",
	 .help = "PEM file of the authorities to trust, relative to the configuration's folder"},
	{"server_name", KEY_HOST, FIELD(conf_pool_tls, server_name), .otherwise = "the request's host",
	 .help = "the name to ask for (SNI) and to verify"},
};

static const struct conf_key http2_keys[] = {
	{"streams", KEY_INTEGER, FIELD(conf_http2, streams), RANGE(1, 65535), .initial = 100,
	 .help = "requests at once on a connection, if the backend allows as many"},
	{"connections", KEY_INTEGER, FIELD(conf_http2, connections), RANGE(1, 65535), .initial = 64,
	 .help = "of each worker to each backend at most; another is made when all are full"},
	{"ping_ms", KEY_INTEGER, FIELD(conf_http2, ping_ms), RANGE(0, 3600000), .initial = 15000, .unit = "ms",
	 .help = "a connection with requests that says nothing for so long is pinged, and closed if it does not answer within as long again; 0 is never"},
};

static const struct conf_key retry_budget_keys[] = {
	{"percent", KEY_INTEGER, FIELD(conf_retry_budget, percent), RANGE(0, 100), .initial = 20,
	 .unit = "percent", .help = "of the requests may be sent once more"},
	{"per_second", KEY_INTEGER, FIELD(conf_retry_budget, per_second), RANGE(0, 65535), .initial = 10,
	 .unit = "requests", .help = "may be sent once more by each worker, however few there are"},
};

static const struct conf_object http2_object = KEYS("HTTP/2 to backends", http2_keys);
static const struct conf_object retry_budget_object = KEYS("Retry budget", retry_budget_keys);
static const struct conf_object hash_object = KEYS("Hash of requests", hash_keys);
static const struct conf_object pool_tls_object = KEYS("TLS to backends", pool_tls_keys);

static const struct conf_key pool_keys[] = {
	{"name", KEY_NAME, FIELD(conf_pool, name), .is_required = true,
	 .help = "unique"},
	{"balance", KEY_WORD, FIELD(conf_pool, balance), WORDS(conf_balance_names), .initial = BALANCE_MAGLEV,
	 .help = "`maglev` by the flow's hash; `round_robin` and `least_requests` (of two taken by chance) for pools of routes only; weights count for all"},
	{"table_size", KEY_INTEGER, FIELD(conf_pool, table_size), RANGE(251, 4194301), .initial = 65537,
	 .unit = "slots", .help = "of the Maglev table: a prime, not less than the number of backends; 100 times as many keep the load within 1 %"},
	{"hash", KEY_OBJECT, FIELD(conf_pool, hash), COUNT(conf_pool, has_hash), .object = &hash_object,
	 .otherwise = "by `source`", .help = "what `maglev` hashes; for pools of routes only"},
	{"tls", KEY_OBJECT, FIELD(conf_pool, tls), COUNT(conf_pool, has_tls), .object = &pool_tls_object,
	 .otherwise = "connections in clear", .help = "TLS to the backends; for pools of routes only"},
	{"proxy_protocol", KEY_BOOLEAN, FIELD(conf_pool, proxy_protocol),
	 .help = "connections to backends begin with a PROXY protocol v2 header; for pools of routes only"},
	{"keepalive", KEY_INTEGER, FIELD(conf_pool, keepalive), RANGE(0, 65535), .initial = 64,
	 .unit = "connections", .help = "idle connections that a worker keeps to each backend, for routes; what a burst leaves beyond them is closed after some seconds, with 0 at once"},
	{"protocol", KEY_WORD, FIELD(conf_pool, protocol), WORDS(conf_http_names),
	 .help = "what routes speak to the backends: `http1`; `http2`, in clear without asking, over TLS by ALPN; `auto`, over TLS what ALPN says, in clear HTTP/1.1; a backend that answers HTTP_1_1_REQUIRED is asked by HTTP/1.1 for five minutes"},
	{"http2", KEY_OBJECT, FIELD(conf_pool, http2), COUNT(conf_pool, has_http2), .object = &http2_object,
	 .otherwise = "theirs", .help = "limits of HTTP/2 to the backends; not for `protocol` `http1`"},
	{"retry_budget", KEY_OBJECT, FIELD(conf_pool, retry_budget), .object = &retry_budget_object,
	 .otherwise = "theirs",
	 .help = "how many requests that a backend did not take, or whose connection broke, are sent once more; for routes"},
	{"when_unhealthy", KEY_WORD, FIELD(conf_pool, when_unhealthy), WORDS(conf_unhealthy_names),
	 .help = "who serves while no backend is healthy: `all` as if they were (fail open), or `none`"},
	{"health", KEY_OBJECT, FIELD(conf_pool, health), .object = &health_object,
	 .otherwise = "backends count as healthy",
	 .help = "how backends are probed"},
	{"backends", KEY_LIST, FIELD(conf_pool, backends), COUNT(conf_pool, n_backends),
	 RANGE(0, CONF_MAX_POOL_BACKENDS), .item = &backend_item,
	 .help = "at most 4096 over all pools; with none the pool drops everything"},
};

static const struct conf_key snat_item = {.type = KEY_ADDRESS, .size = sizeof(struct addr)};

static const struct conf_key snat_keys[] = {
	{"addresses", KEY_LIST, FIELD(conf_snat, addresses), COUNT(conf_snat, n_addresses),
	 RANGE(1, 2 * CONF_MAX_SNAT), .item = &snat_item, .is_required = true, .is_grown = true,
	 .help = "routed to us, used by nothing else; at most 8 IPv4 and 8 IPv6"},
	{"port_first", KEY_INTEGER, FIELD(conf_snat, port_first), RANGE(1, 65535), .initial = 1024,
	 .is_fixed = true, .help = "ports of these addresses that are ours"},
	{"port_last", KEY_INTEGER, FIELD(conf_snat, port_last), RANGE(1, 65535), .initial = 65535,
	 .is_fixed = true, .help = "included; at least one port a lane"},
};

static const struct conf_object port_object = KEYS("Port", port_keys);
static const struct conf_key port_item = ITEM(conf_port, port_object);
static const struct conf_key lane_item = {.type = KEY_INTEGER, .size = sizeof(uint16_t),
					  RANGE(0, CPU_MAX)};
static const struct conf_object timeouts_object = KEYS("Idle timeouts of flows", timeouts_keys);
static const struct conf_key admin_keys[] = {
	{"address", KEY_ADDRESS, FIELD(conf_admin, address), .text = "127.0.0.1",
	 .help = "`0.0.0.0` and `::` are all of the host's"},
	{"port", KEY_PORT, FIELD(conf_admin, port), RANGE(1, 65535), .is_required = true,
	 .help = "of no L7 service"},
};

static const struct conf_key telemetry_keys[] = {
	{"tcp", KEY_BOOLEAN, FIELD(conf_telemetry, tcp), .initial = true, .is_fixed = true,
	 .help = "the TCP connections of L7 services and of their pools' backends: handshake and round-trip times, retransmissions, resets, durations; by lb4d, or by lb7d alone when it is started with the capabilities"},
	{"steer", KEY_BOOLEAN, FIELD(conf_telemetry, steer), .initial = true, .is_fixed = true,
	 .help = "each service's packets at `af_xdp` ports, before a lane or the kernel has them"},
};

static const struct conf_object telemetry_object = KEYS("What the kernel counts", telemetry_keys);
static const struct conf_object admin_object = KEYS("Admin address", admin_keys);
static const struct conf_object snat_object = KEYS("Source addresses of nat services", snat_keys);
static const struct conf_object service_object = KEYS("Service", service_keys);
static const struct conf_key service_item = ITEM(conf_service, service_object);
static const struct conf_object l7_object = KEYS("L7 entry", l7_keys);
static const struct conf_key l7_item = ITEM(conf_l7, l7_object);
static const struct conf_object pool_object = KEYS("Pool", pool_keys);
static const struct conf_key pool_item = ITEM(conf_pool, pool_object);

static const struct conf_key root_keys[] = {
	{"node", KEY_NAME, FIELD(conf, node), .text = "lb47",
	 .help = "this node's name in logs and metrics"},
	{"control", KEY_TEXT, FIELD(conf, control), RANGE(1, SOCKET_MAX), .text = "/run/lb47/lb4d.sock",
	 .is_fixed = true, .help = "control socket of lb4d"},
	{"control_l7", KEY_TEXT, FIELD(conf, control_l7), RANGE(1, SOCKET_MAX), .text = "/run/lb47/lb7d.sock",
	 .is_fixed = true, .help = "control socket of lb7d"},
	{"stats", KEY_TEXT, FIELD(conf, stats), RANGE(1, TEXT_MAX), .text = "/sys/fs/bpf/lb47",
	 .is_fixed = true, .help = "folder of the counters in bpffs; a second lb7d on the same host wants another"},
	{"ports", KEY_LIST, FIELD(conf, ports), COUNT(conf, n_ports), RANGE(0, CONF_MAX_PORTS),
	 .item = &port_item, .is_fixed = true,
	 .help = "where packets come in and go out"},
	{"lanes", KEY_LIST, FIELD(conf, lanes), COUNT(conf, n_lanes), RANGE(0, CONF_MAX_LANES),
	 .item = &lane_item, .is_fixed = true, .unit = "CPU number",
	 .help = "one fast-path core each; unique, at least one if there are ports"},
	{"idle", KEY_WORD, FIELD(conf, idle), WORDS(conf_idle_names), .initial = IDLE_SLEEP, .is_fixed = true,
	 .help = "what a lane without packets does: `sleep` a little, longer each time; `poll` at full speed"},
	{"idle_max_us", KEY_INTEGER, FIELD(conf, idle_max_us), RANGE(1, 10000), .initial = 200, .unit = "us",
	 .is_fixed = true, .help = "longest sleep of an idle lane"},
	{"hugepages", KEY_BOOLEAN, FIELD(conf, hugepages), .initial = true, .is_fixed = true,
	 .help = "use huge pages if there are any; the log says which"},
	{"flows", KEY_INTEGER, FIELD(conf, flows), RANGE(1024, 16777216), .initial = 1048576,
	 .is_fixed = true, .unit = "entries", .help = "flow table of all lanes together, for each family"},
	{"timeouts", KEY_OBJECT, FIELD(conf, timeouts), .object = &timeouts_object, .otherwise = "theirs",
	 .help = "after how long an idle flow is forgotten"},
	{"workers", KEY_INTEGER, FIELD(conf, workers), RANGE(0, 256), .unit = "threads", .is_fixed = true,
	 .help = "L7 workers; 0 = as many as CPUs"},
	{"worker_memory_mb", KEY_INTEGER, FIELD(conf, worker_memory_mb), RANGE(1, 65536), .initial = 256,
	 .unit = "MiB", .is_fixed = true, .help = "most that one worker takes for connections and buffers"},
	{"worker_connections", KEY_INTEGER, FIELD(conf, worker_connections), RANGE(16, 1048576),
	 .otherwise = "what the limit of open files allows", .unit = "connections", .is_fixed = true,
	 .help = "clients' connections that one worker serves at once"},
	{"access_log", KEY_TEXT, FIELD(conf, access_log), RANGE(1, TEXT_MAX),
	 .help = "file for one JSON line a request; `-` is stdout"},
	{"admin", KEY_OBJECT, FIELD(conf, admin), COUNT(conf, has_admin), .object = &admin_object,
	 .help = "where lb7d answers `/metrics`, `/healthz` and `/readyz` over HTTP"},
	{"telemetry", KEY_OBJECT, FIELD(conf, telemetry), .object = &telemetry_object, .otherwise = "theirs",
	 .help = "what BPF programs count in the kernel; only where BPF is permitted"},
	{"snat", KEY_OBJECT, FIELD(conf, snat), .object = &snat_object,
	 .help = "our side of `nat` services, required by them"},
	{"services", KEY_LIST, FIELD(conf, services), COUNT(conf, n_services), RANGE(0, CONF_MAX_SERVICES),
	 .item = &service_item, .help = "what clients connect to"},
	{"l7", KEY_LIST, FIELD(conf, l7), COUNT(conf, n_l7), RANGE(0, CONF_MAX_L7), .item = &l7_item,
	 .help = "what the L7 workers serve"},
	{"pools", KEY_LIST, FIELD(conf, pools), COUNT(conf, n_pools), RANGE(0, CONF_MAX_POOLS),
	 .item = &pool_item, .help = "backends that are interchangeable"},
};
// clang-format on

const struct conf_object conf_key_root = KEYS("Configuration", root_keys);

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool conf_key_is_name(const char *text)
{
	size_t n = strlen(text);

	if (n < 1 || n > CONF_NAME_MAX || !is_name_byte(text[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_name_byte(text[i]) && text[i] != '.' && text[i] != '-')
			return false;
	return true;
}
