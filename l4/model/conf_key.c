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
};

static uint32_t derive_punt(const void *object)
{
	const struct conf_port *port = object;

	return port->driver == DRIVER_PCI ? PUNT_AUTO : PUNT_NONE;
}

static uint32_t derive_forward(const void *object)
{
	const struct conf_service *service = object;

	return service->l7 ? FORWARD_LOCAL : FORWARD_DSR;
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
	 .derive = derive_forward, .otherwise = "`local` with `l7`, else `dsr`",
	 .help = "how a packet reaches its backend: `dsr` rewrites the MAC address only, the backend answers the client itself; `nat` rewrites both addresses and ports, answers return through us; `local` leaves it to this host's kernel, for `l7`"},
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

static const struct conf_key route_keys[] = {
	{"host", KEY_HOST, FIELD(conf_route, host), .otherwise = "any host",
	 .help = "host name, or `*.` and a domain for every name below it"},
	{"path", KEY_PATH, FIELD(conf_route, path), RANGE(1, TEXT_MAX), .is_required = true,
	 .help = "prefix of the request's path; (host, path) is unique in its entry"},
	{"pool", KEY_NAME, FIELD(conf_route, pool), .is_required = true,
	 .help = "the pool that answers"},
};

static const struct conf_object tls_object = KEYS("TLS certificate", tls_keys);
static const struct conf_key tls_item = ITEM(conf_tls, tls_object);
static const struct conf_object route_object = KEYS("Route", route_keys);
static const struct conf_key route_item = ITEM(conf_route, route_object);

static const struct conf_key l7_keys[] = {
	{"name", KEY_NAME, FIELD(conf_l7, name), .is_required = true,
	 .help = "unique"},
	{"tls", KEY_LIST, FIELD(conf_l7, tls), COUNT(conf_l7, n_tls), RANGE(0, CONF_MAX_TLS),
	 .item = &tls_item, .otherwise = "plain HTTP",
	 .help = "certificates; the client's SNI chooses, the first serves the others"},
	{"routes", KEY_LIST, FIELD(conf_l7, routes), COUNT(conf_l7, n_routes), RANGE(1, CONF_MAX_ROUTES),
	 .item = &route_item, .is_required = true,
	 .help = "which request goes to which pool"},
};

static const struct conf_key health_keys[] = {
	{"type", KEY_WORD, FIELD(conf_health_check, type), .is_required = true, WORDS(conf_health_names),
	 .help = "`tcp` connects; `http` and `https` ask for `path`"},
	{"path", KEY_PATH, FIELD(conf_health_check, path), RANGE(1, TEXT_MAX), .text = "/",
	 .help = "what `http` and `https` ask for; may hold a query"},
	{"interval_ms", KEY_INTEGER, FIELD(conf_health_check, interval_ms), RANGE(10, 3600000),
	 .initial = 1000, .unit = "ms", .help = "from one probe to the next"},
	{"timeout_ms", KEY_INTEGER, FIELD(conf_health_check, timeout_ms), RANGE(1, 3600000),
	 .derive = derive_timeout, .otherwise = "500, or `interval_ms` if that is less", .unit = "ms",
	 .help = "until a probe counts as failed; at most `interval_ms`"},
	{"rise", KEY_INTEGER, FIELD(conf_health_check, rise), RANGE(1, 100), .initial = 2, .unit = "probes",
	 .help = "successes in a row that make a backend healthy"},
	{"fall", KEY_INTEGER, FIELD(conf_health_check, fall), RANGE(1, 100), .initial = 3, .unit = "probes",
	 .help = "failures in a row that make it unhealthy"},
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

static const struct conf_key pool_keys[] = {
	{"name", KEY_NAME, FIELD(conf_pool, name), .is_required = true,
	 .help = "unique"},
	{"balance", KEY_WORD, FIELD(conf_pool, balance), WORDS(conf_balance_names), .initial = BALANCE_MAGLEV,
	 .help = "`maglev` by the flow's hash; `round_robin` and `least_requests` for pools of routes only"},
	{"table_size", KEY_INTEGER, FIELD(conf_pool, table_size), RANGE(251, 4194301), .initial = 65537,
	 .unit = "slots", .help = "of the Maglev table: a prime, not less than the number of backends; 100 times as many keep the load within 1 %"},
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
	{"stats", KEY_TEXT, FIELD(conf, stats), RANGE(1, TEXT_MAX), .text = "/sys/fs/bpf/lb47",
	 .is_fixed = true, .help = "folder of the counters in bpffs"},
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
	{"workers", KEY_INTEGER, FIELD(conf, workers), RANGE(0, 256), .unit = "threads",
	 .help = "L7 workers; 0 = as many as CPUs"},
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
