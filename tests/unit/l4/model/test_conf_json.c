// SPDX-License-Identifier: BSD-3-Clause
// From text to struct conf: what one key says about itself.
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

static const struct {
	const char *from, *to, *want;
} keys[] = {
	// unknown keys
	{"'node'", "'nodes'", "nodes: unknown key (did you mean \"node\"?)"},
	{"'node'", "'colour'", "colour: unknown key"},
	{"'node'", "'a b\\u0007'", "unknown key \"a b?\""},
	{"'protocol': 'quic'", "'prot': 'quic'",
         "services[1].prot: unknown key (did you mean \"protocol\"?)"},
	{"'interval_ms'", "'interval'",
         "pools[0].health.interval: unknown key (did you mean \"interval_ms\"?)"},
	{"'weight'", "'wieght'",
         "pools[0].backends[0].wieght: unknown key (did you mean \"weight\"?)"},
	// missing
	{"'port': 80, 'protocol': 'tcp'", "'protocol': 'tcp'", "services[0].port: missing"},
	{"{'name': 'wan', ", "{", "ports[0].name: missing"},
	{"'type': 'tcp'", "", "pools[1].health.type: missing"},
	{"'addresses': ['10.0.0.2', '2001:db8:1::2'], ", "", "snat.addresses: missing"},
	// types
	{"'port': 80, 'protocol'", "'port': '80', 'protocol'",
         "services[0].port: a string where a whole number is expected"},
	{"'port': 80, 'protocol'", "'port': 80.0, 'protocol'",
         "services[0].port: a fraction where a whole number is expected"},
	{"'flow_table': false", "'flow_table': 0",
         "services[0].flow_table: a whole number where true or false is expected"},
	{"'edge-1'", "null", "node: null where a string is expected"},
	{"'lanes': [2, 3]", "'lanes': 2", "lanes: a whole number where a list is expected"},
	{"'lanes': [2, 3]", "'lanes': [2, true]",
         "lanes[1]: true or false where a whole number is expected"},
	{"{'type': 'tcp'}", "'tcp'", "pools[1].health: a string where an object is expected"},
	{"'edge-1'", "{}", "node: an object where a string is expected"},
	{"['10.0.0.2', '2001:db8:1::2']", "[[]]",
         "snat.addresses[0]: a list where a string is expected"},
	// ranges
	{"'port': 80, 'protocol'", "'port': 70000, 'protocol'",
         "services[0].port: 70000 is not in 1..65535"},
	{"'port': 80, 'protocol'", "'port': 0, 'protocol'",
         "services[0].port: 0 is not in 1..65535"},
	{"'port': 80, 'protocol'", "'port': -1, 'protocol'",
         "services[0].port: -1 is not in 1..65535"},
	{"'port': 80, 'protocol'", "'port': 4294967376, 'protocol'",
         "services[0].port: 4294967376 is not in 1..65535"},
	{"'weight': 7", "'weight': 1001", "pools[0].backends[0].weight: 1001 is not in 0..1000"},
	{"'queues': 2", "'queues': 33", "ports[1].queues: 33 is not in 1..32"},
	{"[2, 3]", "[2, 1024]", "lanes[1]: 1024 is not in 0..1023"},
	{"'table_size': 251", "'table_size': 250",
         "pools[0].table_size: 250 is not in 251..4194301"},
	{"'config_id': 5", "'config_id': 7",
         "services[1].quic_lb[1].config_id: 7 is not in 0..6 (7 is reserved by the draft)"},
	{"'config_id': 5", "'config_id': 8", "services[1].quic_lb[1].config_id: 8 is not in 0..6"},
	{"'nonce_length': 4", "'nonce_length': 3",
         "services[1].quic_lb[0].nonce_length: 3 is not in 4..18"},
	{"'nonce_length': 16", "'nonce_length': 19",
         "services[1].quic_lb[1].nonce_length: 19 is not in 4..18"},
	{"'server_id_length': 3, 'nonce_length': 16", "'server_id_length': 0, 'nonce_length': 16",
         "services[1].quic_lb[1].server_id_length: 0 is not in 1..15"},
	{"'server_id_length': 3, 'nonce_length': 16", "'server_id_length': 16, 'nonce_length': 4",
         "services[1].quic_lb[1].server_id_length: 16 is not in 1..15"},
	{"'server_id_length': 3, 'nonce_length': 16", "'nonce_length': 16",
         "services[1].quic_lb[1].server_id_length: missing"},
	{"'draft': 18", "'draft': 20", "services[1].quic_lb[1].draft: 20 is not in 18..19"},
	{"'draft': 18", "'draft': 17", "services[1].quic_lb[1].draft: 17 is not in 18..19"},
	{"'routes': [\n      {'host': 'api.example.com', 'path': '/chat/', 'pool': 'chat'},\n"
         "      {'path': '/', 'pool': 'chat'}]",
         "'routes': []", "l7[0].routes: 0 elements, not 1..1024"},
	// words
	{"'forward': 'nat', 'pool': 'h3'", "'forward': 'ipip', 'pool': 'h3'",
         "services[1].forward: \"ipip\" is not one of \"dsr\" \"nat\" \"local\""},
	{"'quic',", "'', ", "services[1].protocol: \"\" is not one of \"tcp\" \"udp\" \"quic\""},
	{"'least_requests'", "'random'",
         "pools[3].balance: \"random\" is not one of \"maglev\" \"round_robin\" "
         "\"least_requests\""},
	{"'tap'", "'TAP'",
         "ports[2].punt: \"TAP\" is not one of \"auto\" \"tap\" \"virtio_user\" \"none\""},
	// names and texts
	{"'edge-1'", "''",
         "node: \"\" is not a name (1..63 of A-Z a-z 0-9 _ . - and no . or - first)"},
	{"'edge-1'", "'-'",
         "node: \"-\" is not a name (1..63 of A-Z a-z 0-9 _ . - and no . or - first)"},
	{"'edge-1'", "'a/b'",
         "node: \"a/b\" is not a name (1..63 of A-Z a-z 0-9 _ . - and no . or - first)"},
	{"'edge-1'", "'\xc3\xbc'",
         "node: \"\?\?\" is not a name (1..63 of A-Z a-z 0-9 _ . - and no . or - first)"},
	{"'edge-1'", "'a234567890123456789012345678901234567890123456789012345678901234'",
         "node: \"a234567890123456789012345678901234567890123456789012345678...\" is not a name "
         "(1..63 of A-Z a-z 0-9 _ . - and no . or - first)"},
	{"'in.pcap'", "''", "ports[0].rx: 0 bytes long, not 1..4095"},
	{"'in.pcap'", "'a\\nb'", "ports[0].rx: holds a control character"},
	{"'/chat/'", "'chat'", "l7[0].routes[0].path: \"chat\" does not begin with \"/\""},
	{"'/chat/'", "'/a b'", "l7[0].routes[0].path: \"/a b\" is not the path of a URL"},
	{"'/chat/'", "'/a#b'", "l7[0].routes[0].path: \"/a#b\" is not the path of a URL"},
	{"'api.example.com'", "'api..com'",
         "l7[0].routes[0].host: \"api..com\" is not a host name or \"*.\" and one"},
	{"'api.example.com'", "'*'",
         "l7[0].routes[0].host: \"*\" is not a host name or \"*.\" and one"},
	{"'api.example.com'", "'a-.com'",
         "l7[0].routes[0].host: \"a-.com\" is not a host name or \"*.\" and one"},
	{"'api.example.com'", "'api.example.com:443'",
         "l7[0].routes[0].host: \"api.example.com:443\" is not a host name or \"*.\" and one"},
	// addresses
	{"'10.0.0.11'", "'10.0.0'",
         "pools[0].backends[0].address: \"10.0.0\" is not an IPv4 or IPv6 address"},
	{"'10.0.0.11'", "'10.0.0.11/24'",
         "pools[0].backends[0].address: \"10.0.0.11/24\" is not an IPv4 or IPv6 address "
         "(write it without a prefix length)"},
	{"'10.0.0.11'", "'web1.example.com'",
         "pools[0].backends[0].address: \"web1.example.com\" is not an IPv4 or IPv6 address "
         "(names are not looked up)"},
	{"'10.0.0.11'", "'[10.0.0.11]'",
         "pools[0].backends[0].address: \"[10.0.0.11]\" is not an IPv4 or IPv6 address "
         "(write it without brackets)"},
	{"'10.0.0.11'", "'fe80::1%eth0'",
         "pools[0].backends[0].address: \"fe80::1%eth0\" is not an IPv4 or IPv6 address "
         "(write it without a zone)"},
	{"'10.0.0.11'", "'10.0.0.11:80'",
         "pools[0].backends[0].address: \"10.0.0.11:80\" is not an IPv4 or IPv6 address "
         "(the port is a key of its own)"},
	{"'10.0.0.11'", "'10.0.0.011'",
         "pools[0].backends[0].address: \"10.0.0.011\" is not an IPv4 or IPv6 address"},
	{"'10.0.0.11'", "'::ffff:10.0.0.11'",
         "pools[0].backends[0].address: \"::ffff:10.0.0.11\" is an IPv4 address, write it as one"},
	{"'02:00:00:00:00:0b'", "'02:00:00:00:00'",
         "pools[0].backends[1].mac: \"02:00:00:00:00\" is not a MAC address like "
         "\"02:00:00:00:00:0b\""},
	{"'02:00:00:00:00:0b'", "'01:00:5e:00:00:01'",
         "pools[0].backends[1].mac: \"01:00:5e:00:00:01\" is not the address of one station"},
	{"'02:00:00:00:00:0b'", "'00:00:00:00:00:00'",
         "pools[0].backends[1].mac: \"00:00:00:00:00:00\" is not the address of one station"},
	// hex: never repeated, it may be a key
	{"'8f95f09245765f80256934e50c66207f'", "'8f95f09245765f80256934e50c66207'",
         "services[1].quic_lb[0].key: 31 characters, not 32 hex digits"},
	{"'8f95f09245765f80256934e50c66207f'", "'8f95f09245765f80256934e50c66207f00'",
         "services[1].quic_lb[0].key: 34 characters, not 32 hex digits"},
	{"'8f95f09245765f80256934e50c66207f'", "''",
         "services[1].quic_lb[0].key: 0 characters, not 32 hex digits"},
	{"'8f95f09245765f80256934e50c66207f'", "'8f95f09245765f80256934e50c66207x'",
         "services[1].quic_lb[0].key: character 32 is not a hex digit"},
	{"'000001'", "'00001'",
         "pools[1].backends[0].server_id: 5 characters, not 2..30 hex digits, two a byte"},
	{"'000001'", "''",
         "pools[1].backends[0].server_id: 0 characters, not 2..30 hex digits, two a byte"},
	{"'000001'", "'00010203040506070809101112131415'",
         "pools[1].backends[0].server_id: 32 characters, not 2..30 hex digits, two a byte"},
	{"'000001'", "'0x0001'", "pools[1].backends[0].server_id: character 2 is not a hex digit"},
};

