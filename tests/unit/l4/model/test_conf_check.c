// SPDX-License-Identifier: BSD-3-Clause
// What keys say about each other. test_conf_json.c has what one key says about itself.
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

static const struct {
	const char *from, *to, *want;
} cases[] = {
	// ports
	{"'name': 'lan'", "'name': 'wan'", "ports[1].name: \"wan\" is already ports[0]"},
	{", 'device': 'eth1'", "", "ports[1].device: missing, driver \"af_xdp\" needs it"},
	{"'rx': 'in.pcap', ", "", "ports[0].rx: missing, driver \"pcap\" needs it"},
	{"'rx': 'in.pcap'", "'rx': 'in.pcap', 'device': 'eth0'",
         "ports[0].device: not for driver \"pcap\", which has rx and tx"},
	{"'rx': 'in.pcap'", "'rx': 'in.pcap', 'queues': 2",
         "ports[0].queues: 2, but driver \"pcap\" has 1"},
	{"'rx': 'in.pcap'", "'rx': 'in.pcap', 'punt': 'auto'",
         "ports[0].punt: \"auto\" is only for drivers \"pci\" and \"vdev\""},
	{"'queues': 2", "'rx': 'a'", "ports[1].rx: only for driver \"pcap\""},
	{"'queues': 2", "'tx': 'a'", "ports[1].tx: only for driver \"pcap\""},
	{"'queues': 2", "'loop': true", "ports[1].loop: only for driver \"pcap\""},
	{"'eth1'", "'an-interface-name'",
         "ports[1].device: not an interface name of at most 15 bytes"},
	{"'0000:01:00.0'", "'eth0'", "ports[2].device: not a PCI address like \"0000:01:00.0\""},
	{"'pci', 'device': '0000:01:00.0', 'punt': 'tap'", "'af_xdp', 'device': 'eth1'",
         "ports[2].device: already that of ports[1]"},
	// lanes
	{"[2, 3]", "[]", "lanes: missing, ports need at least one"},
	{"[2, 3]", "[2, 3, 2]", "lanes[2]: CPU 2 is already lanes[0]"},
	// snat
	{"'port_first': 2048", "'port_first': 2048, 'port_last': 2047",
         "snat.port_last: 2047 is less than port_first 2048"},
	{"'port_first': 2048", "'port_first': 2048, 'port_last': 2048",
         "snat.port_last: 1 ports are less than one for each of 2 lanes"},
	{"'10.0.0.2'", "'10.0.0.2', '10.0.0.2'",
         "snat.addresses[1]: 10.0.0.2 is already snat.addresses[0]"},
	{"'10.0.0.2'", "'10.0.0.2', '224.0.0.1'",
         "snat.addresses[1]: 224.0.0.1 is a multicast address"},
	{"'10.0.0.2'", "'10.0.0.2', '127.0.0.2'",
         "snat.addresses[1]: 127.0.0.2 is a loopback address"},
	{"'10.0.0.2'", "'10.0.0.2', '203.0.113.10'",
         "snat.addresses[1]: 203.0.113.10 is the address of services[0]"},
	{"'10.0.0.2'", "'10.0.0.2', '10.0.0.12'",
         "pools[0].backends[1].address: 10.0.0.12 is snat.addresses[1]"},
	{"'10.0.0.2'",
         "'10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6', '10.1.0.7', "
         "'10.1.0.8', '10.1.0.9'",
         "snat.addresses[8]: more than 8 IPv4 addresses"},
	{"'10.0.0.2', ", "",
         "services[1].forward: \"nat\" needs an IPv4 address in snat.addresses"},
	{", '2001:db8:1::2'", "",
         "services[3].forward: \"nat\" needs an IPv6 address in snat.addresses"},
	// services
	{"'name': 'web', 'address'", "'name': 'six', 'address'",
         "services[3].name: \"six\" is already services[0]"},
	{"'port': 80, 'protocol': 'tcp'", "'port': 443, 'protocol': 'tcp'",
         "pools[0].backends[0].port: 80, but services[0].port is 443 and \"dsr\" rewrites no port"},
	{"'port': 80, 'protocol': 'tcp',\n     'pool': 'web', 'flow_table': false",
         "'port': 443, 'protocol': 'udp', 'forward': 'nat', 'pool': 'web'",
         "services[1]: 203.0.113.10:443 quic is already services[0]"},
	{"'2001:db8::10', 'port': 53, 'protocol': 'udp'",
         "'203.0.113.10', 'port': 443, 'protocol': 'udp'",
         "services[3]: 203.0.113.10:443 udp is already services[1]"},
	{"'2001:db8::10'", "'::'", "services[3].address: :: is the unspecified address"},
	{"'2001:db8::10'", "'ff02::1'", "services[3].address: ff02::1 is a multicast address"},
	{"'2001:db8::10'", "'::1'", "services[3].address: ::1 is a loopback address"},
	{"'2001:db8::10'", "'fe80::1'",
         "services[3].address: fe80::1 is a link-local address, which means nothing without an "
         "interface"},
	{"'2001:db8::10'", "'255.255.255.255'",
         "services[3].address: 255.255.255.255 is the broadcast address"},
	{"'2001:db8::10'", "'127.0.0.1'", "services[3].address: 127.0.0.1 is a loopback address"},
	{"'pool': 'six'", "'pool': 'sixx'", "services[3].pool: there is no pool \"sixx\""},
	{"'l7': 'api'", "'l7': 'apo'", "services[2].l7: there is no l7 entry \"apo\""},
	{"'l7': 'api'", "'l7': 'api', 'pool': 'web'", "services[2]: has both pool and l7"},
	{",\n     'l7': 'api'", "", "services[2]: has neither pool nor l7"},
	{"'l7': 'api'", "'l7': 'api', 'forward': 'nat'",
         "services[2].forward: \"nat\" goes with pool, or with l7 that has hosts"},
	{"'forward': 'nat', 'pool': 'six'", "'forward': 'local', 'pool': 'six'",
         "services[3].forward: \"local\" goes with l7, not with pool"},
	{"'port': 443, 'protocol': 'tcp'", "'port': 444, 'protocol': 'quic'",
         "services[2].protocol: \"quic\" cannot be served by l7, only \"tcp\""},
	{"'l7': 'api'", "'l7': 'api', 'flow_table': false",
         "services[2].flow_table: false is only for forward \"dsr\""},
	{"'l7': 'api'",
         "'l7': 'api', 'quic_lb': [{'config_id': 0, 'server_id_length': 1, 'nonce_length': 4}]",
         "services[2].quic_lb: only for protocol \"quic\""},
	// QUIC-LB
	{"'config_id': 5", "'config_id': 0",
         "services[1].quic_lb[1].config_id: 0 is already quic_lb[0]"},
	{"'nonce_length': 16", "'nonce_length': 17",
         "services[1].quic_lb[1].nonce_length: 17 and server_id_length 3 are together more than "
         "19"},
	{"'server_id_length': 3, 'nonce_length': 16", "'server_id_length': 4, 'nonce_length': 15",
         "pools[1].backends[0].server_id: 3 bytes, but services[1].quic_lb[1] wants 4"},
	{", 'server_id': '000002'", "",
         "pools[1].backends[1].server_id: missing, services[1].quic_lb needs it"},
	{"'000002'", "'0002'",
         "pools[1].backends[1].server_id: 2 bytes, but services[1].quic_lb[0] wants 3"},
	{"'000002'", "'000001'", "pools[1].backends[1].server_id: already that of backends[0]"},
	// pools
	{"{'name': 'h3', 'health'", "{'name': 'web', 'health'",
         "pools[1].name: \"web\" is already pools[0]"},
	{"'table_size': 251", "'table_size': 65536", "pools[0].table_size: 65536 is not a prime"},
	{"'table_size': 251", "'table_size': 4190209", // 2047 * 2047
         "pools[0].table_size: 4190209 is not a prime"},
	{"'interval_ms': 300", "'interval_ms': 300, 'timeout_ms': 301",
         "pools[0].health.timeout_ms: 301 is more than interval_ms 300"},
	{"'type': 'tcp'", "'type': 'tcp', 'path': '/x'",
         "pools[1].health.path: only for types \"http\" and \"https\""},
	{"'table_size': 251", "'balance': 'round_robin'",
         "pools[0].balance: \"round_robin\" is for pools of routes, services[0] needs \"maglev\""},
	// backends
	{"'web-2'", "'web-1'", "pools[0].backends[1].name: \"web-1\" is already backends[0]"},
	{"'10.0.0.12'", "'10.0.0.11'",
         "pools[0].backends[1].address: 10.0.0.11:80 is already backends[0]"},
	{"'10.0.0.12'", "'0.0.0.0'",
         "pools[0].backends[1].address: 0.0.0.0 is the unspecified address"},
	{"'10.0.0.12'", "'127.0.0.1'",
         "pools[0].backends[1].address: 127.0.0.1 is a loopback address, services[0] cannot reach "
         "it"},
	{"'10.0.0.12'", "'2001:db8:1::12'",
         "pools[0].backends[1].address: 2001:db8:1::12 is IPv6, but services[0].address is IPv4"},
	{"'2001:db8:1::11'", "'10.0.0.41'",
         "pools[2].backends[0].address: 10.0.0.41 is IPv4, but services[3].address is IPv6"},
	{"'10.0.0.32'", "'203.0.113.10'",
         "pools[1].backends[1].address: 203.0.113.10 is the address of services[0]"},
	{"'127.0.0.1', 'port': 8080", "'203.0.113.10', 'port': 443",
         "pools[3].backends[0].address: 203.0.113.10:443 is services[2]"},
	// routes
	{"{'path': '/', 'pool': 'chat'}", "{'path': '/', 'pool': 'chap'}",
         "l7[0].routes[1].pool: there is no pool \"chap\""},
	{"{'path': '/', ", "{'host': 'API.example.com', 'path': '/chat/', ",
         "l7[0].routes[1]: same host, path and conditions as routes[0]"},
	{"'/chat/'", "'/chat?x'",
         "l7[0].routes[0].path: holds \"?\"; the query has a key of its own"},
	{"'routes': [\n", "'routes': [{'path': '/', 'pool': 'chat'}]}, {'name': 'api', 'routes': [",
         "l7[1].name: \"api\" is already l7[0]"},
};

