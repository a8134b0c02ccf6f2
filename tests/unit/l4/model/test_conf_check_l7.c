// SPDX-License-Identifier: BSD-3-Clause
// L7 entries, the services that name them, the pools of their routes, lb7d's own sockets.
#include <criterion/criterion.h>

#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

static const struct {
	const char *from, *to, *want;
} cases[] = {
	// entries
	{"'name': 'far', 'hosts'", "'name': 'api', 'hosts'",
         "l7[1].name: \"api\" is already l7[0]"},
	{"'hosts': 'far'", "'hosts': 'fa'", "l7[1].hosts: there is no pool \"fa\""},
	{" 'tls': [{'certificate': 'c', 'key': 'k'}],", "", "l7[1].tls_min: only with tls"},
	{"'line': 4096", "'line': 16385", "l7[1].limits.line: 16385 is more than header 16384"},
	{"'line': 4096, 'header': 16384", "'header': 8191",
         "l7[1].limits.line: 8192 is more than header 8191"},
	{"'measure': 'tokens', ", "", "l7[1].streams.models: only with measure \"tokens\""},
	{"'measure': 'tokens', 'models': ['gpt-4o', 'm 2'], ", "",
         "l7[1].streams.operation: only with measure \"tokens\""},
	{"'measure': 'tokens', 'models': ['gpt-4o', 'm 2'], 'operation': 'chat',", "",
         "l7[1].streams.provider: only with measure \"tokens\""},
	{"'m 2'", "'gpt-4o'", "l7[1].streams.models[1]: \"gpt-4o\" is already [0]"},
	// services
	{"'l7': 'far'", "'l7': 'far', 'forward': 'local'",
         "services[4].forward: \"local\" goes with l7 that has no hosts"},
	{"'hosts': 'far', ", "'hosts': 'web', ",
         "pools[0].backends[0].port: 80, but services[4].port is 4430 and \"dsr\" rewrites no "
         "port"},
	{"'hosts': 'far', ", "'hosts': 'chat', ",
         "pools[3].balance: \"least_requests\" is for pools of routes, services[4] needs "
         "\"maglev\""},
	{"'203.0.113.20'", "'127.0.0.1'", "services[4].address: 127.0.0.1 is a loopback address"},
	{"'10.0.0.51'", "'2001:db8:1::51'",
         "pools[4].backends[0].address: 2001:db8:1::51 is IPv6, but services[4].address is IPv4"},
	{"'10.0.0.51'", "'127.0.0.1'",
         "pools[4].backends[0].address: 127.0.0.1 is a loopback address, services[4] cannot "
         "reach it"},
	{"'10.0.0.51'", "'203.0.113.10'",
         "pools[4].backends[0].address: 203.0.113.10 is the address of services[0]"},
	{"'203.0.113.20', 'port': 4430, 'protocol': 'tcp'",
         "'2001:db8::20', 'port': 4430, 'protocol': 'udp'",
         "services[4].protocol: \"udp\" cannot be served by l7, only \"tcp\""},
	{"'addresses': ['10.0.0.2', '2001:db8:1::2'], 'port_first': 2048",
         "'addresses': ['10.0.0.2']",
         "services[3].forward: \"nat\" needs an IPv6 address in snat.addresses"},
	// pools of routes
	{"'hash': {'by': 'header', 'name': 'X-User'}",
         "'balance': 'round_robin', 'hash': {'by': 'source'}",
         "pools[5].hash: only for balance \"maglev\""},
	{"'by': 'header', 'name': 'X-User'", "'name': 'X-User'",
         "pools[5].hash.name: not for by \"source\""},
	{"'by': 'header', 'name': 'X-User'", "'by': 'cookie'",
         "pools[5].hash.name: missing, by \"cookie\" needs it"},
	{"'by': 'header', 'name': 'X-User'", "'by': 'header'",
         "pools[5].hash.name: missing, by \"header\" needs it"},
	{"'ca': 'ca.pem'", "'verify': false, 'ca': 'ca.pem'",
         "pools[5].tls.ca: of no use, verify is false"},
	{"'protocol': 'auto'", "'protocol': 'http1'", "pools[5].http2: not for protocol \"http1\""},
	{"'when_unhealthy': 'none'", "'proxy_protocol': true",
         "pools[4].proxy_protocol: is for pools of routes, services[4] forwards packets"},
	{"'when_unhealthy': 'none'", "'protocol': 'http2'",
         "pools[4].protocol: is for pools of routes, services[4] forwards packets"},
	{"'when_unhealthy': 'none'", "'tls': {}",
         "pools[4].tls: is for pools of routes, services[4] forwards packets"},
	{"'table_size': 251", "'hash': {'by': 'cookie', 'name': 'a'}",
         "pools[0].hash: is for pools of routes, services[0] forwards packets"},
	// health checks
	{"{'type': 'tcp'}", "{'type': 'tcp', 'status': ['200']}",
         "pools[1].health.status: only for types \"http\" and \"https\""},
	{"{'type': 'tcp'}", "{'type': 'tcp', 'host': 'a'}",
         "pools[1].health.host: not for type \"tcp\""},
	{"{'type': 'tcp'}", "{'type': 'tcp', 'server_name': 'a'}",
         "pools[1].health.server_name: \"tcp\" uses no TLS here"},
	{"'type': 'https'", "'type': 'http'",
         "pools[4].health.server_name: \"http\" uses no TLS here"},
	{"'type': 'https'", "'type': 'grpc'",
         "pools[4].health.server_name: \"grpc\" uses no TLS here"},
	{"'type': 'https'", "'type': 'grpcs'",
         "pools[4].health.status: only for types \"http\" and \"https\""},
	{"'type': 'https'", "'type': 'https', 'service': 'a.B'",
         "pools[4].health.service: only for types \"grpc\" and \"grpcs\""},
	{"'type': 'grpc',", "'type': 'grpc', 'path': '/x',",
         "pools[5].health.path: only for types \"http\" and \"https\""},
	{"'service': 'a.B'", "'service': ''", "pools[5].health.service: 0 bytes long, not 1..4095"},
	// streams
	{"'m 2'", "'gpt-4o'", "l7[1].streams.models[1]: \"gpt-4o\" is already [0]"},
	{"'m 2'", "'other'",
         "l7[1].streams.models[1]: \"other\" stands for all that are not listed"},
	// sockets
	{"'lb7d.sock'", "'/run/lb47/lb4d.sock'", "control_l7: already that of control"},
	{"'::1'", "'ff02::1'", "admin.address: ff02::1 is a multicast address"},
	{"'::1'", "'255.255.255.255'", "admin.address: 255.255.255.255 is the broadcast address"},
	{"'::1'", "'fe80::1'",
         "admin.address: fe80::1 is a link-local address, which means nothing without an "
         "interface"},
	{"'address': '::1', 'port': 9047", "'address': '203.0.113.10', 'port': 443",
         "admin: 203.0.113.10:443 takes the connections of services[2]"},
	{"'address': '::1', 'port': 9047", "'address': '0.0.0.0', 'port': 443",
         "admin: 0.0.0.0:443 takes the connections of services[2]"},
	{"'address': '::1', 'port': 9047", "'address': '::', 'port': 80",
         "admin: [::]:80 takes the connections of services[0]"},
	{"'address': '::1', 'port': 9047", "'address': '::1'", "admin.port: missing"},
};