Test(conf_json, every_error_names_the_place)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		cr_expect_str_eq(confcase_error(keys[i].from, keys[i].to), keys[i].want);
}

static const struct {
	const char *text, *want;
} broken[] = {
	{"", "is empty"},
	{" \n\t", "is empty"},
	{"\xef\xbb\xbf{}", "begins with a byte order mark; save it without"},
	{"{'lanes': [1, ]}", "1:15: unexpected token near ']' (is the comma before it too many?)"},
	{"{'node': 'a', }",
         "1:15: string or '}' expected near '}' (is the comma before it too many?)"},
	{"{'node': }", "1:10: unexpected token near '}'"},
	{"{ # why\n}", "1:3: string or '}' expected near '#' (JSON has no comments)"},
	{"nope", "1:4: '[' or '{' expected near 'nope'"},
	{"[]", "a list where an object is expected"},
	{"{}x", "1:3: end of file expected near 'x'"},
	{"{\n  'node': 'a'\n  'lanes': [1]\n}", "3:9: '}' expected near '\"lanes\"'"},
	{"{'node': 'a', 'node': 'b'}", "1:20: duplicate object key near '\"node\"'"},
	{"{'node': 'a\\u0000b'}", "1:19: NUL in a string"},
	{"{'node': 'a\xff'}", "1:11: unable to decode byte 0xff near '\"a'"},
	{"{'flows': 99999999999999999999}", "1:30: too big integer"},
	{"{'flows': 1e999}", "1:15: real number overflow near '1e999'"},
	{"{'flows': 01}", "1:11: invalid token near '0'"},
	{"// no comments\n{}", "1:1: '[' or '{' expected near '/' (JSON has no comments)"},
	// what may be a key is not quoted
	{"{'key' '8f95f09245'}", "1:19: ':' expected"},
};