Test(conf_check, every_error_names_both_places)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_str_eq(confcase_error(cases[i].from, cases[i].to), cases[i].want);
}

static const struct {
	const char *name, *from, *to;
} fine[] = {
	{"all of it", NULL, NULL},
	{"tcp and quic share a port", "'port': 80, 'protocol': 'tcp'",
         "'port': 80, 'protocol': 'tcp'"},
	{"an L7 service on loopback", "'l7': 'api'",
         "'l7': 'api'}, {'name': 'lo', 'address': '127.0.0.1', 'port': 443, 'protocol': 'tcp', "
         "'l7': 'api'"},
	{"a route's backend beside its service", "'127.0.0.1', 'port': 8080",
         "'203.0.113.10', 'port': 8080"},
	{"a pool without backends",
         "{'name': 'six', 'backends': [\n       {'name': 'six-1', 'address': '2001:db8:1::11', "
         "'port': 5353}]}",
         "{'name': 'six'}"},
	{"the smallest and the largest table", "'table_size': 251", "'table_size': 4194301"},
	{"explicit defaults", "'l7': 'api'",
         "'l7': 'api', 'forward': 'local', 'flow_table': true, 'quic_lb': []"},
	{"8 snat addresses of each family", "'10.0.0.2'",
         "'10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6', '10.1.0.7', "
         "'10.1.0.8', '2001:db8:2::1', '2001:db8:2::2', '2001:db8:2::3', '2001:db8:2::4', "
         "'2001:db8:2::5', '2001:db8:2::6', '2001:db8:2::7'"},
	{"a PCI address without domain", "'0000:01:00.0'", "'01:00.0'"},
	{"a wildcard host", "'api.example.com'", "'*.example.com'"},
};