Test(conf_check_l7, every_error_names_the_place)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_str_eq(confcase_error(cases[i].from, cases[i].to), cases[i].want, "%s",
		                 confcase_error(cases[i].from, cases[i].to));
}

static const struct {
	const char *name, *from, *to;
} fine[] = {
	{"hosts by nat", "'l7': 'far'", "'l7': 'far', 'forward': 'nat'"},
	{"hosts by hash alone", "'l7': 'far'", "'l7': 'far', 'flow_table': false"},
	{"an explicit default", "'l7': 'far'", "'l7': 'far', 'forward': 'dsr'"},
	{"a line as long as the head", "'line': 4096", "'line': 16384"},
	{"hash by source", "'by': 'header', 'name': 'X-User'", "'by': 'source'"},
	{"hash by source without a word", "'by': 'header', 'name': 'X-User'", ""},
	{"hash by source of a pool that packets are forwarded to", "'table_size': 251",
         "'hash': {'by': 'source'}"},
	{"a pool for routes and packets", "'hosts': 'far', ",
         "'hosts': 'far', 'routes': [{'path': '/', 'pool': 'rest'}]}, {'name': 'b', "},
	{"no verification", "'ca': 'ca.pem'", "'verify': false"},
	{"admin on all addresses", "'::1'", "'::'"},
	{"admin on the port of a UDP service", "'port': 9047", "'port': 53"},
	{"admin on a service's port, elsewhere", "'port': 9047", "'port': 443"},
};