Test(conf_json, broken_json_has_line_and_column)
{
	for (size_t i = 0; i < ARRAY_LEN(broken); i++)
		cr_expect_str_eq(confcase_text_error(broken[i].text), broken[i].want);
}

Test(conf_json, a_nul_byte_in_the_text_is_an_error)
{
	static const char text[] = "{\"node\": \"a\0b\"}";
	struct err err = {0};
	struct conf *conf;

	cr_expect_eq(conf_parse(&conf, text, sizeof(text) - 1, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "1:11: control character 0x0 near '\"a'");
}

Test(conf_json, deep_nesting_is_an_error)
{
	enum { DEPTH = 1 << 20 };
	char *text = malloc(DEPTH);
	struct err err = {0};
	struct conf *conf;

	cr_assert_not_null(text);
	memset(text, '[', DEPTH);
	cr_expect_eq(conf_parse(&conf, text, DEPTH, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "1:2049: maximum parsing depth reached near '['");
	free(text);
}

Test(conf_json, too_much_text_is_an_error)
{
	char *text = calloc(1, CONF_FILE_MAX + 1);
	struct err err = {0};
	struct conf *conf;

	cr_assert_not_null(text);
	cr_expect_eq(conf_parse(&conf, text, CONF_FILE_MAX + 1, &err), -EFBIG);
	cr_expect_str_eq(err.msg, "larger than 16 MiB");
	free(text);
}

Test(conf_json, an_error_leaves_the_result_alone)
{
	struct conf *conf = (void *)&conf;

	cr_expect_neq(conf_parse(&conf, "{", 1, NULL), 0);
	cr_expect_eq(conf, (void *)&conf);
}

// Neither a crash nor a success; a copy of exact size makes an overread visible to the sanitizer.
Test(conf_json, every_prefix_fails)
{
	char *text = confcase_json(confcase_base);
	size_t len = strlen(text) - 2; // without "}\n" it is no longer whole

	for (size_t n = 0; n <= len; n++) {
		char *prefix = memcpy(malloc(n ? n : 1), text, n);
		struct err err = {0};
		struct conf *conf;

		cr_expect_eq(conf_parse(&conf, prefix, n, &err), -EINVAL, "%zu bytes", n);
		cr_expect_neq(err.msg[0], '\0', "%zu bytes", n);
		free(prefix);
	}
	free(text);
}

Test(conf_json, an_empty_object_is_all_defaults)
{
	struct conf *c = NULL;

	cr_assert_eq(conf_parse(&c, "{}", 2, NULL), 0);
	cr_expect_str_eq(c->node, "lb47");
	cr_expect_str_eq(c->control, "/run/lb47/lb4d.sock");
	cr_expect_str_eq(c->stats, "/sys/fs/bpf/lb47");
	cr_expect_str_eq(c->file, "-");
	cr_expect_eq(c->n_ports + c->n_services + c->n_pools + c->n_l7 + c->n_lanes, 0);
	cr_expect_eq(c->snat.n_addresses, 0);
	cr_expect_eq(c->snat.port_first, 1024);
	cr_expect_eq(c->snat.port_last, 65535);
	cr_expect_eq(c->timeouts.tcp_syn_s, 15);
	cr_expect_eq(c->timeouts.tcp_established_s, 3600);
	cr_expect_eq(c->timeouts.tcp_fin_s, 30);
	cr_expect_eq(c->timeouts.udp_s, 60);
	cr_expect_eq(c->flows, 1048576);
	cr_expect_eq(c->workers, 0);
	cr_expect_eq(c->idle, IDLE_SLEEP);
	cr_expect_eq(c->idle_max_us, 200);
	cr_expect(c->hugepages);
	conf_free(c);
}

Test(conf_json, ports_have_their_values_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_port *p = c->ports;

	cr_assert_eq(c->n_ports, 3);
	cr_expect_eq(p[0].driver, DRIVER_PCAP);
	cr_expect_str_eq(p[0].rx, "in.pcap");
	cr_expect_str_eq(p[0].tx, "out.pcap");
	cr_expect_null(p[0].device);
	cr_expect_not(p[0].loop);
	cr_expect_eq(p[0].queues, 1);
	cr_expect_eq(p[0].mtu, 1500);
	cr_expect_eq(p[0].punt, PUNT_NONE);
	cr_expect(mac_is_zero(&p[0].mac));
	cr_expect_eq(p[1].driver, DRIVER_AF_XDP);
	cr_expect_eq(p[1].queues, 2);
	cr_expect_eq(p[1].punt, PUNT_NONE);
	cr_expect_eq(p[2].punt, PUNT_TAP);
	conf_free(c);
}

Test(conf_json, punt_is_auto_for_pci_only)
{
	struct conf *c = confcase_parse(", 'punt': 'tap'", "");

	cr_expect_eq(c->ports[2].punt, PUNT_AUTO);
	conf_free(c);
	c = confcase_parse("'pci', 'device': '0000:01:00.0', 'punt': 'tap'",
	                   "'vdev', 'device': 'net_null0'");
	cr_expect_eq(c->ports[2].punt, PUNT_NONE);
	conf_free(c);
}

Test(conf_json, services_have_their_values_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_service *s = c->services;

	cr_assert_eq(c->n_services, 5);
	cr_expect_eq(be16_to(s[0].port), 80);
	cr_expect_eq(be32_to(s[0].address.ip4), 0xcb00710a);
	cr_expect_eq(s[0].protocol, PROTO_TCP);
	cr_expect_eq(s[0].forward, FORWARD_DSR);
	cr_expect_str_eq(s[0].pool, "web");
	cr_expect_null(s[0].l7);
	cr_expect_not(s[0].flow_table);
	cr_expect_eq(s[1].forward, FORWARD_NAT);
	cr_expect(s[1].flow_table);
	cr_expect_eq(s[2].forward, FORWARD_LOCAL);
	cr_expect_null(s[2].pool);
	cr_expect_str_eq(s[2].l7, "api");
	cr_expect_eq(s[3].address.family, ADDR_IP6);
	cr_expect_eq(s[4].forward, FORWARD_DSR, "its l7 entry has hosts");
	cr_expect(s[4].is_remote);
	cr_expect_not(s[2].is_remote);
	conf_free(c);
}

Test(conf_json, quic_lb_has_its_values_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_quic_lb *q = c->services[1].quic_lb;

	cr_assert_eq(c->services[1].n_quic_lb, 2);
	cr_expect_eq(q[0].draft, 19);
	cr_expect(q[0].has_key);
	cr_expect_eq(q[0].key[0], 0x8f);
	cr_expect_eq(q[0].key[15], 0x7f);
	cr_expect_eq(q[1].config_id, 5);
	cr_expect_eq(q[1].server_id_length, 3);
	cr_expect_eq(q[1].nonce_length, 16);
	cr_expect_eq(q[1].draft, 18);
	cr_expect_not(q[1].has_key);
	conf_free(c);
}

Test(conf_json, pools_have_their_values_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_pool *p = c->pools;

	cr_assert_eq(c->n_pools, 6);
	cr_expect_eq(p[0].balance, BALANCE_MAGLEV);
	cr_expect_eq(p[0].table_size, 251);
	cr_expect_eq(p[0].health.type, HEALTH_HTTP);
	cr_expect_str_eq(p[0].health.path, "/");
	cr_expect_eq(p[0].health.interval_ms, 300);
	cr_expect_eq(p[0].health.timeout_ms, 300, "not longer than the interval");
	cr_expect_eq(p[0].health.rise, 2);
	cr_expect_eq(p[0].health.fall, 3);
	cr_expect_eq(p[1].table_size, 65537);
	cr_expect_eq(p[1].health.timeout_ms, 500);
	cr_expect_eq(p[2].health.type, HEALTH_NONE);
	cr_expect_eq(p[3].balance, BALANCE_LEAST_REQUESTS);
	conf_free(c);
}

Test(conf_json, backends_have_their_values_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_backend *b = c->pools[0].backends;
	const struct conf_backend *q = c->pools[1].backends;

	cr_expect_eq(b[0].weight, 7);
	cr_expect_eq(b[0].state, STATE_UP);
	cr_expect_eq(b[0].server_id_len, 0);
	cr_expect_not(b[0].has_mac);
	cr_expect_eq(b[1].weight, 100);
	cr_expect_eq(b[1].state, STATE_DRAIN);
	cr_expect(b[1].has_mac);
	cr_expect_eq(b[1].mac.byte[5], 0x0b);
	cr_expect_eq(q[1].server_id_len, 3);
	cr_expect_eq(q[1].server_id[2], 2);
	conf_free(c);
}

Test(conf_json, l7_entries_have_their_values)
{
	struct conf *c = confcase_parse(NULL, NULL);

	cr_assert_eq(c->n_l7, 2);
	cr_assert_eq(c->l7[0].n_tls, 1);
	cr_assert_eq(c->l7[0].n_routes, 2);
	cr_expect_str_eq(c->l7[0].tls[0].certificate, "api.pem");
	cr_expect_str_eq(c->l7[0].routes[0].host, "api.example.com");
	cr_expect_null(c->l7[0].routes[1].host);
	conf_free(c);
}

Test(conf_json, the_kernel_counts_unless_told_otherwise)
{
	static const struct {
		const char *text;
		bool tcp, steer;
	} cases[] = {
		{"{}", true, true},
		{"{\"telemetry\": {}}", true, true},
		{"{\"telemetry\": {\"tcp\": false}}", false, true},
		{"{\"telemetry\": {\"steer\": false}}", true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf *c;

		cr_assert_eq(conf_parse(&c, cases[i].text, strlen(cases[i].text), NULL), 0);
		cr_expect_eq(c->telemetry.tcp, cases[i].tcp, "%s", cases[i].text);
		cr_expect_eq(c->telemetry.steer, cases[i].steer, "%s", cases[i].text);
		conf_free(c);
	}
}

Test(conf_json, lb7d_has_its_values_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);

	cr_expect_str_eq(c->control_l7, "lb7d.sock");
	cr_expect_eq(c->worker_memory_mb, 64);
	cr_expect_eq(c->worker_connections, 5000);
	cr_expect_str_eq(c->access_log, "-");
	cr_assert(c->has_admin);
	cr_expect_eq(c->admin.address.family, ADDR_IP6);
	cr_expect_eq(be16_to(c->admin.port), 9047);
	conf_free(c);
	c = confcase_parse("'address': '::1', ", "");
	cr_expect_eq(be32_to(c->admin.address.ip4), 0x7f000001);
	conf_free(c);
	cr_assert_eq(conf_parse(&c, "{}", 2, NULL), 0);
	cr_expect_str_eq(c->control_l7, "/run/lb47/lb7d.sock");
	cr_expect_eq(c->worker_memory_mb, 256);
	cr_expect_eq(c->worker_connections, 0);
	cr_expect_null(c->access_log);
	cr_expect_not(c->has_admin);
	conf_free(c);
}

Test(conf_json, l7_entries_have_their_options_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_l7 *api = &c->l7[0], *far = &c->l7[1];

	cr_expect_null(api->hosts);
	cr_expect_not(api->proxy_protocol);
	cr_expect_eq(api->forwarded, FORWARDED_REPLACE);
	cr_expect_eq(api->tls_min, TLS_MIN_1_2);
	cr_expect_eq(api->limits.line, 8192);
	cr_expect_eq(api->limits.header, 32768);
	cr_expect_eq(api->limits.headers, 100);
	cr_expect_eq(api->limits.body_kb, 0);
	cr_expect_eq(api->timeouts.header_ms, 10000);
	cr_expect_eq(api->timeouts.client_idle_ms, 60000);
	cr_expect_eq(api->timeouts.connect_ms, 3000);
	cr_expect_eq(api->timeouts.first_byte_ms, 300000);
	cr_expect_eq(api->timeouts.stream_idle_ms, 0);
	cr_expect_eq(api->timeouts.total_ms, 0);
	cr_expect_eq(api->streams.measure, MEASURE_EVENTS);
	cr_expect_eq(api->streams.n_models, 0);
	cr_expect_null(api->streams.operation);
	cr_expect_null(api->streams.provider);
	cr_expect_eq(api->streams.event_kb, 64);
	cr_expect_eq(api->streams.stalled_ms, 10000);
	cr_expect_eq(api->sse_keepalive_ms, 0);
	cr_expect_eq(api->websocket_ping_ms, 0);
	cr_expect_str_eq(far->hosts, "far");
	cr_expect(far->proxy_protocol);
	cr_expect_eq(far->forwarded, FORWARDED_APPEND);
	cr_expect_eq(far->tls_min, TLS_MIN_1_3);
	cr_expect_eq(far->limits.line, 4096);
	cr_expect_eq(far->limits.header, 16384);
	cr_expect_eq(far->limits.headers, 50);
	cr_expect_eq(far->limits.body_kb, 1024);
	cr_expect_eq(far->timeouts.header_ms, 11);
	cr_expect_eq(far->timeouts.client_idle_ms, 12);
	cr_expect_eq(far->timeouts.connect_ms, 13);
	cr_expect_eq(far->timeouts.first_byte_ms, 14);
	cr_expect_eq(far->timeouts.stream_idle_ms, 15);
	cr_expect_eq(far->timeouts.total_ms, 16);
	cr_expect_eq(far->streams.measure, MEASURE_TOKENS);
	cr_assert_eq(far->streams.n_models, 2);
	cr_expect_str_eq(far->streams.models[0], "gpt-4o");
	cr_expect_str_eq(far->streams.models[1], "m 2");
	cr_expect_str_eq(far->streams.operation, "chat");
	cr_expect_str_eq(far->streams.provider, "aws.bedrock");
	cr_expect_eq(far->streams.event_kb, 12);
	cr_expect_eq(far->streams.stalled_ms, 3000);
	cr_expect_eq(far->sse_keepalive_ms, 15000);
	cr_expect_eq(far->websocket_ping_ms, 30000);
	conf_free(c);
}

Test(conf_json, routes_have_their_conditions)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_route *r = &c->l7[1].routes[0];

	cr_expect_str_eq(r->host, "*.example.net");
	cr_expect_eq(r->match, MATCH_EXACT);
	cr_expect_str_eq(r->method, "GET");
	cr_assert_eq(r->n_headers, 2);
	cr_expect_str_eq(r->headers[0].name, "X-A");
	cr_expect_str_eq(r->headers[0].value, "a b");
	cr_expect_str_eq(r->headers[1].name, "X-B");
	cr_expect_null(r->headers[1].value);
	cr_assert_eq(r->n_cookies, 1);
	cr_expect_str_eq(r->cookies[0].name, "user");
	cr_assert_eq(r->n_query, 1);
	cr_expect_str_eq(r->query[0].name, "q");
	cr_expect_str_eq(r->query[0].value, "", "empty is not the same as any");
	r = &c->l7[0].routes[0];
	cr_expect_eq(r->match, MATCH_PREFIX);
	cr_expect_null(r->method);
	cr_expect_eq(r->n_headers + r->n_cookies + r->n_query, 0);
	conf_free(c);
}

Test(conf_json, routes_have_their_actions_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_route *r = c->l7[1].routes;

	cr_expect_str_eq(r[0].pool, "rest");
	cr_expect_str_eq(r[0].rewrite, "/v2");
	cr_assert_eq(r[0].n_set_request_headers, 1);
	cr_expect_str_eq(r[0].set_request_headers[0].name, "Host");
	cr_expect_str_eq(r[0].set_request_headers[0].value, "rest");
	cr_assert_eq(r[0].n_set_response_headers, 2);
	cr_expect_str_eq(r[0].set_response_headers[1].value, "d");
	cr_assert_eq(r[0].n_remove_request_headers, 2);
	cr_expect_str_eq(r[0].remove_request_headers[1], "X-F");
	cr_assert_eq(r[0].n_remove_response_headers, 1);
	cr_expect_str_eq(r[0].remove_response_headers[0], "Server");
	cr_expect_eq(r[0].retries, 3);
	cr_expect_not(r[0].has_redirect || r[0].has_answer);
	cr_expect_null(r[1].pool);
	cr_expect(r[1].has_redirect && !r[1].has_answer);
	cr_expect_eq(r[1].redirect.status, 308);
	cr_expect_str_eq(r[1].redirect.location, "https://$host/new$uri");
	cr_expect(r[2].has_answer && !r[2].has_redirect);
	cr_expect_eq(r[2].answer.status, 404);
	cr_expect_str_eq(r[2].answer.body, "<p>\n\thi");
	cr_expect_str_eq(r[2].answer.content_type, "text/html");
	cr_expect_null(r[2].rewrite);
	cr_expect_eq(r[2].retries, 1);
	conf_free(c);
	c = confcase_parse("{'status': 404, 'body': '<p>\\n\\thi', 'content_type': 'text/html'}",
	                   "{}");
	cr_expect(c->l7[1].routes[2].has_answer, "an empty object is there, too");
	cr_expect_eq(c->l7[1].routes[2].answer.status, 200);
	cr_expect_str_eq(c->l7[1].routes[2].answer.body, "");
	cr_expect_str_eq(c->l7[1].routes[2].answer.content_type, "text/plain");
	conf_free(c);
	c = confcase_parse("'status': 308, ", "");
	cr_expect_eq(c->l7[1].routes[1].redirect.status, 302);
	conf_free(c);
}

Test(conf_json, pools_have_their_options_and_defaults)
{
	struct conf *c = confcase_parse(NULL, NULL);
	const struct conf_pool *web = &c->pools[0], *far = &c->pools[4], *rest = &c->pools[5];

	cr_expect_not(web->has_hash || web->has_tls || web->proxy_protocol);
	cr_expect_eq(web->hash.by, HASH_BY_SOURCE);
	cr_expect_eq(web->when_unhealthy, UNHEALTHY_ALL);
	cr_expect_eq(web->keepalive, 64);
	cr_expect_eq(web->protocol, HTTP_1);
	cr_expect_not(web->has_http2);
	cr_expect_eq(web->http2.streams, 100);
	cr_expect_eq(web->http2.connections, 64);
	cr_expect_eq(web->http2.ping_ms, 15000);
	cr_expect_eq(web->retry_budget.percent, 20);
	cr_expect_eq(web->retry_budget.per_second, 10);
	cr_expect_eq(web->health.n_status, 0);
	cr_expect_eq(web->health.jitter_percent, 10);
	cr_expect_eq(be16_to(web->health.port), 0);
	cr_expect_null(web->health.host);
	cr_expect_null(web->health.server_name);
	cr_expect_eq(far->when_unhealthy, UNHEALTHY_NONE);
	cr_expect_eq(far->health.jitter_percent, 20);
	cr_expect_eq(be16_to(far->health.port), 9000);
	cr_assert_eq(far->health.n_status, 2);
	cr_expect_eq(far->health.status[0].first, 200);
	cr_expect_eq(far->health.status[0].last, 299);
	cr_expect_eq(far->health.status[1].first, 404);
	cr_expect_eq(far->health.status[1].last, 404);
	cr_expect_str_eq(far->health.host, "a.example");
	cr_expect_str_eq(far->health.server_name, "b.example");
	cr_assert(rest->has_hash && rest->has_tls && rest->proxy_protocol);
	cr_expect_eq(rest->hash.by, HASH_BY_HEADER);
	cr_expect_str_eq(rest->hash.name, "X-User");
	cr_expect(rest->tls.verify);
	cr_expect_str_eq(rest->tls.ca, "ca.pem");
	cr_expect_str_eq(rest->tls.server_name, "c.example");
	cr_expect_eq(rest->keepalive, 8);
	cr_expect_eq(rest->protocol, HTTP_AUTO);
	cr_expect(rest->has_http2);
	cr_expect_eq(rest->http2.streams, 7);
	cr_expect_eq(rest->http2.connections, 3);
	cr_expect_eq(rest->http2.ping_ms, 900);
	cr_expect_eq(rest->retry_budget.percent, 5);
	cr_expect_eq(rest->retry_budget.per_second, 2);
	conf_free(c);
}