Test(conf_check, what_makes_sense_is_accepted)
{
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		cr_expect_str_eq(confcase_error(fine[i].from, fine[i].to), "", "%s", fine[i].name);
}

// `n_pools` pools of `n_backends` each.
static char *crowd(unsigned int n_pools, unsigned int n_backends)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "{'pools': [");
	for (unsigned int p = 0; p < n_pools; p++) {
		fprintf(f, "%s{'name': 'p%u', 'table_size': 1031, 'backends': [", p ? "," : "", p);
		for (unsigned int b = 0; b < n_backends; b++)
			fprintf(f, "%s{'name': 'b%u', 'address': '10.%u.%u.%u', 'port': 80}",
			        b ? "," : "", b, p, b >> 8, b & 255);
		fprintf(f, "]}");
	}
	fprintf(f, "]}");
	fclose(f);
	return text;
}

static void expect_crowd(unsigned int n_pools, unsigned int n_backends, const char *want)
{
	char *text = crowd(n_pools, n_backends);

	// 0.0.x.y and the like are not what is tested: the first byte is 10.
	cr_expect_str_eq(confcase_text_error(text), want);
	free(text);
}

Test(conf_check, as_many_backends_as_promised_are_accepted)
{
	expect_crowd(4, CONF_MAX_POOL_BACKENDS, "");
}

Test(conf_check, too_many_backends_in_a_pool_are_refused)
{
	expect_crowd(1, CONF_MAX_POOL_BACKENDS + 1,
	             "pools[0].backends: 1025 elements, not 0..1024");
}

Test(conf_check, too_many_backends_together_are_refused)
{
	expect_crowd(5, 1000, "pools: 5000 backends together, more than 4096");
}

Test(conf_check, a_table_smaller_than_its_pool_is_refused)
{
	struct conf *c = confcase_parse(NULL, NULL);
	struct err err;

	c->pools[0].table_size = 1;
	cr_expect_neq(conf_check(c, &err), 0);
	c->pools[0].table_size = 2;
	cr_expect_eq(conf_check(c, &err), 0);
	conf_free(c);
}