Test(conf_check_l7, what_makes_sense_is_accepted)
{
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		cr_expect_str_eq(confcase_error(fine[i].from, fine[i].to), "", "%s: %s",
		                 fine[i].name, confcase_error(fine[i].from, fine[i].to));
}

Test(conf_check_l7, a_pool_may_take_packets_and_requests)
{
	static const char text[] =
		"{'services': [{'name': 's', 'address': '203.0.113.1', 'port': 80, 'protocol': 'tcp',"
		"  'pool': 'p'}],"
		" 'l7': [{'name': 'x', 'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'proxy_protocol': true, 'tls': {},"
		"  'hash': {'by': 'cookie', 'name': 'c'}}]}";

	cr_expect_str_eq(confcase_text_error(text), "");
}

Test(conf_check_l7, services_without_ports_are_for_lb7d_alone)
{
	static const char text[] =
		"{'services': [{'name': 's', 'address': '127.0.0.1', 'port': 8080, 'protocol': 'tcp',"
		"  'l7': 'x'}],"
		" 'l7': [{'name': 'x', 'routes': [{'path': '/', 'answer': {}}]}]}";

	cr_expect_str_eq(confcase_text_error(text), "");
}

Test(conf_check_l7, a_forward_follows_its_entry_wherever_that_stands)
{
	struct conf *c = confcase_parse("'hosts': 'far', ", "");
	char *text;

	cr_expect_eq(c->services[4].forward, FORWARD_LOCAL);
	cr_expect_null(conf_service_pool(c, &c->services[4]));
	conf_free(c);
	c = confcase_parse(NULL, NULL);
	cr_expect_eq(conf_service_pool(c, &c->services[4]), &c->pools[4]);
	cr_expect_eq(conf_service_pool(c, &c->services[0]), &c->pools[0]);
	cr_expect_null(conf_service_pool(c, &c->services[2]));
	text = conf_text(c);
	cr_expect_null(strstr(text, "\"dsr\""), "it is the default: %s", text);
	cr_expect_null(strstr(text, "\"local\""));
	free(text);
	conf_free(c);
}

Test(conf_check_l7, good_answers_are_those_listed_or_2xx_and_3xx)
{
	static const struct {
		unsigned int status;
		bool by_default, by_list; // "200-299", "404"
	} statuses[] = {
		{199, false, false}, {200, true, true},   {299, true, true},   {300, true, false},
		{399, true, false},  {400, false, false}, {403, false, false}, {404, false, true},
		{405, false, false}, {503, false, false}, {0, false, false},
	};
	struct conf *c = confcase_parse(NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		cr_expect_eq(conf_health_accepts(&c->pools[0].health, statuses[i].status),
		             statuses[i].by_default, "%u", statuses[i].status);
		cr_expect_eq(conf_health_accepts(&c->pools[4].health, statuses[i].status),
		             statuses[i].by_list, "%u", statuses[i].status);
	}
	conf_free(c);
}
