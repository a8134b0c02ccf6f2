// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_advice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/confcase.h"

static struct {
	unsigned n;
	char text[512];
} said;

static void hear(const char *sentence, void *data)
{
	cr_expect_eq(data, &said);
	said.n++;
	snprintf(said.text, sizeof(said.text), "%s", sentence);
}

static void advise(const char *from, const char *to)
{
	struct conf *conf = confcase_parse(from, to);

	said.n = 0;
	conf_advice(conf, hear, &said);
	conf_free(conf);
}

Test(conf_advice, plain_and_encrypted_server_ids_are_not_to_be_mixed)
{
	advise(NULL, NULL);
	cr_assert_eq(said.n, 1);
	cr_expect_str_eq(said.text,
	                 "services[1].quic_lb[1]: has no key and shows the server IDs that "
	                 "services[1].quic_lb[0] encrypts, which weakens the encryption; keep both "
	                 "only while you change from one to the other");
}

Test(conf_advice, services_that_share_a_pool_share_its_server_ids)
{
	advise("'draft': 18}]}",
	       "'key': '00000000000000000000000000000000'}]},"
	       "{'name': 'h3b', 'address': '203.0.113.11', 'port': 443, 'protocol': 'quic',"
	       " 'forward': 'nat', 'pool': 'h3', 'quic_lb': ["
	       "  {'config_id': 0, 'server_id_length': 3, 'nonce_length': 4}]}");
	cr_assert_eq(said.n, 1);
	cr_expect_str_eq(said.text,
	                 "services[2].quic_lb[0]: has no key and shows the server IDs that "
	                 "services[1].quic_lb[0] encrypts, which weakens the encryption; keep both "
	                 "only while you change from one to the other");
}

Test(conf_advice, all_plain_or_all_encrypted_is_fine)
{
	advise("'draft': 18", "'key': '00000000000000000000000000000000'");
	cr_expect_eq(said.n, 0, "%s", said.text);
	advise(",\n        'key': '8f95f09245765f80256934e50c66207f'", "");
	cr_expect_eq(said.n, 0, "%s", said.text);
}

// What a file says that has no ports, or an empty pool: allowed, but not what anybody wants for long.
Test(conf_advice, what_cannot_move_a_packet_is_named)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"{}", "ports: there is none; lb4d needs at least one"},
		{"{\"ports\": [{\"name\": \"wan\", \"driver\": \"af_xdp\", \"device\": \"eth1\"}], \"lanes\": [0],"
	         "\"services\": [{\"name\": \"web\", \"address\": \"203.0.113.10\", \"port\": 80,"
	         " \"protocol\": \"tcp\", \"pool\": \"web\"}],"
	         "\"pools\": [{\"name\": \"web\", \"backends\": []}]}",
	         "services[0].pool: \"web\" has no backends; all packets will be dropped"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf *conf;
		struct err err;

		said.n = 0;
		cr_assert_eq(conf_parse(&conf, cases[i].text, strlen(cases[i].text), &err), 0, "%s",
		             err.msg);
		conf_advice(conf, hear, &said);
		cr_expect_eq(said.n, 1);
		cr_expect_str_eq(said.text, cases[i].want);
		conf_free(conf);
	}
}

#define SERVICE(port)                                                      \
	"'services': [{'name': 's', 'address': '127.0.0.1', 'port': " port \
	", 'protocol': 'tcp', 'l7': 'x'}]"

static void expect_advice(const char *text, const char *want)
{
	char *json = confcase_json(text);
	struct conf *conf;
	struct err err;

	said.n = 0;
	said.text[0] = '\0';
	cr_assert_eq(conf_parse(&conf, json, strlen(json), &err), 0, "%s", err.msg);
	conf_advice(conf, hear, &said);
	cr_expect_eq(said.n, want[0] ? 1 : 0, "%s", said.text);
	cr_expect_str_eq(said.text, want);
	conf_free(conf);
	free(json);
}

Test(conf_advice, what_the_workers_cannot_do_well_is_named)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"{" SERVICE(
			 "8080") ", 'l7': [{'name': 'x', 'routes': [{'path': '/', 'answer': {}}]}]}",
	         ""},
		{"{" SERVICE(
			 "443") ", 'l7': [{'name': 'x', 'routes': [{'path': '/', 'answer': {}}]}]}",
	         "services[0].port: 443 is where clients speak TLS, but l7[0] has no tls"},
		{"{" SERVICE(
			 "443") ", 'l7': [{'name': 'x', 'tls': [{'certificate': 'c', 'key': 'k'}],"
	                        " 'routes': [{'path': '/', 'answer': {}}]}]}",
	         ""},
		{"{" SERVICE(
			 "80") ", 'l7': [{'name': 'x', 'routes': [{'path': '/', 'pool': 'p'}]}],"
	                       " 'pools': [{'name': 'p'}]}",
	         "l7[0].routes[0].pool: \"p\" has no backends; requests will be answered with 503"},
		{"{" SERVICE(
			 "80") ", 'l7': [{'name': 'x', 'routes': [{'path': '/', 'pool': 'p'}]}],"
	                       " 'pools': [{'name': 'p', 'tls': {'verify': false}, 'backends':"
	                       " [{'name': 'b', 'address': '127.0.0.1', 'port': 81}]}]}",
	         "pools[0].tls.verify: false; whoever answers in a backend's place is believed, "
	         "better give `ca`"},
		{"{'services': [{'name': 's', 'address': '203.0.113.1', 'port': 80,"
	         " 'protocol': 'tcp', 'l7': 'x'}], 'ports': [{'name': 'wan', 'driver': 'af_xdp',"
	         " 'device': 'eth1'}], 'lanes': [0], 'l7': [{'name': 'x', 'hosts': 'p', 'routes':"
	         " [{'path': '/', 'answer': {}}]}], 'pools': [{'name': 'p'}]}",
	         "services[0].l7: \"p\" has no backends; all packets will be dropped"},
		{"{'services': [{'name': 's', 'address': '203.0.113.1', 'port': 80,"
	         " 'protocol': 'tcp', 'l7': 'x'}], 'l7': [{'name': 'x', 'hosts': 'p', 'routes':"
	         " [{'path': '/', 'answer': {}}]}], 'pools': [{'name': 'p', 'backends':"
	         " [{'name': 'b', 'address': '10.0.0.1', 'port': 80}]}]}",
	         "ports: there is none; lb4d needs at least one"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_advice(cases[i].text, cases[i].want);
}

Test(conf_advice, what_takes_no_request_is_named)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"{" SERVICE(
			 "80") ", 'l7': [{'name': 'x', 'routes': [{'path': '/a/*', 'answer': {}}]}]}",
	         "l7[0].routes[0].path: \"*\" means itself; a prefix wants none"},
		{"{" SERVICE(
			 "80") ", 'l7': [{'name': 'x', 'routes': [{'path': '/', 'answer': {}}]},"
	                       " {'name': 'y', 'routes': [{'path': '/', 'answer': {}}]}]}",
	         "l7[1]: no service names \"y\""},
		{"{" SERVICE(
			 "80") ", 'l7': [{'name': 'x', 'routes': [{'path': '/', 'pool': 'p'}]}],"
	                       " 'pools': [{'name': 'q'}, {'name': 'p', 'backends':"
	                       " [{'name': 'b', 'address': '127.0.0.1', 'port': 81}]}]}",
	         "pools[0]: no service and no route names \"q\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_advice(cases[i].text, cases[i].want);
}
